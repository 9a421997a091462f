"""What a run of a ticket would do, told before there is one."""

from collections.abc import Callable
from pathlib import Path

from ..model.settings import Config
from ..model.ticket import Kind
from ..pipeline.bench import Bench
from .estimate import plan_view
from .origin import Origin
from .policies import before_plan
from .starting import read, routed
from .views import PlanView


async def preview(
    bench: Callable[[Config], Bench],
    config: Config,
    sign_ins: Callable[[Config], tuple[Config, list[str]]],
    base: str,
    root: Path,
    text: str,
    *,
    name: str,
    kind: Kind | None,
    origin: Origin | None,
) -> PlanView:
    """The plan view of the ticket `text` for a run that would start from the commit `base`; `sign_ins` bills a
    configuration as its sign-ins are, and tells of them. Raises what would keep it from starting: TicketError,
    ConfigError, DeniedError."""
    ticket, chosen, because = read(text, name=name, kind=kind, requires=config.intake.requires, origin=origin)
    billed, told = sign_ins(routed(config, ticket))
    there = bench(billed)
    held = await before_plan(there, base, ticket.boundaries)
    return plan_view(billed, ticket, chosen, because, held=held, store=there.store, repository=str(root), sign_ins=told)
