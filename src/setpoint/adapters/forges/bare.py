"""A bare repository of setpoint's own, driven by plumbing: no configuration of anybody else's, no hook, no checkout.

Objects come in from a user's repository through its object folder alone: nothing it configures can run or reroute them.
"""

import asyncio
import os
import re
import shutil
import subprocess
import tempfile
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path

from ...errors import DiskFullError, RefusedError, RepositoryError, TransientError
from ...model.record import Record
from ..folders import named_by_sha256, program_path, remove_folder

_LONGEST = 600.0
_SAFE = (
    "core.hooksPath=/dev/null",
    "core.fsmonitor=false",
    "core.attributesFile=/dev/null",
    "core.fsync=committed,loose-object,reference",
    "core.protectHFS=true",
    "core.protectNTFS=true",
    "gc.auto=0",
    "maintenance.auto=false",
)


class Merged(Record):
    """What merging two commits gives: a tree, or the files that conflict."""

    tree: str
    conflicts: tuple[str, ...] = ()


class BareRepository:
    """Typed git plumbing on one bare repository."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    async def git(
        self,
        *words: str,
        stdin: bytes = b"",
        objects: Path | None = None,
        env: dict[str, str] | None = None,
        accept: Sequence[int] = (0,),
    ) -> tuple[int, bytes]:
        """Exit code and output of one git command. Raises RefusedError for a code not in `accept`."""
        options = [option for pair in _SAFE for option in ("-c", pair)]
        command = ["git", f"--git-dir={self.folder}", *options, *words]
        known = {"GIT_ALTERNATE_OBJECT_DIRECTORIES": str(objects)} if objects else {}

        # In a thread: a task that is cancelled while asyncio starts a process may never end.
        def run() -> subprocess.CompletedProcess[bytes]:
            environment = {**_environment(), **(env or {}), **known}
            return subprocess.run(
                command, input=stdin, capture_output=True, timeout=_LONGEST, check=False, env=environment
            )

        try:
            done = await asyncio.to_thread(run)
        except subprocess.TimeoutExpired as error:
            raise TransientError(f"git {words[0]} took longer than {_LONGEST:.0f} s") from error
        if done.returncode not in accept:
            raise _refused(words[0], done.returncode, done.stderr.decode("utf-8", "replace"))
        return done.returncode, done.stdout

    async def words(self, *words: str) -> str:
        """The output of one git command, stripped."""
        return (await self.git(*words))[1].decode("utf-8", "surrogateescape").strip()

    async def create(self, like: Path, branch: str) -> None:
        """An empty bare repository whose HEAD is `branch`, with objects named, and cut off, as those of `like`, a git
        folder, are."""
        names = "sha256" if named_by_sha256(like) else "sha1"
        words = ("--quiet", "--bare", "--template=", f"--object-format={names}", f"--initial-branch={branch}")
        await self.git("init", *words, str(self.folder))
        if (like / "shallow").is_file():
            shutil.copyfile(like / "shallow", self.folder / "shallow")

    async def take(self, objects: Path, sha: str, *, strict: bool) -> None:
        """Bring `sha` with all it needs in from the object folder `objects`; nothing when it is here."""
        if await self.holds(sha):
            return
        known = [f"^{name}" for name in (await self.words("for-each-ref", "--format=%(objectname)")).split()]
        wanted = "\n".join([sha, *sorted(set(known))]) + "\n"
        _, pack = await self.git(
            "pack-objects", "--revs", "--stdout", "--thin", "-q", stdin=wanted.encode(), objects=objects
        )
        # The pack is written aside and moved into place by git; a kill leaves nothing half.
        checks = ["--strict"] if strict else []
        await self.git("index-pack", "--stdin", "--fix-thin", *checks, stdin=pack)

    async def holds(self, sha: str) -> bool:
        """Whether a ref here reaches commit `sha`."""
        words = ("for-each-ref", "--count=1", f"--contains={sha}", "--format=%(refname)")
        code, out = await self.git(*words, accept=(0, 128, 129))
        return code == 0 and bool(out.strip())

    async def resolve(self, ref: str) -> str | None:
        """The commit a full ref name points to; None when there is none."""
        code, out = await self.git("rev-parse", "--verify", "--quiet", f"{ref}^{{commit}}", accept=(0, 1, 128))
        return out.decode().strip() if code == 0 else None

    async def move(self, ref: str, new: str, old: str | None) -> bool:
        """Point `ref` to `new` if it is still at `old` (None: not there). False when somebody moved it."""
        code, _ = await self.git("update-ref", ref, new, old or "0" * len(new), accept=(0, 1, 128))
        return code == 0

    async def contains(self, commit: str, ancestor: str) -> bool:
        """Whether `ancestor` is `commit` or comes before it."""
        code, _ = await self.git("merge-base", "--is-ancestor", ancestor, commit, accept=(0, 1))
        return code == 0

    async def merge(self, ours: str, theirs: str) -> Merged:
        """Merge two commits in the object store alone."""
        code, out = await self.git(
            "merge-tree", "--write-tree", "--name-only", "-z", "--no-messages", ours, theirs, accept=(0, 1)
        )
        tree, *names = out.decode("utf-8", "replace").split("\0")
        return Merged(tree=tree.strip(), conflicts=tuple(name for name in names if name) if code else ())

    async def commit(self, tree: str, parents: Sequence[str], message: str) -> str:
        """A commit by setpoint, on no branch."""
        words = [word for parent in parents for word in ("-p", parent)]
        who = {
            f"GIT_{role}_{part}": value
            for role in ("AUTHOR", "COMMITTER")
            for part, value in (("NAME", "setpoint"), ("EMAIL", "setpoint@localhost"))
        }
        _, out = await self.git("commit-tree", tree, *words, stdin=message.encode("utf-8", "replace"), env=who)
        return out.decode().strip()

    async def show(self, commit: str, path: str) -> bytes | None:
        """A file at a commit; None when it is not there."""
        code, out = await self.git("cat-file", "blob", f"{commit}:{path}", accept=(0, 128))
        return out if code == 0 else None

    @asynccontextmanager
    async def checkout(self, commit: str) -> AsyncIterator[Path]:
        """A fresh folder with the files of `commit` and no `.git`, gone at the end."""
        aside = Path(tempfile.mkdtemp(prefix="setpoint-checkout-"))
        try:
            tree = aside / "tree"
            tree.mkdir()
            env = {"GIT_INDEX_FILE": str(aside / "index")}
            await self.git("read-tree", commit, env=env)
            await self.git(f"--work-tree={tree}", "checkout-index", "--all", "--quiet", env=env)
            yield tree
        finally:
            await asyncio.to_thread(remove_folder, aside)


def _environment() -> dict[str, str]:
    return {
        "PATH": program_path(os.environ),
        "LC_ALL": "C.UTF-8",
        "HOME": "/nonexistent",
        "GIT_CONFIG_NOSYSTEM": "1",
        "GIT_CONFIG_GLOBAL": os.devnull,
        "GIT_TERMINAL_PROMPT": "0",
        "GIT_ATTR_NOSYSTEM": "1",
        "GIT_NO_REPLACE_OBJECTS": "1",
        "GIT_OPTIONAL_LOCKS": "0",
    }


def _refused(word: str, code: int | None, said: str) -> RefusedError | DiskFullError:
    if "No space left on device" in said or "Disk quota exceeded" in said:
        return DiskFullError(f"git {word}: no room left on the device", fix="free some space, then `setpoint resume`")
    return RefusedError(f"git {word} failed with {code}", why=said.strip()[-2000:])


def git_folder(repository: Path) -> Path:
    """The common git folder of a user's repository, found without running anything in it."""
    marker = repository / ".git"
    if marker.is_dir():
        return marker.resolve()
    if marker.is_file():
        pointer = re.match(r"gitdir: (.+)", marker.read_text(encoding="utf-8", errors="replace"))
        if pointer:
            own = (repository / pointer.group(1).strip()).resolve()
            common = own / "commondir"
            return (own / common.read_text(encoding="utf-8").strip()).resolve() if common.is_file() else own
    if (repository / "objects").is_dir() and (repository / "HEAD").is_file():
        return repository.resolve()
    raise RepositoryError(f"{repository} is not a git repository", fix="run it in a git repository, or `git init` one")
