"""A forge in memory that keeps the promises of `forge_contract`."""

from collections.abc import Awaitable, Callable, Mapping

from ..errors import RefusedError, StaleError
from ..model.record import Record
from ..model.release import CiRun, CiState, PullRequest

Files = Mapping[str, str]
Judge = Callable[[Files], Awaitable[CiState]]


class MemoryCommit(Record):
    """A commit: files, parents, message."""

    files: dict[str, str]
    parents: tuple[str, ...] = ()
    message: str = ""

    @property
    def sha(self) -> str:
        """Its name."""
        return self.digest()[:40]


async def always_green(_files: Files) -> CiState:
    """A CI that minds nothing."""
    return CiState.GREEN


class MemoryForge:
    """Forge without git; `commits` may be added to freely, as by a local clone."""

    def __init__(self, base: str = "main", judge: Judge = always_green) -> None:
        root = MemoryCommit(files={"README.md": "A service.\n"}, message="Begin")
        self.commits: dict[str, MemoryCommit] = {root.sha: root}
        self.branches: dict[str, str] = {base: root.sha}
        self.pull_requests: list[PullRequest] = []
        self._judge = judge
        self._verdicts: dict[str, tuple[str, CiRun]] = {}

    def add(self, files: Files, on: str, message: str = "Work") -> str:
        """A commit that adds `files` to commit `on`."""
        return self._keep(MemoryCommit(files={**self.commits[on].files, **files}, parents=(on,), message=message))

    def _keep(self, commit: MemoryCommit) -> str:
        self.commits[commit.sha] = commit
        return commit.sha

    async def ensure(self, base: str) -> str:
        return self.branches[base]

    async def push(self, branch: str, sha: str) -> None:
        if sha not in self.commits:
            raise RefusedError(f"there is no commit {sha}")
        self.branches[branch] = sha

    async def find(self, head: str) -> PullRequest | None:
        found = next((pull for pull in reversed(self.pull_requests) if pull.head == head), None)
        if found is None or found.merged_sha:
            return found
        return found.model_copy(update={"head_sha": self.branches[head]})

    async def open(self, head: str, base: str, title: str, body: str) -> PullRequest:
        if head not in self.branches or base not in self.branches:
            raise RefusedError(f"the forge has no branch {head if head not in self.branches else base}")
        tip = self.branches[head]
        found = await self.find(head)
        if found and found.merged_sha and found.head_sha == tip:
            return found
        if found and not found.merged_sha:
            text = {"base": base, "title": title, "body": body}
            return self._put(found.model_copy(update=text))
        if tip in self._history(self.branches[base]):
            raise RefusedError(f"{head} has no commits that {base} has not")
        number = len(self.pull_requests) + 1
        return self._put(PullRequest(number=number, head=head, base=base, title=title, body=body, head_sha=tip))

    def _put(self, pull: PullRequest) -> PullRequest:
        self.pull_requests[pull.number - 1 : pull.number] = [pull]
        return pull

    async def checks(self, pull_request: PullRequest) -> CiRun:
        pull = await self.find(pull_request.head) or pull_request
        base = self.branches[pull.base]
        known = self._verdicts.get(pull.head_sha)
        if known and (pull.merged_sha or known[0] == base):
            return known[1]
        files, conflicts = self._merged(base, pull.head_sha)
        if conflicts:
            log = f"merging {pull.head} into {pull.base} conflicts in:\n" + "\n".join(conflicts)
            run = CiRun(sha=pull.head_sha, state=CiState.RED, log=log)
        else:
            run = CiRun(sha=pull.head_sha, state=await self._judge(files))
        if run.state in (CiState.GREEN, CiState.RED):
            self._verdicts[pull.head_sha] = (base, run)
        return run

    async def merge(self, pull_request: PullRequest, expected: str, message: str, onto: str = "") -> PullRequest:
        pull = await self.find(pull_request.head)
        if pull is None:
            raise RefusedError(f"there is no pull request {pull_request.number}")
        if pull.head_sha != expected:
            raise StaleError(f"pull request {pull.number} moved from {expected} to {pull.head_sha}")
        if pull.merged_sha:
            return pull
        base = self.branches[pull.base]
        if onto and base != onto:
            raise StaleError(f"{pull.base} moved from {onto} to {base}")
        files, conflicts = self._merged(base, expected)
        if conflicts:
            raise RefusedError(f"pull request {pull.number} conflicts", why=f"both changed {', '.join(conflicts)}")
        first, _, rest = message.partition("\n")
        told = f"{first} (#{pull.number})\n{rest}"
        self.branches[pull.base] = self._keep(MemoryCommit(files=files, parents=(base, expected), message=told))
        return self._put(pull.model_copy(update={"merged_sha": self.branches[pull.base]}))

    def _history(self, sha: str) -> dict[str, None]:
        """`sha` and all before it, nearest first."""
        seen: dict[str, None] = {}
        row = [sha]
        while row:
            seen.update(dict.fromkeys(row))
            row = [parent for name in row for parent in self.commits[name].parents if parent not in seen]
        return seen

    def _merged(self, ours: str, theirs: str) -> tuple[dict[str, str], list[str]]:
        known = self._history(theirs)
        common = self.commits[next(sha for sha in self._history(ours) if sha in known)].files
        left, right = self.commits[ours].files, self.commits[theirs].files
        files, conflicts = {}, []
        for path in sorted({*common, *left, *right}):
            before, one, other = (side.get(path) for side in (common, left, right))
            if one != other and before not in (one, other):
                conflicts.append(path)
            kept = other if one == before else one
            if kept is not None:
                files[path] = kept
        return files, conflicts
