"""A forge on this machine: a bare repository, pull requests as records in it, and CI that is run when asked for.

The bare repository holds the truth; docs/decisions/0003-local-forge.md says why and what follows.
"""

import json
import re
from collections.abc import Awaitable, Callable
from contextlib import AbstractAsyncContextManager
from pathlib import Path
from shlex import quote

from ...errors import RefusedError, RepositoryError, StaleError, TransientError
from ...model.record import Record
from ...model.release import CiRun, CiState, PullRequest
from ..folders import is_branch_name, remove_folder
from .bare import BareRepository, git_folder
from .records import held, taken, write_whole

Judge = Callable[[str, str], Awaitable[CiRun]]
"""CI: judges a commit (first) by the rules of the base branch's commit (second). Both lie in the forge."""
Checkpoint = Callable[[str], None]
"""Told the name of each write just before it happens; crash tests die here."""

_LOG_KEPT = 2_000_000
_TRIES = 5
_LONGEST_TITLE = 500
_LONGEST_BODY = 20_000
_FIRST_PARENTS = 2_000


class _Pull(Record):
    """What is kept of a pull request; the head of an open one is its branch."""

    number: int
    head: str
    base: str
    title: str
    body: str
    merged_head: str = ""
    merged_sha: str = ""


class _Verdict(Record):
    """A finished CI run and the base it was run against."""

    base: str
    run: CiRun


def _no_checkpoint(_name: str) -> None:
    pass


