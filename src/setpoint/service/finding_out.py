"""From the two trees of a change to all that is found out about it: the part of `setpoint check` that takes time."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from ..gates.detect import detect
from ..gates.fresh import comparable
from ..gates.measured import minded
from ..gates.prose import prose_alone
from ..gates.reach import demanded
from ..gates.tree_change import change_between
from ..model.evidence import GateKind, GateResult, Outcome
from ..model.gate import Candidate, Gate
from ..model.objection import Deviation, Objection
from ..model.record import digest_of
from ..model.settings import Config
from ..pipeline.judgement import judge
from ..pipeline.lab import Lab, Terms
from ..policy.decide import Policy

PROSE = "only documents changed, and no gate could judge them: what the files say was looked at, nothing was run"


@dataclass(frozen=True)
class Words:
    """What people said about the change before it was looked at."""

    policy: Policy | None = None
    declared: tuple[str, ...] = ()
    """The criteria's texts."""
    quick: bool = False


async def found_out(base: str, head: str, config: Config, said: Words, lab: Lab) -> dict[str, Any]:
    """What is found out about the change from tree `base` to tree `head`, as it is kept."""
    change = await change_between(lab.trees, base, head)
    if not change.deltas:
        return _dumped((), (_nothing_changed(),), (), (), ())
    if config.gates:
        gates, notes = dict(config.gates), tuple[str, ...]()
    else:
        gates, notes = await detected(base, lab)
    terms = Terms(
        gates=demanded(gates, change),
        policy=said.policy,
        quick=said.quick,
        declared=said.declared,
        settings=config.checks,
    )
    judged = await judge(change, change, terms, lab)
    judgeable = bool(gates) or prose_alone(change)
    objections = [*judged.objections, *(() if judgeable else (_no_gate(),))]
    notes = notes if gates or not judgeable else (*notes, PROSE)
    return _dumped(judged.results, objections, tuple(terms.optional), judged.skipped, (*notes, *judged.notes))


async def detected(tree: str, lab: Lab) -> tuple[dict[str, Gate], tuple[str, ...]]:
    """Gates found on a tree that answers for them by running green there, and what must be said of them. One that runs
    tests and is red stays: then the base is red."""
    key = digest_of({"detected": tree, "by": lab.code})
    kept = lab.archive.find(key)
    if kept is None:
        async with lab.checkout(tree, None) as room:
            candidates = detect(Path(room.path))
        lab.archive.keep(key, [candidate.model_dump(mode="json") for candidate in candidates])
    else:
        candidates = tuple(Candidate.model_validate(entry) for entry in kept)
    if not candidates:
        return {}, ("no setpoint.toml, and no test, lint or type command was found on the base",)
    gates = {candidate.name: candidate.gate for candidate in candidates}
    results = await lab.results(tree, gates, environment=await lab.environment(tree, gates))
    taken = {result.gate: gates[result.gate] for result in results if _counts(result)}
    because = {candidate.name: candidate.because for candidate in candidates}
    told = ", ".join(f"{name} ({because[name]})" for name in taken) or "none that ran green"
    left = [f"left out: {result.gate}: {result.reason}"[:500] for result in results if result.gate not in taken]
    return taken, (f"no gates are configured; found on the base: {told}"[:500], *left)


def _counts(result: GateResult) -> bool:
    return result.green or comparable(result) or (result.kind is GateKind.TESTS and result.outcome is Outcome.FAILED)


def _nothing_changed() -> Objection:
    what = "nothing changed between base and head: there is nothing to judge"
    return minded("change/empty", what, "", deviation=Deviation.ENVIRONMENT)


def _no_gate() -> Objection:
    return minded(
        "gates/none",
        "no gate ran green on the base: whether the change works cannot be told",
        "",
        cause="install what the commands need where the sandbox sees it, or write [gates.tests] in setpoint.toml",
        deviation=Deviation.ENVIRONMENT,
    )


def _dumped(
    results: Sequence[GateResult],
    objections: Sequence[Objection],
    optional: Sequence[str],
    skipped: Sequence[str],
    notes: Sequence[str],
) -> dict[str, Any]:
    return {
        "results": [result.model_dump(mode="json") for result in results],
        "objections": [objection.model_dump(mode="json") for objection in objections],
        "optional": list(optional),
        "skipped": [line[:500] for line in skipped],
        "notes": [line[:500] for line in notes],
        "at": datetime.now(UTC).isoformat(),
    }
