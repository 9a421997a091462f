"""Files below a folder that agents write: every component is opened by hand, and no link is followed."""

import errno
import hashlib
import os
import re
import stat
import struct
import time
from collections.abc import Callable, Collection, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

from ..errors import DeniedError
from ..model.unsaved import Unsaved

LARGEST = 128 * 1024 * 1024
"""Most bytes of one file that are read at once."""
_FOLDER = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
# Not blocking: a FIFO that took a file's place must not hold the worker.
_READ = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
_WRITE = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
DEEPEST = 128
"""Folders in folders that are entered: more would exhaust whoever goes down, and no path is that long."""
_MOST_SEEN = 5_000  # files are remembered one by one, in about 200 bytes each
_TICKS = 50_000_000
"""Nanoseconds: some ticks of the slowest kernel clock, by which files are stamped."""
_TOLD = struct.Struct("<QIqqq")
_CLOSED = (errno.EACCES, errno.EPERM, errno.EMFILE, errno.ENFILE)
_SET_ID = stat.S_ISUID | stat.S_ISGID
BARE = frozenset({"HEAD", "objects", "refs", "commondir"})
"""Names by which git takes a folder for a bare repository."""
# What file systems elsewhere take for `.git`: other case, trailing dots and blanks, the short name, ignorable letters.
_GIT_NAME = re.compile(r"\.git[. ]*(:.*)?|git~1[. ]*", re.IGNORECASE)
_IGNORABLE = re.compile("[\u200c-\u200f\u202a-\u202e\u206a-\u206f\ufeff]")


@dataclass(frozen=True)
class Entry:
    """A file or link as git would keep it."""

    mode: str
    """`100644`, `100755` or `120000`."""
    content: bytes


@dataclass
class Found:
    """What a sweep met."""

    removed: list[str] = field(default_factory=list)
    """FIFOs, sockets and devices."""
    stripped: list[str] = field(default_factory=list)
    """Files that lost their set-id bits."""
    nested: list[str] = field(default_factory=list)
    """`.git` of the tree's own making, below the top."""
    bare: dict[str, frozenset[str]] = field(default_factory=dict)
    """Folders that git would take for a bare repository, with the names that make it think so."""
    closed: list[str] = field(default_factory=list)
    """Folders that could not be looked into, or lie too deep."""
    secrets: dict[str, int] = field(default_factory=dict)
    """Files named as secrets are, and those that were known for one, with their inodes."""
    mark: str = ""
    """The same while no file was made, written, renamed or taken away: the kernel's own times, which no command can
    set, are part of it. A file that changed twice within a tick of the kernel's clock may not show: see `settled`."""
    newest: int = 0
    """When the last of the files changed, in nanoseconds of the clock."""
    looked: int = field(default_factory=time.time_ns)
    """When the sweep began, likewise."""
    seen: dict[str, bytes] | None = field(default_factory=dict)
    """What the kernel said of each file and link; None when there are too many."""
    fresh: set[str] = field(default_factory=set)
    """Those that had changed so shortly before that another change may not show."""
    folders: dict[str, int] = field(default_factory=dict)
    """When something came into each folder or went last, also what is gone by now."""

    def since(self, earlier: "Found") -> Collection[str] | None:
        """All files that may have another content than when `earlier` was found; None when files or repositories came
        or went, or nobody can say."""
        before, now, folders = earlier.seen, self.seen, earlier.folders.keys()
        if before is None or now is None or before.keys() != now.keys() or folders != self.folders.keys():
            return None
        if self.closed or (earlier.nested, earlier.bare, earlier.closed) != (self.nested, self.bare, self.closed):
            return None
        return earlier.fresh | {path for path, told in now.items() if before[path] != told}

    def settled(self, looked: int) -> bool:
        """Whether `mark`, made at `looked` (nanoseconds), will show every change that comes."""
        return self.newest < looked - _TICKS


def is_git_name(name: str) -> bool:
    """Whether some file system would take `name` for `.git`."""
    return _GIT_NAME.fullmatch(_IGNORABLE.sub("", name)) is not None


