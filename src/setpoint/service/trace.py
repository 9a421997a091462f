"""`setpoint trace`: from each criterion over plan task and test to the changed lines that this test executed, and back.

It is computed from a run of the tests under a coverage tool, not from what anybody claims: a claim only says which test
is meant for which criterion.
"""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from itertools import groupby

from ..errors import RefusedError
from ..gates.change_set import ChangeSet
from ..gates.commands import only, words
from ..gates.coverage import measure
from ..gates.coverage_lines import changed_code
from ..gates.coverage_report import Coverage, Covered
from ..gates.grounds import Grounds
from ..gates.tests_gate import tests_gate
from ..gates.tree_change import change_between
from ..model.change import AcceptanceTests, TestClaim
from ..model.gate import Gate
from ..model.plan import Plan
from ..model.record import Record, digest_of
from ..model.ticket import Criterion
from ..pipeline.bench import Ground
from ..pipeline.criteria import criteria_of, plan_of
from ..pipeline.judging import approved_files, lab_of, sealed_claims
from ..pipeline.lab import Lab
from .verify import standing

CLAIMS = 60
"""Most tests that are run one by one, where the tool does not say which test ran a line."""
_PATTERN = {"node --test": "--test-name-pattern", "vitest": "-t", "jest": "-t", "mocha": "--grep"}


class TracedTest(Record):
    """A test and what of the change it executed."""

    id: str
    lines: dict[str, tuple[int, ...]] = {}
    """Changed lines by file."""

    @property
    def count(self) -> int:
        """How many changed lines it executed."""
        return sum(len(lines) for lines in self.lines.values())


class TracedCriterion(Record):
    """One criterion's way to the code."""

    id: str
    text: str
    tasks: tuple[str, ...]
    tests: tuple[TracedTest, ...]
    unproven: str = ""
    """Why no automatic test can prove it, where the tests phase said so."""


class Trace(Record):
    """The whole matrix and its holes."""

    run: str
    base: str
    tree: str
    criteria: tuple[TracedCriterion, ...]
    changed: int
    """Changed lines that can be executed."""
    uncovered: tuple[str, ...]
    """Criteria that no test leads from to a changed line."""
    orphans: tuple[str, ...]
    """Changed lines that no criterion's test executes, `file:from-to`."""
    unproved_tasks: tuple[str, ...]
    """Tasks whose own checks have no green result in the record."""

    @property
    def whole(self) -> bool:
        """Nothing is missing."""
        return not (self.uncovered or self.orphans or self.unproved_tasks)


async def trace(ground: Ground) -> Trace:
    """The matrix of a run's change as it lies there now. Raises RefusedError when the tests cannot be measured."""
    lab, trees = lab_of(ground.bench), ground.bench.trees
    places = [place async for place in standing(ground)]
    if not places:
        raise RefusedError("nothing of the run's change lies here any more", fix="`setpoint show` says where it went")
    base, tree = await trees.tree(ground.run.base), places[0].tree
    change = await change_between(trees, base, tree)
    claims = sealed_claims(ground)
    code = {delta.path: frozenset(changed_code(delta)) for delta in change.deltas if changed_code(delta)}
    ran = await _ran(ground, lab, change, claims, code)
    criteria = [_traced(criterion, ground, claims, ran) for criterion in criteria_of(ground)]
    return Trace(
        run=ground.run.id,
        base=ground.run.base,
        tree=tree,
        criteria=tuple(criteria),
        changed=sum(len(lines) for lines in code.values()),
        uncovered=tuple(_uncovered(criteria)),
        orphans=tuple(_orphans(code, ran)),
        unproved_tasks=tuple(_unproved(ground, plan_of(ground))),
    )


_Ran = Mapping[str, Mapping[str, frozenset[int]]]
"""Changed lines by file, by claimed test; what ran outside any test stands under the empty name."""


async def _ran(
    ground: Ground, lab: Lab, change: ChangeSet, claims: Sequence[TestClaim], code: Mapping[str, frozenset[int]]
) -> _Ran:
    gates = ground.config.gates
    environment = await lab.environment(change.base, gates)
    files = approved_files(ground)
    differs = {path: content for path, content in files.items() if change.read_head(path) != content}
    judged = await lab.trees.laid(change.head, dict(differs)) if differs else change.head
    key = digest_of(
        {
            "trace": [change.base, judged],
            "claims": [claim.id for claim in claims],
            "in": environment,
            "by": lab.code,
            "gates": {name: gate.digest() for name, gate in gates.items()},
        }
    )
    kept = lab.archive.find(key)
    if kept is None:
        grounds = Grounds(change, lab.checkout, gates, environment, judged)
        found = await _measured(grounds, grounds.tests, claims, code)
        kept = {test: {path: sorted(lines) for path, lines in each.items()} for test, each in found.items()}
        lab.archive.keep(key, kept)
    return {test: {path: frozenset(lines) for path, lines in each.items()} for test, each in kept.items()}


