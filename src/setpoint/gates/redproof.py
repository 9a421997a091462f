"""Red proof: a new test is worth something when it fails on the untouched base because the behaviour is missing, passes
on the change, and fails again when the change is taken back."""

import re
from collections.abc import Callable, Collection, Mapping, Sequence
from datetime import UTC, datetime
from typing import Protocol

from ..errors import SetpointError
from ..model.evidence import Evidence, GateKind, GateResult, Outcome, TestResult
from ..model.gate import Gate
from ..model.objection import Deviation, Objection, Place, Severity, Source
from ..model.record import Record
from ..ports import Room
from .commands import only, shown
from .frozen import is_test_file
from .judge import together
from .reading import capped, line
from .reasons import uncollected, wrong_reason
from .run import Keep, is_test_tool, run_gate, sha256
from .tripwire import tripwire
from .trusted import distrust, lay, reader, untrusted
from .wires import part_of_runner
from .words import words

_Reason = Callable[[TestResult], str]
FLAKY = "it is flaky"
_JS = (".js", ".mjs", ".cjs", ".jsx", ".ts", ".mts", ".cts", ".tsx")


class Named(Protocol):
    """A test by its id; a claim of one, or one that was found in a change."""

    @property
    def id(self) -> str:
        """`path::name` as the runner reports it."""
        ...


class RedProof(Record):
    """What a proof found: its result as evidence, and one objection a test that proves nothing."""

    result: GateResult
    objections: tuple[Objection, ...] = ()

    @property
    def holds(self) -> bool:
        """Every claimed test did what it had to."""
        return self.result.green and not self.objections


async def red_proof(
    claims: Sequence[Named],
    test_files: Sequence[str],
    gate: Gate,
    base_room: Room,
    *,
    tree: str,
    environment: str,
    keep: Keep = sha256,
) -> RedProof:
    """`base_room` is the untouched base with the new tests laid over it, and `tree` that tree: each claimed test must
    be reported there and fail, by assertion or for missing behaviour."""
    return await _proof("red-proof", claims, test_files, gate, base_room, tree, environment, keep, wrong_reason)


async def green_proof(
    claims: Sequence[Named],
    test_files: Sequence[str],
    gate: Gate,
    head_room: Room,
    *,
    tree: str,
    environment: str,
    changed: Collection[str],
    keep: Keep = sha256,
) -> RedProof:
    """The same tests on the change of these paths, twice, with tripwires among them: each must be reported there and
    pass, both times. The tripwires are written into `head_room`, which is thrown away."""
    own = part_of_runner(frozenset(head_room.files()), changed)
    return await _proof("green-proof", claims, test_files, gate, head_room, tree, environment, keep, _not_passed, own)


def _not_passed(test: TestResult) -> str:
    if test.outcome == "passed":
        return ""
    said = next((text.strip() for text in test.message.splitlines() if text.strip()), "no message")
    return {"skipped": "it is skipped, and a skip proves nothing"}.get(test.outcome, f"it does not pass: {said[:300]}")


async def _proof(
    name: str,
    claims: Sequence[Named],
    test_files: Sequence[str],
    gate: Gate,
    room: Room,
    tree: str,
    environment: str,
    keep: Keep,
    wrong: _Reason,
    own: Sequence[str] = (),
) -> RedProof:
    named = [claim.id.partition("::")[0] for claim in claims] + [path for path in test_files if is_test_file(path)]
    there = [path for path in dict.fromkeys(named) if _exists(room, path)]
    results = await _run(name, there, gate, room, tree, environment, keep, own)
    forged = next((result for result in results.values() if untrusted(result)), None)
    crashed = [result for files, result in results.items() if _told_nothing(files, result)]
    if forged or not is_test_tool(gate) or not results or (crashed and len(crashed) == len(results)):
        why = (
            (forged or crashed[0]).reason
            if forged or crashed
            else "none of the test files is there"
            if is_test_tool(gate)
            else _no_ids(gate)
        )
        proof = _sealed(name, gate, claims, results, tree, environment, (), f"nothing was proved: {why}")
        return proof.model_copy(update={"objections": (distrust(forged, gate),)}) if forged else proof
    again = await _run(name, there, gate, room, tree, environment, keep, own) if name == "green-proof" else results
    raised = []
    for claim in claims:
        found = matching(claim.id, results)
        reason = _unreported(claim, results) if not found else _worst(found, wrong)
        steady = {test.id: test.outcome for test in matching(claim.id, again)}
        if found and any(steady.get(test.id, "missing") != test.outcome for test in found):
            reason = f"{FLAKY}: it passed and did not pass on the same tree"
        if reason:
            raised.append(_objection(name, claim, reason, found, gate))
    return _sealed(name, gate, claims, results, tree, environment, tuple(raised), "")