def parts_of(path: str) -> Sequence[str]:
    """The components of a path below a folder. Raises DeniedError for one that leads elsewhere."""
    parts = [part for part in path.split("/") if part not in ("", ".")]
    if path.startswith("/") or ".." in parts or "\0" in path or not parts:
        raise _outside(path)
    return parts


def read(root: Path, path: str) -> bytes:
    """The content of a regular file. Raises FileNotFoundError, DeniedError."""
    with _permitted(path), _parent(root, path) as (folder, name):
        return _content(folder, name, path)


def entry(root: Path, path: str) -> Entry | Unsaved | None:
    """The file or link at `path`, or why it cannot be kept; None when there is neither, or a link on the way."""
    try:
        with _parent(root, path) as (folder, name):
            state = os.stat(name, dir_fd=folder, follow_symlinks=False)
            if stat.S_ISLNK(state.st_mode):
                return Entry("120000", os.fsencode(os.readlink(name, dir_fd=folder)))
            if not stat.S_ISREG(state.st_mode):
                return None
            try:
                content = _content(folder, name, path)
            except DeniedError as denied:
                return _unsaved(path, state.st_size, denied)
            return Entry("100755" if state.st_mode & stat.S_IXUSR else "100644", content)
    except PermissionError:
        return Unsaved(path=path, why="it cannot be read", fix="give the permission back, or remove {path}")
    except (FileNotFoundError, NotADirectoryError, DeniedError):
        if not parts_of(path):
            raise
        return None


def _unsaved(path: str, size: int, denied: DeniedError) -> Unsaved:
    if size <= LARGEST:
        return Unsaved(path=path, why=denied.what, fix=denied.fix)
    return Unsaved(
        path=path,
        why=f"it has {size} bytes, and files of at most {LARGEST} bytes ({LARGEST >> 20} MiB) are saved",
        fix="put {path} back or remove it; let large files be git-ignored, or lie below /tmp",
    )


def write(root: Path, path: str, content: bytes) -> None:
    """Put a regular file in place whole, its folders made. Raises DeniedError."""
    if any(is_git_name(part) for part in parts_of(path)):
        raise DeniedError(f"{path}: nothing may be written into .git", fix="the engine commits; change files only")
    with _permitted(path), _parent(root, path, make=True) as (folder, name):
        mode = _mode_to_keep(folder, name, path)
        aside = f".setpoint-{os.urandom(6).hex()}"
        descriptor = os.open(aside, _WRITE, mode, dir_fd=folder)
        try:
            with os.fdopen(descriptor, "wb") as file:
                file.write(content)
            os.chmod(aside, mode, dir_fd=folder)
            os.rename(aside, name, src_dir_fd=folder, dst_dir_fd=folder)
        except OSError:
            with suppress(OSError):
                os.unlink(aside, dir_fd=folder)
            raise


def delete(root: Path, path: str) -> None:
    """Remove a file or link; nothing when it is not there."""
    with suppress(FileNotFoundError), _parent(root, path) as (folder, name):
        os.unlink(name, dir_fd=folder)


def move_out(root: Path, path: str, target: Path) -> None:
    """Move what stands at `path` to `target`, on the same file system. Raises FileNotFoundError, DeniedError."""
    with _permitted(path), _parent(root, path) as (folder, name):
        os.rename(name, target, src_dir_fd=folder)


def make_folder(root: Path, path: str) -> None:
    """Make a folder and those above it. Raises DeniedError where something else stands in the way."""
    with _parent(root, f"{path}/x", make=True):
        pass


def kind(root: Path, path: str) -> str:
    """`file`, `folder` or `link`; empty when nothing of these is there, or a link is on the way."""
    try:
        with _parent(root, path) as (folder, name):
            mode = os.stat(name, dir_fd=folder, follow_symlinks=False).st_mode
    except (OSError, DeniedError):
        return ""
    return {stat.S_IFREG: "file", stat.S_IFDIR: "folder", stat.S_IFLNK: "link"}.get(stat.S_IFMT(mode), "")


