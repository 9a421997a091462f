"""The user's own repository: where a run starts from, and who starts it. Never run on a tree an agent may write."""

import asyncio
import getpass
import os
import shutil
import subprocess
import tempfile
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

from ..errors import RepositoryError
from ..model.settings import SHARED
from .folders import is_branch_name, program_path

SAFE = (
    "-c", "core.hooksPath=/dev/null",
    "-c", "core.fsmonitor=false",
    "-c", "core.quotePath=false",
    "-c", "core.pager=cat",
)  # fmt: skip


class UserRepository:
    """The repository around a folder."""

    def __init__(self, root: Path) -> None:
        self.root = str(root)
        self._root = root

    @classmethod
    async def around(cls, folder: Path) -> "UserRepository":
        """The repository that holds `folder`. Raises RepositoryError when there is none."""
        folder = _outside_worktrees(folder)
        code, out, said = await _git(folder, "rev-parse", "--path-format=absolute", "--show-toplevel")
        if code != 0:
            raise RepositoryError(
                f"{folder} is not in a git repository",
                why=said.strip()[:200],
                fix="cd into your repository, or `git init`",
            )
        found = cls(Path(out.strip()))
        await found._own_state()
        return found

    async def _own_state(self) -> None:
        """Raises RepositoryError when a commit brings setpoint's own state along. What lies there is trusted: a branch
        that is checked out to be judged would bring the verdict, or a git folder that runs what it likes."""
        _, out, _ = await _git(self._root, "ls-files", "-z", "--", ":(top,icase).setpoint")
        foreign = [path for path in out.split("\0") if path and not _may_be_committed(path)]
        if foreign:
            raise RepositoryError(
                f"this checkout brings {len(foreign)} files into setpoint's own folder, beginning with {foreign[0]!a}",
                why="runs, approvals, evidence and git folders of setpoint's own lie there; no branch may bring any",
                fix="git switch to a branch without them (git takes them away), and judge the other one by its name: "
                "`setpoint check --head BRANCH`",
            )

    async def base(self, configured: str) -> tuple[str, str]:
        """Branch and commit a run starts from: the configured branch, or the one checked out."""
        branch = configured
        if not branch:
            # Not `--short`: beside a tag of the same name it would say `heads/<branch>`.
            _, out, _ = await _git(self._root, "symbolic-ref", "-q", "HEAD")
            prefix, _, branch = out.removesuffix("\n").partition("refs/heads/")
            if prefix or not branch:
                raise RepositoryError(
                    "no branch is checked out",
                    why="HEAD is detached",
                    fix="git switch to the branch changes should land on",
                )
        if not is_branch_name(branch):
            raise RepositoryError(
                f"{branch!a} cannot be the base branch",
                why="a base is one branch, whose name git allows and a terminal can show, in UTF-8",
                fix="git branch -m to another name, or set project.base to another branch",
            )
        code, out, _ = await _git(self._root, "rev-parse", "--verify", "-q", f"refs/heads/{branch}^{{commit}}")
        if code != 0:
            raise RepositoryError(
                f"branch {branch} has no commit", fix=f"commit something to {branch}, or set project.base"
            )
        return branch, out.strip()

    async def dirty(self) -> Sequence[str]:
        """Tracked files with uncommitted changes."""
        code, out, said = await _git(
            self._root, "status", "--porcelain", "-z", "--untracked-files=no", "--ignore-submodules=all", "--no-renames"
        )
        if code != 0:
            raise RepositoryError("git status failed", why=said.strip()[:400], fix="`git status` in the repository")
        return tuple(entry[3:] for entry in out.split("\0") if entry)

    async def person(self) -> str:
        """Who works here: git's user.name, else the account."""
        _, out, _ = await _git(self._root, "config", "--get", "user.name")
        return out.strip() or getpass.getuser()

    async def show(self, commit: str, path: str) -> str | None:
        """A file's text at a commit; None when it is not there."""
        code, out, _ = await _git(self._root, "show", f"{commit}:{path}")
        return out if code == 0 else None

    async def tree(self, commit: str) -> str:
        """The tree of a commit."""
        _, out, _ = await _git(self._root, "rev-parse", f"{commit}^{{tree}}")
        return out.strip()

    async def resolve(self, revision: str, kind: str = "commit") -> str:
        """The commit (or tree) that `revision` names here. Raises RepositoryError when there is none."""
        if not revision.startswith("-"):
            code, out, _ = await _git(self._root, "rev-parse", "--verify", "-q", f"{revision}^{{{kind}}}")
            if code == 0:
                return out.strip()
        raise RepositoryError(f"there is no {kind} {revision!r} here", fix="`git log --all --oneline` shows what is")

    async def fork(self, base: str, head: str) -> str:
        """The commit where `head` left `base`; empty when they have none in common here."""
        code, out, _ = await _git(self._root, "merge-base", base, head)
        return out.split()[0] if code == 0 and out.strip() else ""

    async def snapshot(self) -> str:
        """The tree of the working tree as it is, untracked files included, ignored ones not."""
        kept = self._root / ".setpoint" / "index"
        with tempfile.TemporaryDirectory(prefix="setpoint-index-", ignore_cleanup_errors=True) as folder:
            index = Path(folder) / "index"
            # What was hashed last time is known by size and time, as in git's own index; no flag of a file is taken on.
            with suppress(OSError):
                shutil.copy2(kept, index)
            where = {"GIT_INDEX_FILE": str(index)}
            for words in (("read-tree", "--reset", "HEAD"), ("add", "-A"), ("write-tree",)):
                code, out, said = await _git(self._root, *words, extra=where)
                if code != 0:
                    raise RepositoryError(f"git {words[0]} failed", why=said.strip()[:400], fix="`git status`")
            if kept.parent.is_dir():
                with suppress(OSError):
                    aside = kept.with_name(f"index.{os.getpid()}")
                    shutil.copy2(index, aside)
                    aside.replace(kept)
        return out.strip()

    async def paths(self, before: str, after: str) -> Sequence[str]:
        """Paths that differ between two commits or trees, renames taken apart."""
        words = ("diff-tree", "-r", "-z", "--name-only", "--no-renames", before, after)
        code, out, said = await _git(self._root, *words)
        if code != 0:
            raise RepositoryError("git diff-tree failed", why=said.strip()[:400], fix="`git status` in the repository")
        return tuple(path for path in out.split("\0") if path)

    async def diff(self, base: str, head: str) -> str:
        """Unified diff between two commits."""
        _, out, _ = await _git(self._root, "diff", "--no-ext-diff", "--no-textconv", "--no-renames", base, head)
        return out

    async def version(self) -> str:
        """The words of `git --version`; empty when there is no git."""
        try:
            _, out, _ = await _git(self._root, "--version")
        except RepositoryError:
            return ""
        return out.strip()


