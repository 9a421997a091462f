"""The key that a person's answers are signed with: two small files in their own configuration folder.

The folder is never shown in a sandbox and never lies in the repository. Whatever else but its owner could read or
replace it, it is not used: the error says what to mend.
"""

import os
import stat
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING

from ..errors import KeyFileError
from ..model.approval import Approval
from ..policy.signatures import key_name

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

PRIVATE, PUBLIC = "approval.key", "approval.pub"
_MOST = 4096
"""Bytes that a key file may have."""
_ANEW = "move both files away: the next answer makes a new key, which your approvers must be told"


def key_folder(environ: Mapping[str, str], home: Path) -> Path:
    """Where the key lies: below `$XDG_CONFIG_HOME`, else `~/.config`."""
    configured = environ.get("XDG_CONFIG_HOME", "")
    return (Path(configured) if Path(configured).is_absolute() else home / ".config") / "setpoint" / "approvals"


class KeyRing:
    """One person's key."""

    def __init__(self, folder: Path, *, shown: Sequence[Path], tell: Callable[[str], None]) -> None:
        """`shown`: folders that a sandbox may see, none of which may hold the key; `tell` hears of a key that is
        made."""
        self.folder = folder
        self._shown = shown
        self._tell = tell

    def own(self) -> str:
        """The public half; empty before it was first needed. Raises KeyFileError."""
        self._outside()
        if not os.path.lexists(self.folder):
            return ""
        return self._read()[1]

    def ready(self) -> str:
        """The public half; the key is made when there is none. Raises KeyFileError."""
        if not self.own():
            self._make()
        return self._read()[1]

    def sign(self, approval: Approval) -> Approval:
        """`approval`, signed; the key is made when there is none. Raises KeyFileError."""
        self.ready()
        private, public = self._read()
        unsigned = approval.model_copy(update={"key": public, "signature": ""})
        return unsigned.model_copy(update={"signature": private.sign(unsigned.payload()).hex()})

    def _outside(self) -> None:
        real = Path(os.path.realpath(self.folder))
        for place in self._shown:
            if real.is_relative_to(os.path.realpath(place)):
                raise KeyFileError(
                    f"the approval key would lie in {place}, which agents or their commands can see",
                    why="whoever reads the key can approve in your name",
                    fix="set XDG_CONFIG_HOME to a folder of yours outside of the repository and of `sandbox.readonly`",
                )

    def _make(self) -> None:
        """Both halves at once: the folder appears with them, or another process's does."""
        from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
        from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

        private = Ed25519PrivateKey.generate()
        # In the form that scanners know: where it should ever turn up it is taken for what it is.
        pem = private.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
        public = key_name(private.public_key().public_bytes_raw())
        fresh = self.folder.with_name(f".approvals-{os.urandom(6).hex()}")
        try:
            self.folder.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            fresh.mkdir(mode=0o700)
            for name, content in ((PRIVATE, pem), (PUBLIC, f"{public}\n".encode())):
                _write(fresh / name, content)
            with suppress(OSError):
                fresh.rename(self.folder)
                self._tell(f"made the key that your answers are signed with: {self.folder / PRIVATE} ({public})")
        except OSError as error:
            raise KeyFileError(
                f"the approval key could not be made in {self.folder}",
                why=str(error.strerror or error),
                fix="make that folder writable for you alone, or set XDG_CONFIG_HOME to one that is",
            ) from error
        finally:
            for name in (PRIVATE, PUBLIC):
                (fresh / name).unlink(missing_ok=True)
            with suppress(OSError):
                fresh.rmdir()

    def _read(self) -> "tuple[Ed25519PrivateKey, str]":
        """Both halves, which belong together. Raises KeyFileError."""
        with self._opened() as folder:
            private, public = (_content(folder, self.folder / name) for name in (PRIVATE, PUBLIC))
        key, name = _key(private), public.decode("ascii", "replace").strip()
        if key is None:
            raise KeyFileError(f"{self.folder / PRIVATE} holds no key", why="it is damaged", fix=_ANEW)
        derived = key_name(key.public_key().public_bytes_raw())
        if derived != name:
            raise KeyFileError(
                f"the two halves in {self.folder} do not belong together",
                why=f"the private half is that of {derived}, {PUBLIC} says {name[:80]}",
                fix=_ANEW,
            )
        return key, name

    @contextmanager
    def _opened(self) -> Iterator[int]:
        try:
            folder = os.open(self.folder, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW)
        except OSError as error:
            raise KeyFileError(
                f"{self.folder} is not a folder of your own",
                why="it is a link, a file, or cannot be read",
                fix=_ANEW,
            ) from error
        try:
            _private(os.fstat(folder), self.folder, 0o700)
            yield folder
        finally:
            os.close(folder)


def _key(content: bytes) -> "Ed25519PrivateKey | None":
    from cryptography.exceptions import UnsupportedAlgorithm
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
    from cryptography.hazmat.primitives.serialization import load_pem_private_key

    try:
        found = load_pem_private_key(content, password=None)
    except (ValueError, TypeError, UnsupportedAlgorithm):
        return None
    return found if isinstance(found, Ed25519PrivateKey) else None


def _write(path: Path, content: bytes) -> None:
    file = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, 0o600)
    with os.fdopen(file, "wb") as opened:
        opened.write(content)
        opened.flush()
        os.fsync(opened.fileno())


def _content(folder: int, path: Path) -> bytes:
    try:
        # Not waiting: what is named so might be a pipe.
        file = os.open(path.name, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK, dir_fd=folder)
    except FileNotFoundError as error:
        raise KeyFileError(
            f"{path} is missing", why="a key has two halves, and one alone is not trusted", fix=_ANEW
        ) from error
    except OSError as error:
        raise KeyFileError(f"{path} is a link or cannot be read", why=str(error.strerror), fix=_ANEW) from error
    with os.fdopen(file, "rb") as opened:
        found = os.fstat(opened.fileno())
        if not stat.S_ISREG(found.st_mode) or found.st_nlink != 1:
            raise KeyFileError(f"{path} is not one plain file", why="it is a link or a device", fix=_ANEW)
        _private(found, path, 0o600)
        return opened.read(_MOST)


def _private(found: os.stat_result, path: Path, mode: int) -> None:
    if found.st_uid != os.geteuid():
        raise KeyFileError(f"{path} belongs to another account", why="who owns it can replace it", fix=_ANEW)
    if found.st_mode & 0o077:
        raise KeyFileError(
            f"{path} can be read or changed by other accounts",
            why=f"its mode is {stat.S_IMODE(found.st_mode):04o}",
            fix=f"chmod {mode:o} {path}; if anybody else may have read it, make a new key",
        )