def sweep(
    root: Path,
    secret: "re.Pattern[str] | None" = None,
    *,
    known: Collection[int] = (),
    clean: bool = True,
    without: Collection[str] = (),
) -> Found:
    """Name what git must not meet, and files whose name `secret` matches or whose inode is `known`. With `clean` the
    tree is made harmless to the host that reads it: FIFOs, sockets, devices and set-id bits go, and what its owner may
    not read is opened again for the owner. Folders named in `without` are passed by."""
    found, look = Found(), _Look(secret, frozenset(known), clean, without)
    above = os.open(root.parent, _FOLDER)
    try:
        top = _open_below(above, root.name, clean)
    finally:
        os.close(above)
    try:
        _sweep(top, "", found, look)
    finally:
        os.close(top)
    bare = sorted((folder, *sorted(names)) for folder, names in found.bare.items())
    look.mark.update(ascii((found.nested, bare, found.closed)).encode())
    found.mark = look.mark.hexdigest()
    return found


@dataclass(frozen=True)
class _Look:
    secret: "re.Pattern[str] | None"
    known: frozenset[int]
    clean: bool
    without: Collection[str]
    mark: "hashlib.blake2b" = field(default_factory=lambda: hashlib.blake2b(digest_size=16))


def _sweep(folder: int, prefix: str, found: Found, look: _Look) -> None:
    folders: list[str] = []
    names: set[str] = set()
    found.folders[prefix] = os.fstat(folder).st_ctime_ns
    look.mark.update(prefix.encode("utf-8", "surrogateescape") + b"\0")
    with os.scandir(folder) as entries:
        for item in entries:
            name, path = item.name, prefix + item.name
            names.add(name)
            if prefix and is_git_name(name):
                found.nested.append(path)
            elif item.is_dir(follow_symlinks=False):
                folders.append(name)
            elif not item.is_symlink():
                if look.clean:
                    _make_plain(folder, item, path, found)
                _note(item, path, found, look)
                if (look.secret is not None and look.secret.fullmatch(path)) or item.inode() in look.known:
                    found.secrets[path] = item.inode()
            else:
                _note(item, path, found, look)
    # Git takes `HEAD` with `commondir` for one as well: objects, refs and configuration then lie where that points.
    if prefix and "HEAD" in names and ({"objects", "refs"} <= names or "commondir" in names):
        found.bare[prefix.rstrip("/")] = frozenset(names & BARE)
    for name in folders:
        if prefix + name in look.without or (not prefix and is_git_name(name)):
            continue
        if prefix.count("/") >= DEEPEST:
            found.closed.append(prefix + name)
            continue
        try:
            below = _open_below(folder, name, look.clean)
        except OSError as error:
            # Else gone, or no folder any more. Nobody has looked where there was no descriptor left to look with.
            found.closed += [prefix + name] if error.errno in _CLOSED else []
            continue
        try:
            _sweep(below, f"{prefix}{name}/", found, look)
        finally:
            os.close(below)


def _note(item: "os.DirEntry[str]", path: str, found: Found, look: _Look) -> None:
    with suppress(OSError):
        seen = item.stat(follow_symlinks=False)
        told = _TOLD.pack(seen.st_ino, seen.st_mode, seen.st_size, seen.st_mtime_ns, seen.st_ctime_ns)
        look.mark.update(path.encode("utf-8", "surrogateescape") + b"\0" + told)
        found.newest = max(found.newest, seen.st_ctime_ns)
        if seen.st_ctime_ns >= found.looked - _TICKS:
            found.fresh.add(path)
        if found.seen is not None:
            found.seen[path] = told
            found.seen = None if len(found.seen) > _MOST_SEEN else found.seen


def _open_below(folder: int, name: str, clean: bool) -> int:
    try:
        below = os.open(name, _FOLDER, dir_fd=folder)
    except PermissionError:
        if not clean:
            raise
        _set_mode(folder, name, stat.S_ISDIR, more=stat.S_IRWXU)
        below = os.open(name, _FOLDER, dir_fd=folder)
    if clean:
        mode = stat.S_IMODE(os.fstat(below).st_mode)
        if mode & stat.S_IRWXU != stat.S_IRWXU:
            with suppress(OSError):
                os.fchmod(below, mode | stat.S_IRWXU)
    return below


