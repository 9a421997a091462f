"""One typed way to the `git` binary, for trees that agents write.

Two git folders take part. The user's own holds the refs; only commands that never look at a working tree run on it. A
private one of ours, which borrows the user's objects, is used for everything that reads or writes files: its
configuration is empty and its `info/attributes` outranks any `.gitattributes`, so no filter, no line ending conversion
and no diff driver exists for it. What is in a tree is its bytes.
"""

import asyncio
import errno
import hashlib
import os
import re
import subprocess
import time
import zlib
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path

from ..errors import BusyError, DiskFullError, RefusedError, RepositoryError, TransientError
from .folders import named_by_sha256, program_path

_SECONDS = 600.0
_SAFE = (
    "core.hooksPath=/dev/null",
    "core.fsmonitor=false",
    "core.untrackedCache=false",
    "core.quotePath=false",
    "core.attributesFile=/dev/null",
    "core.excludesFile=/dev/null",
    "core.protectHFS=true",
    "core.protectNTFS=true",
    "core.symlinks=true",
    "core.fileMode=true",
    "commit.gpgSign=false",
    "protocol.ext.allow=never",
    "submodule.recurse=false",
    "fetch.recurseSubmodules=false",
    "gc.auto=0",
    "maintenance.auto=false",
)
_ATTRIBUTES = "* !diff !merge -text !eol -crlf -ident -filter -working-tree-encoding\n"
_PLAIN = re.compile(r"[<>\n\0]")
_FOLDER_NAME = re.compile(r"gitdir: (.+)")
_LOCK = re.compile(r"Unable to create '([^']+\.lock)'")


class Git:
    """Commands on one git folder."""

    def __init__(self, folder: Path, *, objects: Path | None = None, sha256: bool = False) -> None:
        self.folder = folder
        self.objects = objects or folder / "objects"
        self.sha256 = sha256
        """Whether objects are named by SHA-256 instead of SHA-1."""

    def call(
        self,
        *words: str,
        stdin: bytes = b"",
        index: Path | None = None,
        work_tree: Path | None = None,
        accept: Sequence[int] = (0,),
        env: Mapping[str, str] | None = None,
    ) -> bytes:
        """The output of one command, waiting for it. Raises RefusedError for an exit code not in `accept`, BusyError
        for a taken lock, DiskFullError."""
        # Said, not left to a file `commondir` in it, which would lead to another configuration.
        where = {"GIT_OBJECT_DIRECTORY": str(self.objects), "GIT_COMMON_DIR": str(self.folder)}
        if index:
            where["GIT_INDEX_FILE"] = str(index)
        folders = [f"--git-dir={self.folder}", *([f"--work-tree={work_tree}"] if work_tree else [])]
        options = [word for pair in _SAFE for word in ("-c", pair)]
        try:
            done = subprocess.run(
                ["git", *folders, *options, *words],
                input=stdin,
                capture_output=True,
                cwd=work_tree or self.folder,
                env={**_environment(), **where, **(env or {})},
                timeout=_SECONDS,
                check=False,
            )
        except FileNotFoundError as error:
            raise RepositoryError(
                f"git could not be run in {error.filename}", fix="install git 2.38 or newer"
            ) from error
        except subprocess.TimeoutExpired as error:
            raise TransientError(f"git {words[0]} took longer than {_SECONDS:.0f} s") from error
        if done.returncode not in accept:
            raise _refusal(words[0], done.returncode, done.stderr.decode("utf-8", "replace"))
        return done.stdout

    async def run(
        self,
        *words: str,
        stdin: bytes = b"",
        index: Path | None = None,
        work_tree: Path | None = None,
        accept: Sequence[int] = (0,),
        env: Mapping[str, str] | None = None,
    ) -> bytes:
        """As `call`, beside the event loop. A command that was begun is let end: it is short, and it is whole."""

        def work() -> bytes:
            return self.call(*words, stdin=stdin, index=index, work_tree=work_tree, accept=accept, env=env)

        return await asyncio.to_thread(work)

    # -- commits and refs ---------------------------------------------------------------------------------------

    async def resolve(self, revision: str, kind: str = "commit") -> str | None:
        """The hash of the commit (or tree) that `revision` names; None when there is none."""
        if revision.startswith("-"):
            return None
        out = await self.run("rev-parse", "--verify", "--quiet", f"{revision}^{{{kind}}}", accept=(0, 1, 128))
        return out.decode().strip() or None

    async def move(self, ref: str, new: str, old: str | None = None) -> None:
        """Point `ref` to `new`; with `old`, only if it is still there (the empty string: not there at all)."""
        expected = [] if old is None else [old or "0" * len(new)]
        await self.run("update-ref", "--no-deref", ref, new, *expected)

    async def commit(
        self,
        tree: str,
        parents: Sequence[str],
        message: str,
        author: tuple[str, str] = ("setpoint", "setpoint@localhost"),
    ) -> str:
        """A commit on no branch."""
        name, address = (_PLAIN.sub("", part).strip() or "setpoint" for part in author)
        who = f"{name} <{address}> {int(time.time())} +0000"
        lines = [f"tree {tree}", *(f"parent {parent}" for parent in parents), f"author {who}", f"committer {who}"]
        text = "\n".join([*lines, "", message.rstrip("\n").replace("\0", "") + "\n"])
        content = text.encode("utf-8", "replace")
        return await asyncio.to_thread(write_object, self.objects, "commit", content, sha256=self.sha256)

    # -- content ------------------------------------------------------------------------------------------------

    async def diff(self, base: str, head: str) -> str:
        """Unified diff between two commits or trees, renames off."""
        out = await self.run(
            "diff-tree", "-r", "-p", "--full-index", "--no-color", "--no-renames", "--no-ext-diff", "--no-textconv",
            "--ignore-submodules=none", "--src-prefix=a/", "--dst-prefix=b/", base, head,
        )  # fmt: skip
        return out.decode("utf-8", "replace")

    async def changed(self, base: str, head: str) -> Sequence[str]:
        """Paths that differ between two commits or trees, sorted."""
        out = await self.run("diff-tree", "-r", "-z", "--name-only", "--no-renames", base, head)
        return sorted(os.fsdecode(name) for name in out.split(b"\0") if name)

    async def show(self, revision: str, path: str) -> bytes | None:
        """A file at a commit or tree; None when it is not there."""
        named = f"{revision}:{path}"
        if await self.run("cat-file", "-t", named, accept=(0, 128)) != b"blob\n":
            return None
        return await self.run("cat-file", "blob", named)


