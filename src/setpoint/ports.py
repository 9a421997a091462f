"""The seams. Each says what it promises, what it raises and what may repeat; adapters keep the promises.

All effects are found again: after a crash the same call may come a second time and must find its own earlier self.
"""

from collections.abc import Mapping, Sequence
from contextlib import AbstractAsyncContextManager, AbstractContextManager
from pathlib import Path
from typing import Any, Protocol

from .accounts import Answering, Answers, Ledger, SessionLog, Spending
from .model.approval import HandOver, Question
from .model.change import ChangedEntry, Entry, Origin
from .model.command import Command, CommandLimits, Completed, Layer, Mount
from .model.evidence import GateResult
from .model.lesson import LessonWord, Witness
from .model.merge import Merged
from .model.objection import Objection
from .model.release import CiRun, Environment, PullRequest, Release, StepResult
from .model.run import Event, Position, Round, Run, State
from .model.session import Message, Reply, SessionId, Task
from .model.unsaved import Unsaved


class Sandbox(Protocol):
    """Runs commands of agents and gates; nothing else does."""

    level: str
    """`bubblewrap`, `container`, `microvm` or `none`."""

    async def run(self, command: Command) -> Completed:
        """Run `command` to its end or its limit. A failing command is an answer, not an error. When this returns or
        is cancelled no process of it is left. Raises SandboxError when the sandbox cannot be built: nothing ran."""
        ...

    def layers(self) -> Sequence[Layer]:
        """What protects on this machine, and what is missing."""
        ...


class Room(Protocol):
    """One folder an agent or a gate works in, with the sandbox around it."""

    path: Path
    """The folder on the host. Untrusted: never follow a link in it, never run host git by discovery in it."""
    inside: str
    """The same folder as commands see it: the repository's own path."""

    async def run(
        self,
        argv: Sequence[str],
        *,
        limits: CommandLimits | None = None,
        env: dict[str, str] | None = None,
        stdin: str = "",
        network: Sequence[str] = (),
        reports: Path | None = None,
        mounts: Sequence[Mount] = (),
    ) -> Completed:
        """Run `argv` here in the sandbox. `reports`, a host folder, is writable inside as `$SETPOINT_REPORTS`; `mounts`
        are shown besides."""
        ...

    def read(self, path: str) -> bytes:
        """The content of a file below the room, no link followed. Raises FileNotFoundError, DeniedError."""
        ...

    def write(self, path: str, content: bytes) -> None:
        """Replace or create a file below the room, no link followed. Raises DeniedError."""
        ...

    def files(self) -> Sequence[str]:
        """Paths of all files that git would know (tracked, or untracked and not ignored), sorted."""
        ...

    def aside(self) -> AbstractAsyncContextManager["Room"]:
        """An empty throw-away folder with the same tools and the same sandbox around it."""
        ...


class Workspace(Room, Protocol):
    """The run's own git worktree. Its `.git` is not writable from inside."""

    branch: str

    async def tree(self) -> str:
        """Git tree hash of the files as they are now; the objects are written."""
        ...

    async def autosave(self, label: str) -> str:
        """Save the files as a commit under `refs/setpoint/`; the same commit again when nothing changed."""
        ...

    def unsaved(self) -> Sequence[Unsaved]:
        """What the last tree or autosave left out, for it may not or cannot be saved: nested repositories, what cannot
        be read, what is too large. A tracked file among them stands in the tree as it was saved last."""
        ...

    async def restore(self, commit: str) -> None:
        """Put the files back to `commit` (an autosave or any commit of this repository). What cannot be saved is kept
        outside the folder."""
        ...

    async def commit(self, message: str, joins: str = "") -> str:
        """Commit the files on the run's branch, without hooks; the head again when the tree is the head's. Where the
        branch lacks commit `joins`, it becomes the second parent."""
        ...

    async def restart(self, commit: str) -> None:
        """Files and branch back to `commit`; what leaves the branch stays reachable under `refs/setpoint/`."""
        ...

    async def keep(
        self, treeish: str, files: Mapping[str, bytes], parents: Sequence[str], message: str
    ) -> tuple[str, str]:
        """A commit of `treeish` with `files` over it, on no branch, kept from git's clean-up, and its tree; the same
        ones again for the same content."""
        ...

    async def head(self) -> str:
        """The branch's commit."""
        ...

    async def diff(self, base: str, head: str = "") -> str:
        """Unified diff from commit or tree `base` to `head` (default: the files as they are), renames off."""
        ...

    async def changed(self, base: str, head: str = "") -> Sequence[str]:
        """Paths that differ, sorted; `base` and `head` as in `diff`."""
        ...

    async def show(self, revision: str, path: str) -> bytes | None:
        """The file at a commit or tree; None when it is not there."""
        ...

    def checkout(
        self, revision: str, overlay: dict[str, bytes | None] | None = None
    ) -> AbstractAsyncContextManager[Room]:
        """A clean throw-away copy of commit or tree `revision`, with `overlay` laid over it (None deletes); its writes
        reach nothing else, and it is gone at the end."""
        ...