def _make_plain(folder: int, item: "os.DirEntry[str]", path: str, found: Found) -> None:
    if not item.is_file(follow_symlinks=False):
        with suppress(OSError):
            os.unlink(item.name, dir_fd=folder)
            found.removed.append(path)
        return
    with suppress(OSError):
        mode = item.stat(follow_symlinks=False).st_mode
        if mode & _SET_ID or not mode & stat.S_IRUSR:
            _set_mode(folder, item.name, stat.S_ISREG, more=stat.S_IRUSR, less=_SET_ID)
            if mode & _SET_ID:
                found.stripped.append(path)


def _set_mode(folder: int, name: str, is_meant: Callable[[int], bool], *, more: int = 0, less: int = 0) -> None:
    """Change the mode of what stands at `name` itself, unreadable as it may be; nothing when it is something else."""
    descriptor = os.open(name, os.O_PATH | os.O_NOFOLLOW | os.O_CLOEXEC, dir_fd=folder)
    try:
        mode = os.fstat(descriptor).st_mode
        if is_meant(mode):
            # The descriptor is the file, whatever its name leads to by now.
            Path(f"/proc/self/fd/{descriptor}").chmod((stat.S_IMODE(mode) | more) & ~less)
    finally:
        os.close(descriptor)


@contextmanager
def _permitted(path: str) -> Iterator[None]:
    try:
        yield
    except PermissionError as error:
        why = "its mode, or a folder's above it, does not allow it"
        raise DeniedError(f"{path}: permission denied", why=why, fix=f"chmod {path}") from error


@contextmanager
def _parent(root: Path, path: str, *, make: bool = False) -> Iterator[tuple[int, str]]:
    """The opened folder of `path` and its last component."""
    *folders, name = parts_of(path)
    here = os.open(root, _FOLDER)
    try:
        for part in folders:
            here = _enter(here, part, path, make)
        yield here, name
    finally:
        os.close(here)


def _enter(here: int, part: str, path: str, make: bool) -> int:
    if make:
        with suppress(FileExistsError):
            os.mkdir(part, 0o755, dir_fd=here)
    try:
        below = os.open(part, _FOLDER, dir_fd=here)
    except NotADirectoryError as error:
        if stat.S_ISLNK(os.stat(part, dir_fd=here, follow_symlinks=False).st_mode):
            raise _link(path) from error
        if make:
            raise DeniedError(f"{path}: {part} is a file, not a folder", fix="choose another path") from error
        raise FileNotFoundError(2, "No such file or directory", path) from error
    os.close(here)
    return below


def _content(folder: int, name: str, path: str) -> bytes:
    try:
        descriptor = os.open(name, _READ, dir_fd=folder)
    except OSError as error:
        with suppress(OSError):
            if stat.S_ISLNK(os.stat(name, dir_fd=folder, follow_symlinks=False).st_mode):
                raise _link(path) from error
        raise
    with os.fdopen(descriptor, "rb") as file:
        state = os.fstat(descriptor)
        if not stat.S_ISREG(state.st_mode):
            raise DeniedError(f"{path} is not a regular file", fix="read a file")
        if state.st_size > LARGEST:
            what = f"{path} is too large to read ({state.st_size} bytes)"
            raise DeniedError(what, fix=f"at most {LARGEST} bytes; read a part of it")
        return file.read(LARGEST)


def _mode_to_keep(folder: int, name: str, path: str) -> int:
    try:
        mode = os.stat(name, dir_fd=folder, follow_symlinks=False).st_mode
    except FileNotFoundError:
        return 0o644
    if stat.S_ISLNK(mode):
        raise _link(path)
    if not stat.S_ISREG(mode):
        raise DeniedError(f"{path} is not a regular file", fix="choose another path")
    return stat.S_IMODE(mode) & 0o777 | 0o600


def _outside(path: str) -> DeniedError:
    return DeniedError(f"{path!r} leads out of the workspace", fix="use a path below the repository's root")


def _link(path: str) -> DeniedError:
    return DeniedError(f"{path} is, or leads through, a symbolic link", fix="use the real path of the file")