def private_git(folder: Path, common: Path) -> Git:
    """Our own git folder at `folder` over the objects of `common`, made or brought up to date."""
    (folder / "refs").mkdir(parents=True, exist_ok=True)
    (folder / "objects").mkdir(exist_ok=True)
    (folder / "info").mkdir(exist_ok=True)
    excluded = b""
    with suppress(OSError):
        excluded = (common / "info" / "exclude").read_bytes()
    sha256 = named_by_sha256(common)
    version = "1\n[extensions]\n\tobjectformat = sha256" if sha256 else "0"
    files = {
        "HEAD": b"ref: refs/heads/none\n",
        "config": f"[core]\n\tbare = false\n\trepositoryformatversion = {version}\n".encode(),
        "info/attributes": _ATTRIBUTES.encode(),
        "info/exclude": excluded.rstrip(b"\n") + b"\n/.setpoint/\n",
    }
    with suppress(OSError):
        files["shallow"] = (common / "shallow").read_bytes()
    for name, content in files.items():
        _bring(folder / name, content)
    return Git(folder, objects=common / "objects", sha256=sha256)


def user_git(repository: Path) -> Git:
    """The user's own git folder: for refs, commits and objects alone."""
    common = common_folder(repository)
    return Git(common, sha256=named_by_sha256(common))


def _bring(place: Path, content: bytes) -> None:
    with suppress(OSError):
        if place.read_bytes() == content:
            return
    aside = place.with_name(f"{place.name}.{os.getpid()}.new")
    aside.write_bytes(content)
    aside.replace(place)


