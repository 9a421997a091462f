"""What of a run's pinned configuration a person may mend on the way: what parks a run, never what judges it."""

from ..model.record import digest_of
from ..model.settings import Config
from ..pipeline.bench import Ground
from ..pipeline.rounds import Write
from ..ports import Transaction
from .kept import without_secrets

MENDABLE = ("models", "providers", "phase")
"""A fuller context, another model, more requests or minutes. Gates, boundaries, forge and environments stay pinned."""


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