class Workspaces(Protocol):
    """One worktree a run."""

    async def open(self, run: Run) -> Workspace:
        """The run's worktree, made from `run.base` on `run.branch` when it is not there yet. May be called again."""
        ...

    async def close(self, run: Run) -> None:
        """Remove the worktree; its content stays reachable through an autosave."""
        ...

    async def rest(self, run: Run) -> None:
        """End the services beside the run's worktree; its next command that asks for them has new ones."""
        ...

    async def resolve(self, revision: str) -> str:
        """The commit `revision` names. Raises RepositoryError when there is none."""
        ...

    async def fetch(self, branch: str) -> str:
        """The forge's commit of `branch`, its objects here."""
        ...

    async def show(self, revision: str, path: str) -> bytes | None:
        """As a workspace's, without a run: a file as it is in a trusted commit."""
        ...

    async def contains(self, commit: str, ancestor: str) -> bool:
        """Whether commit `ancestor` is `commit` or comes before it."""
        ...

    async def merged(self, ours: str, theirs: str) -> Merged:
        """What merging commit `theirs` into `ours` gives, without hooks, drivers or attributes; no file is touched and
        no ref moves. Text that conflicts stands between git's marks, named by the two commits."""
        ...

    def checkout(
        self, revision: str, overlay: dict[str, bytes | None] | None = None
    ) -> AbstractAsyncContextManager[Room]:
        """As a workspace's, without a run: for baselines and for CI."""
        ...


class Trees(Protocol):
    """Commits and trees of the repository as git keeps them; no working tree is looked at."""

    async def tree(self, revision: str) -> str:
        """The tree of a commit (or the tree itself). Raises RepositoryError when there is none."""
        ...

    async def changed(self, base: str, head: str) -> Sequence[ChangedEntry]:
        """What differs between two commits or trees, sorted by path, renames taken apart."""
        ...

    async def entries(self, tree: str) -> Mapping[str, Entry]:
        """All files of a commit or tree by path."""
        ...

    async def blobs(self, names: Sequence[str]) -> Mapping[str, bytes]:
        """Contents by object name, in one go; what is too large to be looked at stands for itself by a few bytes.
        Raises RefusedError when they are too much together."""
        ...

    def blob(self, name: str) -> bytes:
        """One content, as in `blobs`, waiting for it."""
        ...

    async def origin(self, revision: str, path: str, line: int) -> Origin:
        """The commit that wrote a line of a file at `revision`, as git blames it. Raises UsageError when there is no
        such line."""
        ...

    async def laid(self, tree: str, overlay: Mapping[str, bytes | None]) -> str:
        """The tree that `tree` becomes with `overlay` over it (None takes a file away); its objects are written."""
        ...


class Archive(Protocol):
    """Answers kept by what they answer for. Losing one costs the time to find it again, nothing else."""

    def find(self, key: str) -> Any:
        """What was kept under `key`; None when nothing was, or it cannot be read."""

    def keep(self, key: str, value: Any) -> None:
        """Keep a JSON value under `key`; a repeat replaces it."""


class Agent(Protocol):
    """Does a task in a room and hands in through the submit tool."""

    name: str

    async def work(self, task: Task, room: Room, log: SessionLog) -> Reply:
        """Do `task` in `room`. May be called again for the same task after a crash: it goes on from `log`, whose last
        autosave the room was put back to. Raises TransientError when no model could be reached, ParkedError when a
        limit was reached, NotSignedInError without a credential. Never returns without a submission or a question."""
        ...


class Forge(Protocol):
    """Where changes are offered, judged by CI and merged."""

    async def ensure(self, base: str) -> str:
        """The forge's commit of branch `base`, after it took over what the user committed there. Raises
        RepositoryError when the two have diverged."""
        ...

    async def push(self, branch: str, sha: str) -> None:
        """Put `sha` on the run's own `branch`. A repeat changes nothing."""
        ...

    async def find(self, head: str) -> PullRequest | None:
        """The pull request of branch `head`, open or merged."""
        ...

    async def open(self, head: str, base: str, title: str, body: str) -> PullRequest:
        """Open a pull request, or give the one that is there, its text brought up to date."""
        ...

    async def checks(self, pull_request: PullRequest) -> CiRun:
        """CI's word on the head commit; `pending` until finished. The local forge runs it when nobody has."""
        ...

    async def merge(self, pull_request: PullRequest, expected: str, message: str, onto: str = "") -> PullRequest:
        """Merge if the head is still `expected` and, where it is given, the base still `onto`. Merged already: the same
        answer. Raises StaleError when one of them moved."""
        ...


class Deployer(Protocol):
    """Brings releases to environments and back."""

    async def current(self, environment: Environment) -> Release | None:
        """The last release that passed its smoke there."""
        ...

    async def deploy(self, environment: Environment, release: Release) -> StepResult:
        """Run the deploy command, keyed by release: a repeat of a finished one changes nothing."""
        ...

    async def smoke(self, environment: Environment, release: Release) -> StepResult:
        """Run the smoke command; a pass makes `release` the current one."""
        ...

    async def rollback(self, environment: Environment, to: Release | None) -> StepResult:
        """Go back to `to`; None: there was none before."""
        ...


