"""The untouched base under its own gates: only what is green there can accuse a change."""

from collections.abc import Callable, Collection, Mapping, Sequence

from ..errors import BaselineRedError
from ..model.evidence import GateResult, Outcome
from ..model.gate import Candidate, Gate
from ..ports import Room
from .fresh import comparable
from .judge import run_gates, unheard

SHOWN = 5


def judged_by_new(results: Sequence[GateResult]) -> tuple[GateResult, ...]:
    """Gates that are red on the base and can judge a change all the same, by what they mind newly."""
    return tuple(result for result in results if not result.green and comparable(result))


def require_green(
    results: Sequence[GateResult], *, gates: Mapping[str, Gate] | None = None, waived: Collection[str] = ()
) -> None:
    """Raise BaselineRedError when a required gate is not green on the base, its findings cannot be told from new ones,
    and nobody waived it by name."""
    optional = {name for name, gate in (gates or {}).items() if not gate.required}
    excused = {*waived, *optional, *(result.gate for result in judged_by_new(results))}
    red = [result for result in results if not result.green and result.gate not in excused]
    if not red:
        return
    names = ", ".join(f"{result.gate} ({_word(result)})" for result in red)
    raise BaselineRedError(
        f"the untouched base is not green: {names}", why="\n".join(_said(result) for result in red), fix=_choices(red)
    )


def _word(result: GateResult) -> str:
    if result.flaky:
        return "flaky"
    return "could not tell" if result.outcome is Outcome.REFUSED else "red"


def _choices(red: Sequence[GateResult]) -> str:
    """What a person can do, by what is the matter."""
    words = {_word(result) for result in red}
    choices = ["mend the base first"] if "red" in words else []
    if "flaky" in words:
        choices.append("make the flaky tests steady, or put them into quarantine with an owner and a day")
    if "could not tell" in words:
        choices.append("install what the gate needs where the sandbox sees it, or mend its command")
    choices.append(f"set `required = false` in [gates.{red[0].gate}], or remove it from setpoint.toml")
    return "; or ".join(choices)


def _said(result: GateResult) -> str:
    bad = [test for test in result.tests if test.outcome in ("failed", "error")]
    word = {"flaky": "is flaky", "red": "fails"}.get(_word(result), "could not tell")
    listed = [f"  {test.id}" for test in bad[:SHOWN]]
    listed += [f"  {found.path}:{found.line or ''} {found.message}" for found in result.findings[: SHOWN - len(listed)]]
    return "\n".join([f"{result.gate} {word}: {result.reason}", *listed])


async def confirm(
    candidates: Sequence[Candidate],
    room: Room,
    *,
    tree: str,
    environment: str,
    on_result: Callable[[GateResult], None] = unheard,
) -> tuple[tuple[Candidate, GateResult], ...]:
    """Each candidate with what it did on the untouched base; one whose result is not green is a suggestion only."""
    gates = {candidate.name: candidate.gate for candidate in candidates}
    results = await run_gates(gates, room, tree=tree, environment=environment, on_result=on_result, reruns=1)
    told = {result.gate: result for result in results}
    return tuple((candidate, told[candidate.name]) for candidate in candidates)
