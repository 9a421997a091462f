"""What of a run's pinned configuration a person may mend on the way: what parks a run, never what judges it."""

from collections.abc import Mapping

from ..model.record import digest_of
from ..model.settings import Budget, Config
from ..pipeline.bench import Ground
from ..pipeline.rounds import Write
from ..ports import Transaction
from .kept import without_secrets

MENDABLE = ("models", "providers", "phase")
"""A fuller context, another model, more requests or minutes. Money may be raised too. Gates, boundaries, forge and
environments stay pinned."""


def mended(ground: Ground, now: Config, raised: Mapping[str, float] | None = None) -> list[Write]:
    """Keep what is `MENDABLE` as it is written now, and caps that were `raised`, with the run's next move. A cap of the
    run stays where a person put it, unless it is higher now."""
    fresh = {name: getattr(now, name) for name in MENDABLE}
    fresh["budget"] = _budget(ground.config.budget, now.budget, raised or {})
    if raised and "phase" in raised:
        stage = ground.position.stage
        settings = now.settings(stage).model_copy(update={"usd": raised["phase"]})
        fresh["phase"] = {**now.phase, stage: settings}
    config = ground.config.model_copy(update=fresh)
    if config == ground.config:
        return []
    content = without_secrets(config)

    def write(tx: Transaction) -> None:
        tx.remember(ground.run.id, "config", content)
        tx.event(ground.run.id, "configured", ground.position.stage, {"config": digest_of(content)})

    return [write]


def _budget(pinned: Budget, now: Budget, raised: Mapping[str, float]) -> Budget:
    ticket = None if None in (pinned.ticket_usd, now.ticket_usd) else max(pinned.ticket_usd or 0, now.ticket_usd or 0)
    caps = {"ticket_usd": ticket, "day_usd": now.day_usd, "repository_usd": now.repository_usd}
    caps |= {f"{name}_usd": usd for name, usd in raised.items() if f"{name}_usd" in caps}
    return pinned.model_copy(update={**caps, "unpriced": now.unpriced})