def _told_nothing(files: str, result: GateResult) -> bool:
    """A crash of the runner, which may still report itself as a test."""
    ours = {*files.split("\n"), "test"}
    told = any(test.id.partition("::")[0] in ours for test in result.tests)
    empty = "nothing was examined" in result.reason or "it found no tests" in result.reason
    return result.outcome is Outcome.REFUSED and not told and not empty


def _exists(room: Room, path: str) -> bool:
    try:
        room.read(path)
    except (OSError, SetpointError):
        return False
    return True


def _no_ids(gate: Gate) -> str:
    return f"{words(gate.run).tool} does not report tests one by one"


async def _run(
    name: str,
    test_files: Sequence[str],
    gate: Gate,
    room: Room,
    tree: str,
    environment: str,
    keep: Keep,
    own: Sequence[str],
) -> Mapping[str, GateResult]:
    """Results by the test files they are of. node:test names no file, so its files run one by one."""
    known = frozenset(room.files()) | set(test_files)
    tool = words(gate.run).tool
    below = "" if gate.where == "." else gate.where.rstrip("/") + "/"
    mine = [
        path
        for path in test_files
        if path.startswith(below) and path.endswith(_JS) == (tool not in ("pytest", "unittest"))
    ]
    groups = [(path,) for path in mine] if tool == "node --test" else [tuple(mine)] if mine else []

    async def one(group: tuple[str, ...]) -> GateResult:
        narrowed = only(gate, [path.removeprefix(below) for path in group], known) or gate
        if tool == "pytest":
            narrowed = narrowed.model_copy(update={"run": (*narrowed.run, "--continue-on-collection-errors")})
        wires = tripwire(narrowed, known, reader(room), near=group, own=own) if name == "green-proof" else None
        if wires:
            lay(room, wires)
        seen = known | wires.files.keys() if wires else known
        return await run_gate(
            name, narrowed, room, tree=tree, environment=environment, keep=keep, reruns=0, files=seen, wires=wires
        )

    found = await together(one(group) for group in groups)
    return dict(zip(("\n".join(group) for group in groups), found, strict=True))


def matching(claimed: str, results: Mapping[str, GateResult]) -> tuple[TestResult, ...]:
    """The reported tests a claim speaks of: the id itself, its parametrisations, or the tests of a claimed class."""
    path, _, name = claimed.partition("::")
    wanted = _pattern(_title(name))
    found = []
    for files, result in results.items():
        for test in result.tests:
            where, _, title = test.id.partition("::")
            same_file = where == path or (where == "test" and files == path)
            if same_file and title and wanted.match(_title(title)):
                found.append(test)
    return tuple(found)


def _pattern(title: str) -> re.Pattern[str]:
    """A claimed title, with what `test.each` and templates fill in left open."""
    pieces = re.split(r"%[sdifjoOp#]|\$\{[^}]*\}|\$[A-Za-z_#][\w.]*", title)
    return re.compile(".*".join(map(re.escape, pieces)) + r"(?:\[| > |$)", re.DOTALL)


def _title(name: str) -> str:
    head, bracket, parameters = name.partition("[")
    return re.sub(r"\s*(?:::|>)\s*", " > ", head).strip() + bracket + parameters


