"""What a critical release needs before anybody decides about it: a smoke check and a way back everywhere, telemetry."""

import re
from collections.abc import Sequence

from ..errors import RefusedError
from ..model.objection import Objection
from ..model.plan import Plan
from ..model.release import Environment
from ..model.ticket import Ticket
from .bench import Ground
from .criteria import plan_of
from .document import objection

_CRITICAL = re.compile(r"critical|high[\s\-_]?risk|risk[\s:=\-_]*high", re.IGNORECASE)


def critical(ticket: Ticket, plan: Plan | None) -> str:
    """Why a wrong release would be costly, in words; empty where nobody says so."""
    label = next((label for label in ticket.labels if _CRITICAL.fullmatch(label.strip())), "")
    if label:
        return f"the ticket is labelled {label}"
    return "the plan estimates its risk as high" if plan and plan.estimate.risk == "high" else ""


def unobserved(ticket: Ticket, plan: Plan) -> list[Objection]:
    """An objection to a critical plan that names no telemetry: nobody would see that the release went wrong."""
    why = critical(ticket, plan)
    if not why or plan.telemetry != "none":
        return []
    what = "telemetry: a critical release is planned without any"
    return [objection(what, f"{why}; name the log line, metric or alert that shows when it goes wrong")]


def lacking(environments: Sequence[Environment]) -> list[str]:
    """What the environments have not that a critical release needs: `production has no rollback`."""
    steps = ((place.name, step, argv) for place in environments for step, argv in _needed(place))
    return [f"{name} has no {step}" for name, step, argv in steps if not argv]


def _needed(place: Environment) -> tuple[tuple[str, tuple[str, ...]], ...]:
    return (("smoke", place.smoke), ("rollback", place.rollback))


def require_ready(ground: Ground) -> None:
    """Raise RefusedError when the run's release is critical and could not be observed or taken back."""
    ticket, plan = ground.run.ticket, plan_of(ground)
    why = critical(ticket, plan)
    if not why:
        return
    left = lacking(ground.config.environment)
    left += ["the plan names no telemetry"] if plan and plan.telemetry == "none" else []
    if left:
        raise RefusedError(
            f"a critical release is not ready: {'; '.join(left)}",
            why=f"{why}; what cannot be observed and taken back is not released",
            fix="complete [[environment]] in setpoint.toml on the base, `setpoint cancel`, and run the ticket again",
        )
