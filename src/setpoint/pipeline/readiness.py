"""What a critical release needs before anybody decides about it: a smoke check and a way back everywhere, telemetry."""

import re
from collections.abc import Sequence

from ..errors import RefusedError
from ..model.objection import Objection
from ..model.plan import Plan
from ..model.release import Environment, is_production
from ..model.steps import LogStep, RequestStep
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
    if not why:
        return []
    if plan.telemetry == "none":
        what = "telemetry: a critical release is planned without any"
        return [objection(what, f"{why}; name the log line, metric or alert that shows when it goes wrong")]
    return [
        objection(f"telemetry: no check looks whether `{signal}` is really sent", f"{why}; {_HOW_TO_LOOK}")
        for signal in unsent(plan)
    ]


_HOW_TO_LOOK = (
    "give a task's check a step that sees it after a request, by its name: Log `FILE` - at least one entry matches "
    "`NAME`, or Request GET /metrics - 200 matching `NAME`"
)
_NAMED = re.compile(r"`([^`]+)`|([A-Za-z]\w*(?:[._:/\-]\w+)+)")
_SORTS = """a alert alerts an and at by count counter dashboard each entry error errors event for from gauge histogram
    in info is level line log logged logs metric metrics of on per rate span the timer to trace warning when with"""
_KINDS = frozenset(_SORTS.split())
"""Words that say what sort of signal it is, not which."""
_ELSEWHERE = re.compile(r"(?i)^(?:an? |the )?(?:alert|alarm|dashboard|page)")


def unsent(plan: Plan) -> list[str]:
    """The signals a plan names that no step of its checks looks for. An alert or a dashboard stands elsewhere: it needs
    none beside a signal that is looked for."""
    steps = [step for task in plan.tasks for check in task.checks for step in check.steps]
    looks = [_folded(s.pattern) for s in steps if isinstance(s, LogStep | RequestStep) and s.pattern]
    looks += [_folded(f"{step.path} {step.answer}") for step in steps if isinstance(step, RequestStep)]
    signals = () if plan.telemetry == "none" else plan.telemetry
    missing = [signal for signal in signals if not any(_seen(signal, look) for look in looks)]
    return missing if len(missing) == len(signals) else [one for one in missing if not _ELSEWHERE.match(one)]


def _seen(signal: str, look: str) -> bool:
    named = [quoted or dotted for quoted, dotted in _NAMED.findall(signal)]
    words = named or [word for word in re.findall(r"\w{3,}", signal) if word.casefold() not in _KINDS]
    return bool(words) and all(_folded(word) in look for word in words)


def _folded(text: str) -> str:
    """Names are written `a.b`, `a_b` and `a-b` in turn, and escaped in patterns."""
    return re.sub(r"[._:/\-\s]+", "_", text.replace("\\", "")).casefold()


def rehearses(ground: Ground, index: int) -> bool:
    """Whether the way back of this run's release is tried in this environment: the last one before production."""
    places = ground.config.environment
    coming = [place.name for place in places[index + 1 : index + 2]]
    if is_production(places[index].name) or not any(map(is_production, coming)):
        return False
    return bool(critical(ground.run.ticket, plan_of(ground)))


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
