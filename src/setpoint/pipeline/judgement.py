"""The whole deterministic judgement of a change: the same for `setpoint check` and for code a session hands in.

First what the files alone say, then the untouched base, then all that runs commands. Every check is heard, whatever the
ones before it said; what is left out is said so.
"""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, replace

from ..errors import BaselineRedError, RefusedError
from ..gates.baseline import require_green
from ..gates.change_set import ChangeSet
from ..gates.grounds import NO_TOOL
from ..gates.measured import minded, vacuous
from ..gates.objections import objections
from ..gates.quarantine import FILE as QUARANTINE
from ..gates.quarantine import pardoned
from ..model.evidence import Evidence, GateKind, GateResult, Outcome
from ..model.judgement import Measured
from ..model.objection import Deviation, Objection
from .checks import COMMANDS, STATIC, CommandCheck, base_settings
from .lab import Lab, Terms, Trial


@dataclass(frozen=True)
class Judged:
    """All that was found."""

    measured: tuple[Measured, ...]
    skipped: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()

    @property
    def results(self) -> list[GateResult]:
        """What each check came to."""
        return [one.result for one in self.measured]

    @property
    def objections(self) -> list[Objection]:
        """Everything minded, by check."""
        return [objection for one in self.measured for objection in one.objections]


async def judge(
    change: ChangeSet, own: ChangeSet, terms: Terms, lab: Lab, *, base: Sequence[GateResult] | None = None
) -> Judged:
    """Judge `change`, of which `own` is this work. `base` are the gates on the untouched base, where somebody has
    required them to be green already. Raises SandboxError when no room can be made."""
    static = await asyncio.to_thread(static_checks, own, terms)
    if terms.quick and any(objection.blocks for one in static for objection in one.objections):
        why = "the files alone are reason enough to object"
        return Judged(static, tuple(f"{name}: {why}" for name in COMMANDS))
    trial, notes = await _trial(change, own, terms, lab)
    known, base = base, await _on_base(trial) if base is None else base
    red = () if known is not None else _red_base(base, terms)
    if red:
        return Judged((*static, *red), tuple(f"{name}: the untouched base is not green" for name in COMMANDS), notes)
    trial = replace(trial, base_results={result.gate: result for result in base})
    found: list[Measured] = []
    for name, check in COMMANDS.items():
        found += await _heard(name, check, trial)
    skipped = tuple(f"{one.result.gate}: {one.result.reason}" for one in found if _no_tool(one))
    kept = (one for one in found if not _no_tool(one) and not vacuous(one))
    return Judged((*static, *kept), skipped, notes)


def _no_tool(one: Measured) -> bool:
    """A measurement that nobody here has the tool for: said, and nobody is accused."""
    return any(objection.rule.endswith(f"/{NO_TOOL}") for objection in one.objections)


def static_checks(own: ChangeSet, terms: Terms) -> tuple[Measured, ...]:
    """What the files alone say; checks that had nothing to look at are left out."""
    found = (check(own, terms) for check in STATIC.values())
    return tuple(one for one in found if not vacuous(one))


async def _trial(change: ChangeSet, own: ChangeSet, terms: Terms, lab: Lab) -> tuple[Trial, tuple[str, ...]]:
    """The trial, and what is laid over the change in it."""
    overlay = {**base_settings(change, terms), **terms.approved}
    differs = {path: content for path, content in overlay.items() if change.read_head(path) != content}
    judged = await lab.trees.laid(change.head, differs) if differs else change.head
    environment = await lab.environment(change.base, terms.gates or terms.checks)
    settled = sorted(differs.keys() - terms.approved.keys())
    shown = ", ".join(settled[:5]) + (", …" if len(settled) > 5 else "")
    notes = (f"judged with the base's configuration: {shown}",) if settled else ()
    return Trial(change, own, terms, lab, judged, environment), notes


async def _on_base(trial: Trial) -> Sequence[GateResult]:
    if not trial.terms.gates or not trial.terms.whole:
        return ()
    results = await trial.lab.results(trial.change.base, trial.terms.gates, environment=trial.environment)
    return tuple(pardoned(result, trial.change.read_base(QUARANTINE)) for result in results)


def _red_base(results: Sequence[GateResult], terms: Terms) -> tuple[Measured, ...]:
    """What keeps the base from judging anything, as objections with the choices there are."""
    try:
        require_green(results, gates=terms.gates)
    except BaselineRedError as error:
        red = [result for result in results if not result.green and result.gate not in terms.optional]
        return tuple(_of_base(result, error) for result in red if result.gate in error.what)
    return ()


def _of_base(result: GateResult, error: BaselineRedError) -> Measured:
    rule = "base/flaky" if result.flaky else "base/refused" if result.outcome is Outcome.REFUSED else "base/red"
    named = result.model_copy(update={"gate": f"base:{result.gate}"})
    told = [o.evidence or o.what for o in objections(result)[:3]]
    objection = minded(
        rule,
        f"gate {result.gate} is not green on the untouched base: {result.reason}",
        "",
        cause=f"nothing can be told from it about the change; {error.fix}",
        evidence="\n".join(told),
        deviation=Deviation.ENVIRONMENT,
    )
    return Measured(result=named, objections=(objection,))


async def _heard(name: str, check: CommandCheck, trial: Trial) -> Sequence[Measured]:
    """One check's word; one that cannot work here refuses and the others are heard all the same."""
    try:
        return await trial.lab.once(trial.key(name), lambda: check(trial))
    except RefusedError as error:
        return (_refused(name, error, trial),)


def _refused(name: str, error: RefusedError, trial: Trial) -> Measured:
    from datetime import UTC, datetime

    evidence = Evidence(
        tree=trial.judged, argv=(), environment=trial.environment, examined=0, unit="things", at=datetime.now(UTC)
    )
    reason = f"{error.what}; {error.why}" if error.why else error.what
    result = GateResult(gate=name, kind=GateKind.OTHER, outcome=Outcome.REFUSED, reason=reason[:500], evidence=evidence)
    what = f"check {name} could not tell: {error.what}"
    found = minded(f"{name}/refused", what, "", cause=error.why, deviation=Deviation.ENVIRONMENT)
    return Measured(result=result, objections=(found,))
