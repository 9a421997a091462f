"""The whole control flow of a run, as one pure function over the routes."""

from collections.abc import Callable
from typing import Any

from ..errors import UsageError
from ..model.record import Record
from ..model.run import Position, State, Waits
from ..model.ticket import Kind
from .outcomes import (
    Accepted,
    Again,
    Answered,
    AskedPerson,
    Cancelled,
    Declined,
    Given,
    Granted,
    HandedOver,
    Outcome,
    Parked,
    Paused,
    PlanFault,
    Red,
    Resumed,
    Retried,
    SentBack,
    SmokeFailed,
    Stale,
    Taken,
    Void,
)
from .routes import ROUTES, Decision, Phase, Route, Step

OVERRULED_BY_PERSON = frozenset({"discovery", "tech_spec", "planning", "diagnosis", "split", "review"})
"""Stages whose only judge is a model: a named person may overrule it. Gates, red proof and CI nobody overrules."""

LAST_TASK = -1
"""Task of a position that mends the whole change: the session of the plan's last task goes on."""

AFTER_CODE = frozenset({"edge_tests", "review", "change", "publish", "ci", "ci_fix", "merge", "deploy"})
"""Stages behind which a change by hand is judged anew."""

DELIVERS = {"discovery": "functional_spec", "planning": "plan", "implementation": "change"}
"""Deliverables that are not called like their phase."""


class Move(Record):
    """Where the run goes."""

    to: Position
    job: bool
    """Whether a job carries the new position; false while it waits, rests or has ended."""
    voids: tuple[str, ...] = ()
    """Deliverables and decisions that hold no more."""
    because: str


def advance(position: Position, outcome: Outcome) -> Move:
    """The move that `outcome` leads to. Raises UsageError for a person's word that makes no sense here."""
    legal = _LEGAL.get(type(outcome), ())
    if position.state not in legal:
        raise UsageError(
            f"the run is {position.state.value} at {position.stage}; `{outcome.kind}` is not possible there",
            fix="`setpoint show` says what it waits for",
        )
    return _MOVES[type(outcome)](position, outcome, ROUTES[position.route])


def _at(position: Position, **changes: Any) -> Position:
    fresh: dict[str, Any] = {"state": State.RUNNING, "waits": Waits.NOTHING}
    return position.model_copy(update={**fresh, **changes})


def _enter(position: Position, step: Step, because: str, *, unasked: bool = False, **changes: Any) -> Move:
    new = _at(position, stage=step.name, attempt=1, level=0, task=0, environment=0, rework="")
    new = new.model_copy(update=changes)
    if isinstance(step, Decision) and unasked:
        return _granted(_wait(new, Waits.DECISION), Granted(unasked=True), ROUTES[new.route])
    if isinstance(step, Decision):
        return Move(to=_wait(new, Waits.DECISION), job=False, because=because)
    return Move(to=new, job=True, because=because)


def _wait(position: Position, waits: Waits) -> Position:
    return position.model_copy(update={"state": State.WAITING, "waits": waits})


def _end(position: Position, state: State, because: str) -> Move:
    return Move(to=position.model_copy(update={"state": state, "waits": Waits.NOTHING}), job=False, because=because)


def _accepted(position: Position, outcome: Accepted, route: Route) -> Move:
    if outcome.more and position.stage == "implementation":
        new = _at(position, task=position.task + 1, attempt=1, level=0)
        if outcome.ask:
            return Move(to=_wait(new, Waits.DECISION), job=False, because="the next task needs a yes")
        return Move(to=new, job=True, because="next task")
    if outcome.more and position.stage == "deploy":
        new = _at(position, environment=position.environment + 1, attempt=1)
        if outcome.ask:
            return Move(to=_wait(new, Waits.DECISION), job=False, because="the next environment needs a yes")
        return Move(to=new, job=True, because="next environment")
    if outcome.untested and position.stage == "implementation":
        return _enter(position, route.step("edge_tests"), "the tests do not go through all that was built")
    if position.stage in {step.name for step in route.beside}:
        because = "a second suite stands" if position.stage == "edge_tests" else "mended after CI"
        return _enter(position, route.step("review"), because, visit=position.visit + 1)
    following = route.after(position.stage)
    if following is None:
        return _end(position, State.DONE, "all steps done")
    move = _enter(position, following, f"{position.stage} accepted", unasked=outcome.unasked)
    if outcome.ask and move.job:
        return Move(to=_wait(move.to, Waits.DECISION), job=False, because="the first environment needs a yes")
    return move


def _again(position: Position, outcome: Again, route: Route) -> Move:
    step = route.step(position.stage)
    if isinstance(step, Phase) and step.rework:
        return _rework(position, route, by=position.stage, level=max(outcome.level, int(outcome.escalate)))
    level = position.level + (1 if outcome.escalate else 0)
    new = _at(position, attempt=position.attempt + 1, level=level)
    return Move(to=new, job=True, because="a stronger model tries" if outcome.escalate else "objections go back")


