"""The change's own tests in other surroundings: another time zone and locale, no home folder, a read-only tree.

All are laid on at once: what passes so costs one run. Only where a test fails is each tried alone, to name the one that
the test cannot do without; what fails there on the base too is not this change's.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field

from ..model.evidence import GateResult, Outcome
from ..model.gate import Gate
from ..model.judgement import Measured
from ..model.objection import Objection, Severity
from .commands import only
from .frozen import is_test_file
from .grounds import Grounds, nothing, verdict
from .measured import minded
from .run import Around, run_gate
from .words import words

NAME = "surroundings"
UNIT = "tests"
NAMED = 20
"""Most objections."""
_SEALED = "find . -path ./.git -prune -o -exec chmod a-w {} + 2>/dev/null"
_BAD = ("failed", "error")


@dataclass(frozen=True)
class Surrounding:
    """One way in which another machine is unlike this one."""

    rule: str
    where: str
    cause: str
    env: Mapping[str, str] = field(default_factory=dict)
    sealed: bool = False
    """Whether no file of the tree can be written."""


def surroundings(gate: Gate) -> tuple[Surrounding, ...]:
    """The surroundings that the tests of `gate` are tried in."""
    # The C library needs no zone data for a rule that is spelled out; Node knows zones by name from data of its own.
    zone = "<+0545>-05:45" if _python(gate) else "Asia/Kathmandu"
    return (
        Surrounding("time-zone", "in another time zone", "name the zone, or compute in UTC", {"TZ": zone}),
        Surrounding(
            "locale",
            "in the C locale",
            "name the encoding wherever text is read or written",
            {"LC_ALL": "C", "LANG": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"},
        ),
        Surrounding(
            "home",
            "for another user, who has no home folder",
            "a service has none: take the folder from the configuration",
            {"HOME": "/nonexistent", "USER": "somebody", "LOGNAME": "somebody"},
        ),
        Surrounding(
            "read-only",
            "where the source tree is read-only",
            "installed code cannot write beside itself: write to a folder that the configuration names",
            sealed=True,
        ),
    )


async def check_surroundings(grounds: Grounds, name: str, gate: Gate, files: Sequence[str]) -> Measured:
    """An objection for each test in `files` that gate `name`, which is green, passes here and fails elsewhere."""
    around = surroundings(gate)
    if not files or _narrowed(gate, files, ()) is None:
        return nothing(NAME, grounds=grounds, unit=UNIT, kind=gate.kind)
    found: dict[str, Objection] = {}
    told = await _tried(grounds, grounds.head, gate, files, around)
    unsaid: list[str] = []
    if told.outcome is not Outcome.PASSED:
        for one in around:
            result = await _tried(grounds, grounds.head, gate, files, (one,))
            if result.outcome is Outcome.REFUSED:
                unsaid.append(one.where)
            elif bad := {test.id: test.message for test in result.tests if test.outcome in _BAD}:
                before = await _before(grounds, gate, files, one)
                fresh = bad.keys() - before
                found |= {test: _mind(test, bad[test], one) for test in sorted(fresh) if test not in found}
    places = "; ".join(one.where for one in around if one.where not in unsaid)
    left = f"; could not be told {'; '.join(unsaid)}: {told.reason}" if unsaid else ""
    return verdict(
        NAME,
        list(found.values())[:NAMED],
        grounds=grounds,
        examined=told.evidence.examined,
        unit=UNIT,
        reason=f"{told.evidence.examined} tests of the change, {len(found)} that fail elsewhere: {places}{left}",
        argv=told.evidence.argv,
        seconds=told.evidence.seconds,
        kind=gate.kind,
    )


def _python(gate: Gate) -> bool:
    return words(gate.run).tool in ("pytest", "unittest", "django test", "stestr")


def _narrowed(gate: Gate, files: Sequence[str], known: Collection[str]) -> Gate | None:
    below = "" if gate.where == "." else gate.where.rstrip("/") + "/"
    narrowed = only(gate, [path.removeprefix(below) for path in files], known)
    if narrowed is None or words(gate.run).tool != "pytest":
        return narrowed
    return narrowed.model_copy(update={"run": (*narrowed.run, "--continue-on-collection-errors")})


async def _before(grounds: Grounds, gate: Gate, files: Sequence[str], one: Surrounding) -> frozenset[str]:
    """The tests that fail there on the base too."""
    there = [path for path in files if is_test_file(path) and grounds.change.read_base(path) is not None]
    if not there:
        return frozenset()
    result = await _tried(grounds, grounds.change.base, gate, there, (one,))
    return frozenset(test.id for test in result.tests if test.outcome in _BAD)


async def _tried(
    grounds: Grounds, tree: str, gate: Gate, files: Sequence[str], around: Sequence[Surrounding]
) -> GateResult:
    env = {name: value for one in around for name, value in one.env.items()}
    async with grounds.checkout(tree, None) as room:
        known = frozenset(room.files())
        narrowed = _narrowed(gate, files, known) or gate
        return await run_gate(
            NAME, narrowed, room, tree=tree, environment=grounds.environment, reruns=0, files=known,
            around=Around(env, _SEALED if any(one.sealed for one in around) else ""),
        )  # fmt: skip


def _mind(test: str, message: str, one: Surrounding) -> Objection:
    path = test.partition("::")[0]
    return minded(
        f"{NAME}/{one.rule}",
        f"{test} passes here and fails {one.where}",
        path if "." in path else "",
        cause=one.cause,
        evidence=message[:2000],
        severity=Severity.MEDIUM,
    )
