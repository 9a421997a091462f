"""What a run's boundaries and policy say of a change, from its files alone."""

from collections.abc import Iterator, Sequence

from ..gates.api import check_api
from ..gates.change_set import ChangeSet, Delta
from ..gates.dependencies import check_dependencies
from ..gates.frozen_interfaces import as_frozen, check_frozen
from ..gates.measured import built_in
from ..model.boundary import Boundaries
from ..model.evidence import GateKind
from ..model.judgement import Measured
from ..model.objection import Objection, Severity
from ..policy.action import Action, ActionKind
from ..policy.decide import Allow, Deny, Policy, decide
from ..policy.diffcheck import FileChange, judge_change, judge_under
from ..policy.paths import classify_path
from .lab import Terms
from .unbounded import by_anybody

MOST_LINES = 1_000_000
MOST_TEXT = 200_000
"""Characters of a file's added lines that are looked at for statements."""
OPEN = Boundaries(paths=("**",), dependencies=True, migrations=True, max_files=MOST_LINES, max_lines=MOST_LINES)


def boundary(change: ChangeSet, terms: Terms) -> Measured:
    """What the change touches, against what it may."""
    changes = file_changes(change)
    if terms.policy is None:
        # Without set boundaries a person may change any file; a link out of the tree or a submodule is still minded.
        mine = frozenset(change.path for change in changes)
        ruled = list(by_anybody(_about_each(judge_change(changes, OPEN, protected_ok=mine)), change))
    else:
        ruled = _about_each(judge_under(changes, terms.policy))
    return counted_as("boundary", ruled, change, GateKind.BOUNDARY)


def _about_each(found: Sequence[Objection]) -> list[Objection]:
    return [objection.model_copy(update={"rule": f"boundary/{_about(objection)}"}) for objection in found]


def _about(objection: Objection) -> str:
    words = {
        "outside the paths": "path", "protected": "protected", "symbolic link": "link", "submodule": "submodule",
        "executable": "mode", "dependencies": "dependency", "schema": "migration", "too large": "size",
        "person's decision": "person", "setpoint's own": "control-plane", "unusable name": "name",
        "by a run": "policy",
    }  # fmt: skip
    return next((rule for words_, rule in words.items() if words_ in objection.what), "other")


def file_changes(change: ChangeSet) -> list[FileChange]:
    """The change as the policy sees it: a rename is a file that goes and one that comes."""
    return [part for delta in change.deltas for part in _parts(delta)]


def _parts(delta: Delta) -> Iterator[FileChange]:
    added, removed = len(delta.added_lines), len(delta.removed_lines)
    if delta.was:
        gone = delta.text_before.count("\n")
        yield FileChange(path=_plain(delta.was), removed=gone, old_mode=delta.mode_before)
        added, removed = delta.text_after.count("\n"), 0
    text = "".join(f"{line}\n" for line in delta.added_lines.values())
    yield FileChange(
        path=_plain(delta.path),
        added=added,
        removed=removed,
        old_mode="" if delta.arrived else delta.mode_before,
        new_mode="" if delta.deleted else delta.mode_after,
        text=text[:MOST_TEXT],
    )


def _plain(path: str) -> str:
    return path.encode("utf-8", "backslashreplace").decode()


def counted_as(
    name: str, found: Sequence[Objection], change: ChangeSet, kind: GateKind, *, examined: int | None = None
) -> Measured:
    """The result of a check that looks at changed files."""
    count = len(change.deltas) if examined is None else examined
    return built_in(name, found, examined=count, unit="changed files", tree=change.head, kind=kind)


def interfaces(change: ChangeSet, terms: Terms) -> Measured:
    """What others build on; a break that a criterion names is noted, unless it is of something frozen."""
    found = check_api(change, declared=terms.declared)
    frozen = terms.policy.boundaries.frozen if terms.policy else ()
    weighed = as_frozen(found.objections, frozen)
    if weighed == list(found.objections):
        return found
    evidence = found.result.evidence
    return built_in("api", weighed, examined=evidence.examined, unit=evidence.unit, tree=change.head)


def frozen_interfaces(change: ChangeSet, terms: Terms) -> Measured:
    """Names, calls and tables that ticket, plan or policy froze."""
    return check_frozen(change, terms.policy.boundaries.frozen if terms.policy else ())


def packages(change: ChangeSet, terms: Terms) -> Measured:
    """Dependencies: a person's decision each, until a named person or the policy has taken it."""
    found = check_dependencies(change)
    if terms.policy is None:
        return found
    weighed = [_of_package(objection, terms.policy) for objection in found.objections]
    evidence = found.result.evidence
    return built_in("dependencies", weighed, examined=evidence.examined, unit=evidence.unit, tree=change.head)


def _of_package(objection: Objection, policy: Policy) -> Objection:
    if objection.rule not in ("dependencies/new", "dependencies/changed"):
        return objection
    name = objection.what.partition(": ")[2]
    decision = decide(policy, Action(kind=ActionKind.DEPENDENCY, subject=name))
    if isinstance(decision, Allow):
        return objection.model_copy(update={"severity": Severity.LOW, "cause": f"it was decided: {decision.reason}"})
    update = {"severity": Severity.HIGH, "cause": f"{decision.reason}; do without it"}
    return objection.model_copy(update=update) if isinstance(decision, Deny) else objection


MOVED = frozenset(
    f"tamper/{rule}" for rule in ("gate-config", "ci-config", "lock-changed", "agent-instructions", "plumbing-changed")
)
"""That a file was changed at all which judges or pins: what in it sees less is told by rules of its own."""


def as_opened(found: Measured, change: ChangeSet, terms: Terms) -> Measured:
    """The tamper guard's word, where a named person or the policy let just that file change: it is noted then."""
    policy = terms.policy
    if policy is None:
        return found
    weighed = [_noted(objection, policy) for objection in found.objections]
    if weighed == list(found.objections):
        return found
    evidence = found.result.evidence
    return built_in("tamper", weighed, examined=evidence.examined, unit=evidence.unit, tree=change.head)


def _noted(objection: Objection, policy: Policy) -> Objection:
    path = objection.place.path if objection.place else ""
    if objection.rule not in MOVED or not path:
        return objection
    edit = Action(kind=ActionKind.EDIT, subject=path)
    decision = decide(policy, edit)
    mine = edit in policy.granted or classify_path(path) is ActionKind.DEPENDENCY
    if not mine or not isinstance(decision, Allow):
        return objection
    return objection.model_copy(update={"severity": Severity.LOW, "cause": f"it was decided: {decision.reason}"})
