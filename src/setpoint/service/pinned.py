"""What of a run's pinned configuration a person may mend on the way: what parks a run, never what judges it."""

from collections.abc import Mapping

from ..model.record import digest_of
from ..model.run import Run
from ..model.settings import CAPS, Budget, Config, PhaseSettings
from ..pipeline.bench import Ground
from ..pipeline.kept import without_secrets
from ..pipeline.rounds import Write
from ..ports import Store, Transaction

MENDABLE = ("models", "providers", "phase")
"""A fuller context, another model, more requests or minutes. Money may be raised too. Gates, boundaries, forge and
environments stay pinned."""
RAISED = "raised"
"""Fact that holds the caps a person raised for the run: dollars by name; a phase's is `phase:NAME`."""


def planned(store: Store, run: Run) -> tuple[str, ...]:
    """The files and globs that what stands of the run's plan or diagnosis wants to touch."""
    plan = store.deliverable(run.id, run.position.cycle, "plan")
    diagnosis = store.deliverable(run.id, run.position.cycle, "diagnosis")
    found = [*(plan["boundaries"]["paths"] if plan else ()), *(diagnosis["paths"] if diagnosis else ())]
    return tuple(str(path) for path in found)


def mended(ground: Ground, now: Config, raised: Mapping[str, float] | None = None) -> list[Write]:
    """Keep what is `MENDABLE` and the caps as they are written now, with the run's next move. Caps that were `raised`
    for the run, now or before, hold for it until higher ones are written."""
    before = ground.bench.store.recall(ground.run.id, RAISED) or {}
    here = {"phase": f"phase:{ground.position.stage}"}
    fresh_caps = {here.get(name, name): usd for name, usd in (raised or {}).items()}
    fresh = {name: getattr(now, name) for name in MENDABLE}
    fresh["budget"] = _budget(now.budget, before, fresh_caps)
    fresh["phase"] = _phases(now, before, fresh_caps)
    config = ground.config.model_copy(update=fresh)
    content = without_secrets(config)

    def write(tx: Transaction) -> None:
        if fresh_caps:
            tx.remember(ground.run.id, RAISED, {**before, **fresh_caps})
        if config != ground.config:
            tx.remember(ground.run.id, "config", content)
            tx.event(ground.run.id, "configured", ground.position.stage, {"config": digest_of(content)})

    return [write]


def _cap(now: float | None, name: str, before: Mapping[str, float], raised: Mapping[str, float]) -> float | None:
    if name in raised:
        return raised[name]
    return max(now, before[name]) if now is not None and name in before else now


def _budget(now: Budget, before: Mapping[str, float], raised: Mapping[str, float]) -> Budget:
    names = {cap: cap.removesuffix("_usd") for cap in CAPS}
    caps = {cap: _cap(getattr(now, cap), name, before, raised) for cap, name in names.items()}
    return now.model_copy(update=caps)


def _phases(now: Config, before: Mapping[str, float], raised: Mapping[str, float]) -> dict[str, PhaseSettings]:
    phases = dict(now.phase)
    for name in (*before, *raised):
        kind, _, phase = name.partition(":")
        if kind == "phase" and phase:
            usd = _cap(now.settings(phase).usd, name, before, raised)
            phases[phase] = now.settings(phase).model_copy(update={"usd": usd})
    return phases