def _worst(found: Sequence[TestResult], wrong: _Reason) -> str:
    """The reason against the claim. Of several parametrisations on the base some may hold already, but one must fail,
    and none may fail for a wrong reason."""
    reasons = {test: wrong(test) for test in found}
    if wrong is wrong_reason:
        failing = {test: why for test, why in reasons.items() if test.outcome not in ("passed", "skipped")}
        reasons = failing or reasons
    return next((why for why in reasons.values() if why), "")


def _unreported(claim: Named, results: Mapping[str, GateResult]) -> str:
    path = claim.id.partition("::")[0]
    for files, result in results.items():
        for test in result.tests:
            if test.id == path and test.outcome in ("failed", "error"):
                return uncollected(test.message or result.tail)
        if path in files.split("\n") and result.outcome is Outcome.REFUSED and not result.tests:
            return f"its file did not run: {uncollected(result.tail) if 'Error' in result.tail else result.reason}"
    near = [test.id for result in results.values() for test in result.tests if test.id.startswith(f"{path}::")]
    there = f"; reported there: {', '.join(near[:5])}" if near else "; no test of that file was reported"
    return f"the test runner reports no test of this id{there}"


def _objection(name: str, claim: Named, reason: str, found: Sequence[TestResult], gate: Gate) -> Objection:
    path = claim.id.partition("::")[0]
    where = "on the untouched base" if name == "red-proof" else "on the change"
    message = next((test.message for test in found if test.message), "")
    return Objection(
        source=Source.RED_PROOF,
        deviation=Deviation.REQUIREMENT,
        severity=Severity.HIGH,
        what=capped(f"{claim.id} proves nothing {where}: {reason}", 2000),
        cause=line(reason),
        place=Place(path=line(path)),
        evidence=capped(message),
        probe=shown(gate.run),
        rule=_rule(name, reason, found),
    )


def _rule(name: str, reason: str, found: Sequence[TestResult]) -> str:
    if reason.startswith(FLAKY):
        return "proof/flaky"
    outcomes = {test.outcome for test in found}
    if outcomes and outcomes <= {"skipped"}:
        return "proof/skipped"
    if name == "green-proof":
        return "proof/not-green" if found else "proof/not-run"
    if outcomes and outcomes <= {"passed", "skipped"}:
        return "proof/passes-on-base"
    return "proof/wrong-reason" if found or "no test of this id" not in reason else "proof/not-run"


def _sealed(
    name: str,
    gate: Gate,
    claims: Sequence[Named],
    results: Mapping[str, GateResult],
    tree: str,
    environment: str,
    raised: tuple[Objection, ...],
    refused: str,
) -> RedProof:
    first = next(iter(results.values()), None)
    good = len(claims) - len(raised)
    means = "fail on the base for the right reason" if name == "red-proof" else "pass on the change"
    reason = refused or ("no test was claimed" if not claims else f"{good} of {len(claims)} claimed tests {means}")
    outcome = Outcome.REFUSED if refused or not claims else Outcome.FAILED if raised else Outcome.PASSED
    evidence = _evidence(gate, first, tree, environment, 0 if refused else len(claims))
    result = GateResult(
        gate=name,
        kind=GateKind.RED_PROOF,
        outcome=outcome,
        reason=line(reason),
        evidence=evidence,
        tests=tuple(test for result in results.values() for test in result.tests),
        tail=capped("\n".join(result.tail for result in results.values()), 8000),
    )
    if outcome is Outcome.REFUSED:
        raised = (_refusal(result),)
    return RedProof(result=result, objections=raised)


def _refusal(result: GateResult) -> Objection:
    return Objection(
        source=Source.RED_PROOF,
        deviation=Deviation.ENVIRONMENT,
        severity=Severity.HIGH,
        what=result.reason,
        evidence=result.tail,
        rule="proof/refused",
    )


def _evidence(gate: Gate, ran: GateResult | None, tree: str, environment: str, examined: int) -> Evidence:
    if ran is None:
        return Evidence(
            tree=tree, argv=gate.run, environment=environment, definition=gate.digest(), examined=0, unit="tests",
            at=datetime.now(UTC),
        )  # fmt: skip
    return ran.evidence.model_copy(update={"examined": examined, "unit": "tests", "definition": gate.digest()})
