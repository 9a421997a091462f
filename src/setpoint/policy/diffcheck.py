"""The third wall: a change judged by its diff, on the host, whatever stopped or did not stop it before."""

import re
from collections.abc import Callable, Iterator, Sequence
from collections.abc import Set as AbstractSet
from posixpath import dirname, join, normpath

from ..errors import DeniedError
from ..model.boundary import Boundaries
from ..model.objection import Deviation, Objection, Place, Severity, Source
from ..model.record import Record
from ..model.unsaved import Unsaved
from .action import Action, ActionKind
from .decide import Ask, Deny, Policy, decide
from .paths import allowed, canonical, classify_path, touches
from .rules import Rules

LINK, GITLINK, EXECUTABLE = "120000", "160000", "100755"
NO_RULES = Rules()
_MOST = 50
_DATA = re.compile(
    r"\.(md|rst|txt|json|ya?ml|toml|ini|cfg|csv|tsv|xml|html?|css|svg|png|jpe?g|gif|ico|pdf|lock|sql|po)$"
)
_DDL = re.compile(
    r"\b(create|alter|drop|truncate)\s+(unique\s+)?(table|index|view|schema|database|sequence|type|trigger|column)\b"
    r"|\bop\.(create|drop|alter|add|rename|execute)_?\w*\s*\("
    r"|\bmigrations\.(AddField|AlterField|RemoveField|CreateModel|DeleteModel|RunSQL|RunPython|RenameField)\b",
    re.IGNORECASE,
)
_PROSE = re.compile(r"\.(md|rst|txt|adoc)$", re.IGNORECASE)


class FileChange(Record):
    """One file's part of a change, renames taken apart."""

    path: str
    added: int = 0
    removed: int = 0
    old_mode: str = ""
    new_mode: str = ""
    text: str = ""
    """The added lines, capped; of a link: its target."""

    @property
    def is_link(self) -> bool:
        """A symbolic link after the change."""
        return self.new_mode == LINK

    @property
    def is_gitlink(self) -> bool:
        """A submodule or nested repository, before or after."""
        return GITLINK in (self.old_mode, self.new_mode)


def judge_change(
    changes: Sequence[FileChange],
    boundaries: Boundaries,
    *,
    protected_ok: AbstractSet[str] = frozenset(),
    rules: Rules = NO_RULES,
) -> tuple[Objection, ...]:
    """Everything in the change that boundaries and rules do not allow. `protected_ok` names files that a person let
    change: it lifts protection and the file's kind, never the paths, setpoint's own files, links or submodules, nor
    what the rules close to everybody."""
    yes = tuple(Action(kind=ActionKind.EDIT, subject=path) for path in protected_ok)
    policy = Policy(boundaries=boundaries, rules=rules, granted=yes)
    found = []
    for change in changes:
        minded = list(_judged(change, boundaries, protected_ok))
        found += minded or list(_decided(change, policy))
    return (*found, *_size(changes, boundaries))


def judge_under(changes: Sequence[FileChange], policy: Policy) -> tuple[Objection, ...]:
    """The same under a run's whole policy, with what named persons opened."""
    opened = frozenset(action.subject for action in policy.granted if action.kind is ActionKind.EDIT)
    return judge_change(changes, policy.boundaries, protected_ok=opened, rules=policy.rules)


def _decided(change: FileChange, policy: Policy) -> Iterator[Objection]:
    """The broker's own word on the file, for whatever got past it."""
    path = canonical(change.path)
    decision = decide(policy, Action(kind=ActionKind.EDIT, subject=path))
    if isinstance(decision, Ask):
        yield _objection(path, "a change of this file is a person's decision", decision.reason)
    elif isinstance(decision, Deny):
        yield _objection(path, "this file may not be changed by a run", decision.reason)


def _judged(change: FileChange, boundaries: Boundaries, protected_ok: AbstractSet[str]) -> Iterator[Objection]:
    try:
        path = canonical(change.path)
    except DeniedError as error:
        yield _objection(change.path, f"a file with an unusable name was changed: {error.why}", error.fix)
        return
    if not allowed(boundaries.paths, path):
        shown = ", ".join(boundaries.paths[:8]) or "none yet"
        yield _objection(path, "the file is outside the paths this run may touch", f"allowed: {shown}")
    yield from _shape(change, path)
    kind = classify_path(path)
    if kind is ActionKind.CONTROL_PLANE:
        yield _objection(path, "setpoint's own files and .gitmodules may not be changed by a run", "undo the change")
    elif path not in protected_ok:
        if any(touches(glob, path) for glob in boundaries.protected):
            yield _objection(path, "the file is protected", "undo the change, or `ask` for it with `requests`")
        yield from _KINDS.get(kind, _ordinary)(change, path, kind, boundaries)