class LocalForge:
    """Forge over the bare repository `bare`, for the user's `repository`."""

    def __init__(self, bare: Path, repository: Path, judge: Judge, *, checkpoint: Checkpoint = _no_checkpoint) -> None:
        self.folder = bare
        self._git = BareRepository(bare)
        self._repository = repository
        self._judge = judge
        self._before = checkpoint
        self._records = bare / "setpoint"

    # -- the base branch --------------------------------------------------------------------------------------------

    async def ensure(self, base: str) -> str:
        """The forge's commit of `base`; the forge is made, and moved forward to what the user committed, as needed.
        Raises RepositoryError when the two have diverged."""
        source = git_folder(self._repository)
        async with held(self.folder.with_name(self.folder.name + ".lock")):
            local = await BareRepository(source).resolve(f"refs/heads/{_checked(base)}")
            if local is None:
                raise RepositoryError(f"there is no branch {base} in the repository", fix=f"git branch {quote(base)}")
            if not (self.folder / "HEAD").is_file():
                await self._create(source, base, local)
                return local
            return await self._follow(source, base, local)

    async def _create(self, source: Path, base: str, local: str) -> None:
        aside = BareRepository(self.folder.with_name(self.folder.name + ".new"))
        remove_folder(aside.folder)
        await aside.create(source, base)
        await aside.take(source / "objects", local, strict=False)
        await aside.move(f"refs/heads/{base}", local, None)
        self._before("create")
        aside.folder.rename(self.folder)

    async def _follow(self, source: Path, base: str, local: str) -> str:
        ours = await self._git.resolve(f"refs/heads/{base}")
        if ours == local:
            return local
        await self._git.take(source / "objects", local, strict=False)
        if ours is not None and await self._git.contains(ours, local):
            return ours
        if ours is not None and not await self._git.contains(local, ours):
            raise RepositoryError(
                f"the repository's {base} and the forge's have diverged",
                why=f"the forge holds {ours[:12]}, which {local[:12]} does not contain",
                fix=f"git pull --no-rebase {quote(str(self.folder))} {quote(base)}",
            )
        self._before("follow")
        if not await self._git.move(f"refs/heads/{base}", local, ours):
            raise TransientError(f"the forge's {base} moved at the same moment")
        return local

    async def head(self, branch: str) -> str | None:
        """The forge's commit of `branch`; None when it has none."""
        return await self._git.resolve(f"refs/heads/{_checked(branch)}")

    def checkout(self, commit: str) -> AbstractAsyncContextManager[Path]:
        """A fresh folder with the files of `commit` and no `.git`, gone at the end."""
        return self._git.checkout(commit)

    async def show(self, commit: str, path: str) -> bytes | None:
        """A file at a commit; None when it is not there."""
        return await self._git.show(commit, path)

    # -- pull requests ----------------------------------------------------------------------------------------------

    async def push(self, branch: str, sha: str) -> None:
        """Put `sha` on `branch`. What a push replaces stays reachable under `refs/setpoint/replaced/`."""
        ref = f"refs/heads/{_checked(branch)}"
        source = git_folder(self._repository)
        async with self._locked():
            old = await self._git.resolve(ref)
            if old == sha:
                return
            await self._git.take(source / "objects", sha, strict=True)
            if old is not None and not await self._git.contains(sha, old):
                await self._git.git("update-ref", f"refs/setpoint/replaced/{branch}/{old}", old)
            self._before("push")
            if not await self._git.move(ref, sha, old):
                raise TransientError(f"the forge's {branch} moved at the same moment")

    async def find(self, head: str) -> PullRequest | None:
        pull = self._newest(head)
        return await self._shown(pull) if pull else None

    async def open(self, head: str, base: str, title: str, body: str) -> PullRequest:
        title, body = _fitted(title, _LONGEST_TITLE), _fitted(body, _LONGEST_BODY)
        async with self._locked():
            tip, onto = await self.head(head), await self.head(base)
            if tip is None or onto is None:
                raise RefusedError(f"the forge has no branch {head if tip is None else base}", fix="push it first")
            pull = self._newest(head)
            if pull and pull.merged_head == tip:
                return await self._shown(pull)
            if await self._git.contains(onto, tip) and not (pull and not pull.merged_sha):
                raise RefusedError(f"{head} has no commits that {base} has not", why="there is nothing to offer")
            if pull and not pull.merged_sha:
                wanted = pull.model_copy(update={"base": base, "title": title, "body": body})
            else:
                wanted = _Pull(number=self._last_number() + 1, head=head, base=base, title=title, body=body)
            if wanted != pull:
                self._before("pull record")
                self._keep(wanted)
            self._before("pull ref")
            await self._git.git("update-ref", f"refs/pull/{wanted.number}/head", tip)
            return await self._shown(wanted)

    async def merge(self, pull_request: PullRequest, expected: str, message: str, onto: str = "") -> PullRequest:
        async with self._locked():
            pull = self._read(pull_request.number)
            if pull is None:
                raise RefusedError(f"there is no pull request {pull_request.number}", fix="open it first")
            tip = pull.merged_head or await self.head(pull.head) or ""
            if tip != expected:
                raise StaleError(
                    f"pull request {pull.number} moved from {expected[:12]} to {tip[:12] or 'nothing'}",
                    why="what was approved is not what would be merged",
                    fix="judge and approve the new head",
                )
            if not pull.merged_sha:
                merged = await self._already(pull.base, expected) or await self._merge(pull, expected, message, onto)
                pull = pull.model_copy(update={"merged_head": expected, "merged_sha": merged})
                self._before("merge record")
                self._keep(pull)
            return await self._shown(pull)

    async def _merge(self, pull: _Pull, head: str, message: str, onto: str) -> str:
        for _ in range(_TRIES):
            base = await self.head(pull.base) or ""
            if onto and base != onto:
                raise StaleError(
                    f"{pull.base} moved from {onto[:12]} to {base[:12]}",
                    why="what was judged is not what would come of the merge",
                    fix=f"bring {pull.base} into {pull.head} and judge that",
                )
            result = await self._git.merge(base, head)
            if result.conflicts:
                raise RefusedError(
                    f"pull request {pull.number} conflicts with {pull.base}",
                    why=f"both changed {', '.join(result.conflicts[:20])}",
                    fix=f"bring {pull.base} into {pull.head} and resolve it there",
                )
            commit = await self._git.commit(result.tree, (base, head), _numbered(message, pull.number))
            self._before("merge")
            if await self._git.move(f"refs/heads/{pull.base}", commit, base):
                return commit
        raise TransientError(f"{pull.base} kept moving while pull request {pull.number} was merged")

    async def _already(self, base: str, head: str) -> str | None:
        """The commit that brought `head` into `base` before a crash, or by hand."""
        tip = await self.head(base) or ""
        if not await self._git.contains(tip, head):
            return None
        listing = await self._git.words(
            "rev-list", "--first-parent", "--parents", f"--max-count={_FIRST_PARENTS}", f"{head}..{tip}"
        )
        merges = [commit for commit, *parents in map(str.split, listing.splitlines()) if head in parents[1:]]
        return merges[-1] if merges else head

    # -- CI ---------------------------------------------------------------------------------------------------------

    async def checks(self, pull_request: PullRequest) -> CiRun:
        """CI on the result of merging the head into the base as it is now. A finished verdict is kept until either
        moves; while another process runs it, it is pending."""
        pull = self._read(pull_request.number)
        if pull is None:
            raise RefusedError(f"there is no pull request {pull_request.number}", fix="open it first")
        head = pull.merged_head or await self.head(pull.head) or pull_request.head_sha
        base = await self.head(pull.base) or ""
        with taken(self._records / "ci" / f"{head}.lock") as ours:
            known = self._verdict(head)
            if known and (pull.merged_sha or known.base == base):
                return known.run
            if not ours:
                return CiRun(sha=head, state=CiState.PENDING)
            if pull.merged_sha:
                return CiRun(sha=head, state=CiState.REFUSED, log="merged without a CI run")
            run = (await self._judged(pull, base, head)).model_copy(update={"sha": head})
            if run.state in (CiState.GREEN, CiState.RED):
                run = run.model_copy(update={"log": run.log[-_LOG_KEPT:]})
                self._before("verdict")
                kept = _Verdict(base=base, run=run).model_dump_json(indent=1)
                write_whole(self._ci(head), kept.encode("utf-8", "surrogatepass"))
            return run

    async def _judged(self, pull: _Pull, base: str, head: str) -> CiRun:
        result = await self._git.merge(base, head)
        if result.conflicts:
            names = "\n".join(result.conflicts[:200])
            return CiRun(
                sha=head, state=CiState.RED, log=f"merging {pull.head} into {pull.base} conflicts in:\n{names}\n"
            )
        tried = await self._git.commit(result.tree, (base, head), f"CI: {pull.head} onto {pull.base}")
        await self._git.git("update-ref", f"refs/pull/{pull.number}/merge", tried)
        return await self._judge(tried, base)

    def _verdict(self, head: str) -> _Verdict | None:
        try:
            return _Verdict.model_validate_json(self._ci(head).read_bytes())
        except FileNotFoundError:
            return None

    def _ci(self, head: str) -> Path:
        return self._records / "ci" / f"{head}.json"

    # -- records ----------------------------------------------------------------------------------------------------

    def _locked(self) -> AbstractAsyncContextManager[None]:
        if not (self.folder / "HEAD").is_file():
            raise RepositoryError(f"there is no forge at {self.folder}", fix="start a run; it makes one")
        return held(self._records / "lock")

    def _last_number(self) -> int:
        return max((int(path.stem) for path in (self._records / "pulls").glob("[0-9]*.json")), default=0)

    def _read(self, number: int) -> _Pull | None:
        try:
            return _Pull.model_validate_json((self._records / "pulls" / f"{number}.json").read_bytes())
        except FileNotFoundError:
            return None

    def _newest(self, head: str) -> _Pull | None:
        numbers = sorted((int(path.stem) for path in (self._records / "pulls").glob("[0-9]*.json")), reverse=True)
        return next((pull for pull in map(self._read, numbers) if pull and pull.head == head), None)

    def _keep(self, pull: _Pull) -> None:
        text = json.dumps(pull.model_dump(), indent=1, ensure_ascii=False)
        write_whole(self._records / "pulls" / f"{pull.number}.json", text.encode("utf-8", "surrogatepass"))

    async def _shown(self, pull: _Pull) -> PullRequest:
        return PullRequest(
            number=pull.number,
            head=pull.head,
            base=pull.base,
            title=pull.title,
            body=pull.body,
            head_sha=pull.merged_head or await self.head(pull.head) or "gone",
            merged_sha=pull.merged_sha,
            url=str(self._records / "pulls" / f"{pull.number}.json"),
        )


def _checked(branch: str) -> str:
    """`branch`, if it is a plain branch name. Raises RefusedError."""
    if not is_branch_name(branch):
        raise RefusedError(f"{branch!r} is not a usable branch name", fix="choose another name")
    return branch


def _fitted(text: str, most: int) -> str:
    """`text` as a pull request can hold it: something, and not too much."""
    text = text.strip() or "(nothing said)"
    return text if len(text) <= most else f"{text[: most - 20].rstrip()} (cut short)"


def _numbered(message: str, number: int) -> str:
    if re.search(rf"#{number}\b", message):
        return message
    first, _, rest = message.partition("\n")
    return f"{first} (#{number})\n{rest}"