def _may_be_committed(path: str) -> bool:
    below = path.removeprefix(".setpoint/")
    return below != path and (below in SHARED or below.startswith(tuple(name for name in SHARED if name[-1] == "/")))


def _outside_worktrees(folder: Path) -> Path:
    """Inside a run's worktree git is not asked: its files are the agent's. The repository that owns it is meant."""
    parts = folder.parts
    for index in range(len(parts) - 1, 0, -1):
        if parts[index - 1 : index + 1] == (".setpoint", "worktrees"):
            return Path(*parts[: index - 1])
    return folder


async def _git(folder: Path, *arguments: str, extra: dict[str, str] | None = None) -> tuple[int, str, str]:
    """Exit code, output and words of one command. One that was begun is let end, whoever stops waiting for it."""
    env = {key: value for key, value in os.environ.items() if not key.startswith("GIT_")}
    env |= {
        "PATH": program_path(os.environ),
        "GIT_TERMINAL_PROMPT": "0",
        "GIT_OPTIONAL_LOCKS": "0",
        "LC_ALL": "C.UTF-8",
        **(extra or {}),
    }
    asked = ("git", *SAFE, *arguments)

    def run() -> subprocess.CompletedProcess[bytes]:
        return subprocess.run(asked, cwd=folder, env=env, stdin=subprocess.DEVNULL, capture_output=True, check=False)

    try:
        # Not asyncio's own processes: a task that is cancelled while it starts one may never end.
        done = await asyncio.to_thread(run)
    except FileNotFoundError as error:
        raise RepositoryError("git is not on PATH", fix="install git 2.38 or newer") from error
    return done.returncode, done.stdout.decode("utf-8", "replace"), done.stderr.decode("utf-8", "replace")