async def _measured(
    grounds: Grounds, gates: Sequence[Gate], claims: Sequence[TestClaim], code: Mapping[str, frozenset[int]]
) -> _Ran:
    gate = gates[0] if gates else tests_gate(grounds.gates)[1]
    whole = await measure(grounds, gates or [gate], excuses=True, lines=code)
    outside = _lines(whole, code, None)
    if any(covered.tests for covered in whole.files.values()):
        return {"": outside, **{claim.id: _lines(whole, code, claim) for claim in claims}}
    found: dict[str, Mapping[str, frozenset[int]]] = {"": {}}
    for claim in claims[:CLAIMS]:
        alone = _only(gate, claim, grounds.change.head_files)
        found[claim.id] = _executed(await measure(grounds, [alone], excuses=True), code)
    return found


def _only(gate: Gate, claim: TestClaim, files: Iterable[str]) -> Gate:
    """The gate for one test alone."""
    path, _, name = claim.id.partition("::")
    below = "" if gate.where == "." else gate.where.rstrip("/") + "/"
    narrowed = only(gate, [path.removeprefix(below)], frozenset(files)) or gate
    option = _PATTERN.get(words(gate.run).tool)
    if option is None:
        return narrowed
    title = re.escape(re.split(r"\s>\s", name)[-1])
    told = words(narrowed.run)
    return narrowed.model_copy(update={"run": replace(told, args=(f"{option}={title}", *told.args)).argv})


def _executed(coverage: Coverage, code: Mapping[str, frozenset[int]]) -> dict[str, frozenset[int]]:
    found = {path: lines & coverage.files.get(path, Covered()).executed for path, lines in code.items()}
    return {path: lines for path, lines in found.items() if lines}


def _lines(
    coverage: Coverage, code: Mapping[str, frozenset[int]], claim: TestClaim | None
) -> dict[str, frozenset[int]]:
    """The changed lines a claimed test ran; of no claim: those that ran outside any test."""
    found = {}
    for path, lines in code.items():
        covered = coverage.files.get(path, Covered())
        told = {
            line
            for line in lines & covered.executed
            if (claim is None and not covered.tests.get(line))
            or (claim is not None and any(_means(context, claim.id) for context in covered.tests.get(line, ())))
        }
        if told:
            found[path] = frozenset(told)
    return found


def _means(context: str, claimed: str) -> bool:
    """Whether a coverage context names the claimed test: `tests/test_a.py::C::test_b|run`, or `test_a.C.test_b`."""
    plain = context.partition("|")[0].partition("[")[0]
    wanted = claimed.partition("[")[0]
    if "::" in plain:
        return plain == wanted
    path, _, name = wanted.partition("::")
    dotted = f"{re.sub(r'[.]py$', '', path).replace('/', '.')}.{name.replace('::', '.')}"
    return bool(plain) and (dotted == plain or dotted.endswith(f".{plain}"))


# -- the matrix --------------------------------------------------------------------------------------------------------


def _traced(criterion: Criterion, ground: Ground, claims: Sequence[TestClaim], ran: _Ran) -> TracedCriterion:
    plan = plan_of(ground)
    tasks = tuple(task.id for task in (plan.tasks if plan else ()) if criterion.id in task.criteria)
    tests = tuple(
        TracedTest(id=claim.id, lines={path: tuple(sorted(lines)) for path, lines in ran.get(claim.id, {}).items()})
        for claim in claims
        if criterion.id in claim.proves
    )
    given = ground.given("tests")
    said = AcceptanceTests.model_validate(given).unproven if given else ()
    unproven = next((line for line in said if line.startswith(criterion.id)), "")
    return TracedCriterion(id=criterion.id, text=criterion.text, tasks=tasks, tests=tests, unproven=unproven)


def _uncovered(criteria: Sequence[TracedCriterion]) -> Iterable[str]:
    for criterion in criteria:
        if criterion.unproven:
            continue
        if not criterion.tests:
            yield f"{criterion.id}: no test is meant for it"
        elif not any(test.count for test in criterion.tests):
            yield f"{criterion.id}: none of its tests executes a changed line"


def _orphans(code: Mapping[str, frozenset[int]], ran: _Ran) -> Iterable[str]:
    for path, lines in sorted(code.items()):
        seen = frozenset[int]().union(*(each.get(path, frozenset()) for each in ran.values()))
        left = sorted(lines - seen)
        for _, run in groupby(enumerate(left), key=lambda pair: pair[1] - pair[0]):
            span = [line for _, line in run]
            yield f"{path}:{span[0]}" + (f"-{span[-1]}" if len(span) > 1 else "")


def _unproved(ground: Ground, plan: Plan | None) -> Iterable[str]:
    green = {result.gate for _, result in ground.bench.store.results(ground.run.id) if result.green}
    for task in plan.tasks if plan else ():
        missing = [check.said for n, check in enumerate(task.checks, 1) if f"{task.id}.{n}" not in green]
        if missing:
            yield f"{task.id} {task.title}: no green result of {', '.join(missing)}"