def _shape(change: FileChange, path: str) -> Iterator[Objection]:
    if change.is_gitlink:
        yield _objection(path, "a submodule or nested repository was added or changed", "remove it")
    if change.is_link:
        target = normpath(join(dirname(path), change.text.strip("\n")))
        if target.startswith(("/", "..")) or ".git" in target.casefold().split("/"):
            yield _objection(path, "a symbolic link leaves the tree", f"it points to {change.text.strip()[:200]}")
    if change.new_mode == EXECUTABLE and change.old_mode != EXECUTABLE and _DATA.search(path.casefold()):
        yield _objection(path, "a data file was made executable", "take the executable bit away")


def _person(_change: FileChange, path: str, kind: ActionKind, _boundaries: Boundaries) -> Iterator[Objection]:
    yield _objection(
        path, f"a change of {kind} files is a person's decision", "undo it, or `ask` for it with `requests`"
    )


def _dependency(_change: FileChange, path: str, _kind: ActionKind, boundaries: Boundaries) -> Iterator[Objection]:
    if not boundaries.dependencies:
        yield _objection(path, "dependencies may not change in this run", "undo it; use what is installed")


def _migration(_change: FileChange, path: str, _kind: ActionKind, boundaries: Boundaries) -> Iterator[Objection]:
    if not boundaries.migrations:
        yield _objection(path, "migrations and schema may not change in this run", "solve it without a schema change")


def _ordinary(change: FileChange, path: str, kind: ActionKind, boundaries: Boundaries) -> Iterator[Objection]:
    # Tests build scratch tables and prose quotes statements; neither changes a schema.
    if boundaries.migrations or kind is ActionKind.TEST or _PROSE.search(path) or change.is_link:
        return
    statement = _DDL.search(change.text)
    if statement:
        yield _objection(
            path, "the code changes the database schema, which this run may not", f"found: {statement.group(0)}"
        )


_Rule = Callable[[FileChange, str, ActionKind, Boundaries], Iterator[Objection]]
_KINDS: dict[ActionKind, _Rule] = {
    ActionKind.CI: _person,
    ActionKind.INFRASTRUCTURE: _person,
    ActionKind.AGENT_FILES: _person,
    ActionKind.SECRET: _person,
    ActionKind.DEPENDENCY: _dependency,
    ActionKind.MIGRATION: _migration,
}


def judge_unsaved(unsaved: Sequence[Unsaved]) -> tuple[Objection, ...]:
    """An objection for each thing that lies in the workspace and would not be part of the change."""
    where = {"evidence": "it lies in the workspace"}
    found = [_objection(one.shown, f"not part of the change: {one.why}", one.remedy) for one in unsaved[:_MOST]]
    return tuple(objection.model_copy(update=where) for objection in found)


def _size(changes: Sequence[FileChange], boundaries: Boundaries) -> Iterator[Objection]:
    lines = sum(change.added + change.removed for change in changes)
    for count, most, unit in ((len(changes), boundaries.max_files, "files"), (lines, boundaries.max_lines, "lines")):
        if count > most:
            yield Objection(
                source=Source.BOUNDARY,
                deviation=Deviation.BOUNDARY,
                severity=Severity.MEDIUM,
                what=f"the change is too large to be reviewed: too many {unit}",
                cause="leave out what no criterion asks for, or split the ticket so that each part stands alone",
                evidence=f"{count} {unit}, at most {most} are allowed",
            )


def _objection(path: str, what: str, cause: str) -> Objection:
    told = path.encode("utf-8", "backslashreplace").decode()[:400].strip() or "(no name)"
    shown = "".join(letter if letter.isprintable() else ascii(letter)[1:-1] for letter in told)
    return Objection(
        source=Source.BOUNDARY,
        deviation=Deviation.BOUNDARY,
        severity=Severity.HIGH,
        what=what,
        cause=cause,
        place=Place(path=shown),
        evidence=f"the diff changes {shown}",
    )