def common_folder(repository: Path) -> Path:
    """The git folder that holds the refs of a user's repository, found by reading files alone."""
    marker = repository / ".git"
    if marker.is_dir():
        return marker.resolve()
    if marker.is_file():
        pointer = _FOLDER_NAME.match(marker.read_text(encoding="utf-8", errors="surrogateescape"))
        if pointer:
            own = (repository / pointer[1].strip()).resolve()
            common = own / "commondir"
            return (own / common.read_text(encoding="utf-8").strip()).resolve() if common.is_file() else own
    if (repository / "objects").is_dir() and (repository / "HEAD").is_file():
        return repository.resolve()
    raise RepositoryError(f"{repository} is not a git repository", fix="run it in a git repository, or `git init` one")


def object_name(kind: str, content: bytes, *, sha256: bool = False) -> str:
    """The hash by which `content` is kept."""
    whole = _whole(kind, content)
    return (hashlib.sha256(whole) if sha256 else hashlib.sha1(whole, usedforsecurity=False)).hexdigest()


def _whole(kind: str, content: bytes) -> bytes:
    return f"{kind} {len(content)}\0".encode() + content


def write_object(objects: Path, kind: str, content: bytes, *, sha256: bool = False) -> str:
    """Keep `content` as a loose object, byte for byte, and give its hash. Raises DiskFullError."""
    name = object_name(kind, content, sha256=sha256)
    place = objects / name[:2] / name[2:]
    if place.exists():
        return name
    aside = place.with_name(f"tmp_obj_{os.getpid()}_{os.urandom(6).hex()}")
    try:
        place.parent.mkdir(exist_ok=True)
        aside.write_bytes(zlib.compress(_whole(kind, content), 1))
        aside.chmod(0o444)
        aside.replace(place)
    except OSError as error:
        with suppress(OSError):
            aside.unlink()
        if error.errno in (errno.ENOSPC, errno.EDQUOT):
            raise DiskFullError(
                "no room left for a git object", fix="free some space, then `setpoint resume`"
            ) from error
        raise
    return name


async def identity(repository: Path) -> tuple[str, str]:
    """Name and address the user's git would write into a commit; ours where it knows none."""

    def ask(key: str) -> str:
        env = {name: value for name, value in os.environ.items() if not name.startswith("GIT_")}
        env["PATH"] = program_path(os.environ)
        done = subprocess.run(
            ["git", "-c", "core.fsmonitor=false", "config", "--get", key],
            cwd=repository, env=env, capture_output=True, check=False, timeout=_SECONDS,
        )  # fmt: skip
        return _PLAIN.sub("", done.stdout.decode("utf-8", "replace")).strip()

    name = await asyncio.to_thread(ask, "user.name")
    address = await asyncio.to_thread(ask, "user.email")
    return name or "setpoint", address or "setpoint@localhost"


def _environment() -> dict[str, str]:
    return {
        "PATH": program_path(os.environ),
        "HOME": "/nonexistent",
        "LC_ALL": "C.UTF-8",
        "GIT_CONFIG_NOSYSTEM": "1",
        "GIT_CONFIG_GLOBAL": os.devnull,
        "GIT_ATTR_NOSYSTEM": "1",
        "GIT_TERMINAL_PROMPT": "0",
        "GIT_ASKPASS": "/bin/false",
        "GIT_PAGER": "cat",
        "GIT_OPTIONAL_LOCKS": "0",
        "GIT_NO_REPLACE_OBJECTS": "1",
        "GIT_LITERAL_PATHSPECS": "1",
        "GIT_ALLOW_PROTOCOL": "file:git:http:https:ssh",
    }


def _refusal(word: str, code: int, said: str) -> RefusedError | DiskFullError | BusyError:
    if "No space left on device" in said or "Disk quota exceeded" in said:
        return DiskFullError(f"git {word}: no room left on the device", fix="free some space, then `setpoint resume`")
    lock = _LOCK.search(said)
    if lock:
        return BusyError(
            f"git {word}: {lock[1]} is taken",
            why="another git is at work there, or one died and left its lock",
            fix=f"when no git runs in the repository: rm {lock[1]}",
        )
    return RefusedError(f"git {word} failed with {code}", why=said.strip()[-2000:])