def _rework(position: Position, route: Route, by: str, level: int = 0) -> Move:
    new = _at(position, stage="implementation", task=LAST_TASK, attempt=1, level=level, environment=0, rework=by)
    new = new.model_copy(update={"visit": position.visit + 1})
    return Move(to=new, job=True, voids=("review", "decision:change"), because=f"{by} objects: the change goes back")


def _plan_fault(position: Position, outcome: PlanFault, route: Route) -> Move:
    step = route.step(route.plans_in)
    voids = ("plan", "diagnosis", "tests", "change", "edge_tests", "review", "decision:plan", "decision:change")
    move = _enter(position, step, "the plan is at fault", visit=position.visit + 1, epoch=position.epoch + 1)
    return move.model_copy(update={"voids": voids})


def _handed_over(position: Position, outcome: HandedOver, route: Route) -> Move:
    return Move(to=_wait(position, Waits.HANDOVER), job=False, because="handed over to a person")


def _asked(position: Position, outcome: AskedPerson, route: Route) -> Move:
    return Move(to=_wait(position, Waits.ANSWER), job=False, because="the session has a question")


def _red(position: Position, outcome: Red, route: Route) -> Move:
    fix = route.beside[0]
    move = _enter(position, fix, "CI is red", visit=position.visit + 1)
    return move.model_copy(update={"voids": ("review", "decision:change")})


def _smoke_failed(position: Position, outcome: SmokeFailed, route: Route) -> Move:
    first, cycle = ROUTES[Kind.HOTFIX].steps[0], position.cycle + 1
    because = "reopened after a failed smoke"
    return _enter(position, first, because, route=Kind.HOTFIX, cycle=cycle, epoch=1, visit=1)


def _stale(position: Position, outcome: Stale, route: Route) -> Move:
    move = _enter(position, route.step("review"), "the tree moved after its approval", visit=position.visit + 1)
    return move.model_copy(update={"voids": ("review", "decision:change")})


def _void(position: Position, outcome: Void, route: Route) -> Move:
    if position.stage == "deploy":
        return Move(to=_wait(position, Waits.DECISION), job=False, because="the deploy must be approved again")
    move = _enter(position, route.step("change"), "the change must be approved again", visit=position.visit + 1)
    return move.model_copy(update={"voids": ("decision:change",)})


def _parked(position: Position, outcome: Parked, route: Route) -> Move:
    return Move(to=position.model_copy(update={"state": State.PARKED}), job=False, because="parked")


def _granted(position: Position, outcome: Granted, route: Route) -> Move:
    if position.waits is Waits.HANDOVER:
        if position.stage not in OVERRULED_BY_PERSON:
            raise UsageError(
                f"nobody can approve {position.stage}: its judge is a gate, not an opinion",
                fix="`setpoint retry`, `setpoint take`, `setpoint reject` or `setpoint cancel`",
            )
        return _accepted(_at(position), Accepted(), route)
    if position.waits is not Waits.DECISION:
        raise UsageError("nothing waits for an approval", fix="`setpoint show` says what it waits for")
    if position.stage == "deploy":
        return Move(to=_at(position), job=True, because="approved for this environment")
    if position.stage == "implementation":
        return Move(to=_at(position), job=True, because="the task before is approved")
    because = "nobody is asked at this autonomy" if outcome.unasked else "approved"
    following = route.after(position.stage)
    if following is None:
        return _end(position, State.DONE, because)
    return _enter(position, following, because)


def _sent_back(position: Position, outcome: SentBack, route: Route) -> Move:
    step = route.step(position.stage)
    if position.waits is Waits.HANDOVER:
        return _retried(position, Retried(), route)
    if position.stage == "implementation" and position.waits is Waits.DECISION:
        new = _at(position, task=position.task - 1, attempt=1, level=0, visit=position.visit + 1)
        return Move(to=new, job=True, because="the task before is sent back by a person")
    if not isinstance(step, Decision):
        raise UsageError("nothing to send back here", fix="`setpoint reject --stop` or `setpoint cancel`")
    if step.back_to == "implementation":
        return _rework(position, route, by=step.name)
    return _enter(position, route.step(step.back_to), "sent back by a person", visit=position.visit + 1).model_copy(
        update={"voids": ("plan", "split", f"decision:{step.name}")}
    )


def _declined(position: Position, outcome: Declined, route: Route) -> Move:
    return _end(position, State.DECLINED, "declined by a person")


def _answered(position: Position, outcome: Answered, route: Route) -> Move:
    if position.waits is Waits.MANUAL:
        return Move(to=position, job=False, because="answered; a person still works by hand")
    if position.waits is not Waits.ANSWER:
        raise UsageError("no question is open", fix="`setpoint show` says what the run waits for")
    return Move(to=_at(position), job=True, because="answered")