class Tracker(Protocol):
    """Where tickets come from."""

    async def fetch(self, reference: str) -> str:
        """The ticket's text. Raises TicketError when there is none."""


class Notifier(Protocol):
    """Tells a person that something waits for them."""

    async def tell(self, run: Run, subject: str, text: str) -> None:
        """Best effort; a failure to tell never stops a run."""


class Transaction(Ledger, Answering, Protocol):
    """One unit of writing: all of it lands, or none."""

    connection: Any
    """The SQLAlchemy connection; a job enqueued on it lands with the rest."""

    def alone(self, what: str) -> None:
        """Wait until no other transaction is alone with `what`, and be it until this one ends: what is read from now
        on holds when it commits."""

    def create(self, run: Run) -> None: ...
    def move(self, run: Run, to: Position, note: str = "") -> Run | None:
        """Move `run` to `to`, `serial` one higher; None when somebody moved it before: nothing was written."""

    def works_at(self, run_id: str, serial: int) -> None:
        """Raises LostLeaseError unless the run works at `serial`; then it stays there until this transaction ends."""

    def rebase(self, run: Run, base: str, branch: str) -> None:
        """Give the run's new cycle its base commit and branch."""

    def event(self, run_id: str, kind: str, stage: str, data: dict[str, Any]) -> None: ...
    def deliver(self, run_id: str, cycle: int, name: str, content: dict[str, Any]) -> str:
        """Lock a deliverable by its digest, which is returned; a repeat with other content raises BugError unless the
        earlier one was voided."""

    def void(self, run_id: str, cycle: int, names: Sequence[str]) -> None:
        """Deliverables sent back; they stay in the journal."""

    def round(self, run_id: str, cycle: int, visit: int, round_: Round, objections: Sequence[Objection]) -> None: ...
    def result(self, run_id: str, stage: str, result: GateResult) -> None: ...
    def ask(self, run_id: str, question: Question, session: SessionId) -> None: ...
    def answer(self, run_id: str, question_id: str, answer: str, by: str) -> None: ...
    def hand_over(self, run_id: str, cycle: int, packet: HandOver) -> None: ...
    def remember(self, run_id: str, key: str, value: dict[str, Any]) -> None:
        """A named fact of the run (pull request, release, baseline); a repeat replaces it."""

    def teach(self, run_id: str, witnesses: Sequence[Witness]) -> None:
        """All that a run teaches; a repeat replaces it."""

    def rule_on(self, word: LessonWord) -> None: ...


class Looking(Protocol):
    """What a look at runs and their journals needs; every store can do it."""

    def run(self, prefix: str) -> Run:
        """The one run whose id starts with `prefix`. Raises UsageError when none or several do."""

    def runs(self, active: bool = False) -> Sequence[Run]: ...
    def events(self, run_id: str, after: int = 0, limit: int = 1000) -> Sequence[Event]: ...


class Store(Looking, Spending, Answers, Protocol):
    """All that is durable, in one database."""

    def transaction(self, *, late: bool = False) -> AbstractContextManager[Transaction]:
        """All of it lands, or none. A `late` one waits for no disk: a killed process loses nothing of it, a machine
        without power may, until another one has landed."""

    def standing(self, run_id: str) -> tuple[int, State, float | None]:
        """Serial, state and money spent (None: unknown) of a run. Raises UsageError when there is none."""

    def deliverable(self, run_id: str, cycle: int, name: str) -> dict[str, Any] | None: ...
    def deliverables(self, run_id: str) -> Sequence[tuple[int, str, str, dict[str, Any]]]:
        """Cycle, name, digest and content of all that stand."""

    def rounds(self, run_id: str, cycle: int, stage: str = "") -> Sequence[tuple[Round, tuple[Objection, ...]]]: ...
    def results(self, run_id: str, tree: str = "") -> Sequence[tuple[str, GateResult]]: ...
    def questions(self, run_id: str) -> Sequence[tuple[Question, SessionId]]: ...
    def packet(self, run_id: str) -> HandOver | None: ...
    def recall(self, run_id: str, key: str) -> dict[str, Any] | None: ...
    def session(self, session: SessionId) -> tuple[Message, ...]: ...
    def say(
        self,
        session: SessionId,
        messages: Sequence[Message],
        notes: Sequence[tuple[str, dict[str, Any]]],
        serial: int | None = None,
        charge: int | None = None,
    ) -> tuple[Message, ...]:
        """Append messages and notes, add their usage to the run and settle request `charge` by it, in one transaction;
        the messages as `session` has them. With `serial` only while the run works there: else LostLeaseError, and
        nothing was written."""

    def put_blob(self, content: bytes) -> str:
        """Keep bytes by their SHA-256, which is returned."""

    def blob(self, sha256: str) -> bytes | None: ...
    def witnesses(self) -> Sequence[Witness]:
        """What all runs teach, as they saw it first."""

    def lesson_words(self) -> Sequence[LessonWord]: ...
