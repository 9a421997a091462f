"""What of a run's pinned configuration a person may mend on the way: what parks a run, never what judges it."""

from ..model.record import digest_of
from ..model.run import Run
from ..model.settings import Config
from ..pipeline.bench import Ground
from ..pipeline.rounds import Write
from ..ports import Store, Transaction
from .kept import without_secrets

MENDABLE = ("models", "providers", "phase")
"""A fuller context, another model, more requests or minutes. Gates, boundaries, forge and environments stay pinned."""


def planned(store: Store, run: Run) -> tuple[str, ...]:
    """The files and globs that what stands of the run's plan or diagnosis wants to touch."""
    plan = store.deliverable(run.id, run.position.cycle, "plan")
    diagnosis = store.deliverable(run.id, run.position.cycle, "diagnosis")
    found = [*(plan["boundaries"]["paths"] if plan else ()), *(diagnosis["paths"] if diagnosis else ())]
    return tuple(str(path) for path in found)


def mended(ground: Ground, now: Config, budget: float | None = None) -> list[Write]:
    """Keep what is `MENDABLE` as it is written now, and a new `budget`, with the run's next move."""
    fresh = {name: getattr(now, name) for name in MENDABLE}
    if budget is not None:
        fresh["budget"] = ground.config.budget.model_copy(update={"ticket_usd": budget})
    config = ground.config.model_copy(update=fresh)
    if config == ground.config:
        return []
    content = without_secrets(config)

    def write(tx: Transaction) -> None:
        tx.remember(ground.run.id, "config", content)
        tx.event(ground.run.id, "configured", ground.position.stage, {"config": digest_of(content)})

    return [write]