def _resumed(position: Position, outcome: Resumed, route: Route) -> Move:
    if position.waits is not Waits.NOTHING:
        return Move(to=position.model_copy(update={"state": State.WAITING}), job=False, because="waits on")
    return Move(to=_at(position), job=True, because="resumed")


def _paused(position: Position, outcome: Paused, route: Route) -> Move:
    return Move(to=position.model_copy(update={"state": State.PAUSED}), job=False, because="paused by a person")


def _cancelled(position: Position, outcome: Cancelled, route: Route) -> Move:
    return _end(position, State.CANCELLED, "cancelled by a person")


def _retried(position: Position, outcome: Retried, route: Route) -> Move:
    name = outcome.stage or position.stage
    step = route.step(name) if any(s.name == name for s in (*route.steps, *route.beside)) else None
    if step is None or (name != position.stage and not route.reaches(position.stage, name)):
        known = ", ".join(s.name for s in route.steps if route.reaches(position.stage, s.name))
        raise UsageError(f"cannot go to `{name}` from {position.stage}", fix=f"one of: {known}")
    if name == position.stage:
        keep: dict[str, Any] = {"task": position.task, "environment": position.environment, "rework": position.rework}
        move = _enter(position, step, "a person lets it be tried again", visit=position.visit + 1, **keep)
        if position.waits is Waits.DECISION and move.job:
            return Move(to=_wait(move.to, Waits.DECISION), job=False, because="the decision is still open")
        return move
    return _gone_back(position, step, route)


def _gone_back(position: Position, step: Step, route: Route) -> Move:
    """Start again from an earlier step: what was built on it holds no more, and its sessions start afresh."""
    if step.name == "change":
        return _enter(position, step, "a person decides again", visit=position.visit + 1)
    names = [each.name for each in route.steps]
    if not isinstance(step, Phase) or step.name == "review":
        move = _enter(position, step, "a person goes back", visit=position.visit + 1)
        return move.model_copy(update={"voids": ("review", "decision:change")})
    later = [each.name for each in route.steps[names.index(step.name) :]]
    voids = (*(DELIVERS.get(name, name) for name in later), "edge_tests")
    move = _enter(position, step, "a person goes back", visit=position.visit + 1, epoch=position.epoch + 1)
    return move.model_copy(update={"voids": (*voids, "decision:plan", "decision:change")})


def _taken(position: Position, outcome: Taken, route: Route) -> Move:
    if position.waits is Waits.MANUAL:
        raise UsageError("a person works on this run by hand already", fix="`setpoint give` hands it back")
    return Move(to=_wait(position, Waits.MANUAL), job=False, because="a person works by hand")


def _given(position: Position, outcome: Given, route: Route) -> Move:
    if position.waits is not Waits.MANUAL:
        raise UsageError("nobody has taken this run", fix="`setpoint take` first")
    if position.stage in AFTER_CODE:
        move = _enter(position, route.step("review"), "a person changed it by hand", visit=position.visit + 1)
        move = move.model_copy(update={"voids": ("review", "decision:change")})
        return _still_asked(move) if outcome.asked else move
    if outcome.deciding or isinstance(route.step(position.stage), Decision):
        return Move(to=_wait(position, Waits.DECISION), job=False, because="handed back; the decision is still open")
    move = Move(to=_at(position), job=True, because="handed back by a person")
    return _still_asked(move) if outcome.asked else move


def _still_asked(move: Move) -> Move:
    because = f"{move.because}; the question is still open"
    return Move(to=_wait(move.to, Waits.ANSWER), job=False, voids=move.voids, because=because)


_WORKING = (State.RUNNING,)
_RESTING = (State.RUNNING, State.WAITING, State.PARKED, State.PAUSED)
_LEGAL: dict[type[Record], tuple[State, ...]] = {
    **dict.fromkeys(
        (Accepted, Again, PlanFault, HandedOver, AskedPerson, Red, SmokeFailed, Stale, Void, Parked), _WORKING
    ),
    **dict.fromkeys((Granted, SentBack, Answered, Given), (State.WAITING,)),
    **dict.fromkeys((Declined, Cancelled, Retried, Taken), _RESTING),
    Resumed: (State.PARKED, State.PAUSED),
    Paused: (State.RUNNING, State.WAITING),
}
_MOVES: dict[type[Record], Callable[[Position, Any, Route], Move]] = {
    Accepted: _accepted,
    Again: _again,
    PlanFault: _plan_fault,
    HandedOver: _handed_over,
    AskedPerson: _asked,
    Red: _red,
    SmokeFailed: _smoke_failed,
    Stale: _stale,
    Void: _void,
    Parked: _parked,
    Granted: _granted,
    SentBack: _sent_back,
    Declined: _declined,
    Answered: _answered,
    Resumed: _resumed,
    Paused: _paused,
    Cancelled: _cancelled,
    Retried: _retried,
    Taken: _taken,
    Given: _given,
}
