"""What a person can see. Reads only."""

from collections.abc import Mapping, Sequence
from typing import Any

from ..gates.worth import level_of
from ..model.approval import CHANGE, POINTS, SAID
from ..model.gate import Gate
from ..model.money import Forecast, Standing
from ..model.numbers import counted
from ..model.objection import Objection, Source
from ..model.run import Event, Round, Run, State, Waits
from ..model.session import Role
from ..model.ticket import Kind
from ..pipeline.bench import PERSON, Ground
from ..pipeline.desk import chosen, unanswered
from ..pipeline.diagrams import source_of
from ..pipeline.routes import Decision, Phase
from ..pipeline.standing import ESTIMATE
from ..pipeline.surface import follow_ups, ticket_of
from ..ports import Store
from .actual import actual
from .epic import child_views
from .guidance import BY_HAND, FORWARD, at_hand_over
from .lessons import taught_by
from .pictures import pictures
from .practice import practices
from .prompting import prompts_of
from .report import prompted_too_often
from .views import FollowUpView, GateView, RoundView, RunView, StageView

NEXT: dict[Waits, tuple[str, ...]] = {
    Waits.DECISION: ("setpoint approve {id}", "setpoint diff {id}", "setpoint reject {id} -m '…'"),
    Waits.ANSWER: ("setpoint answer {id} '…'", "setpoint answer {id} --waive"),
    Waits.HANDOVER: (
        "setpoint retry {id}",
        "setpoint take {id}",
        "setpoint reject {id} -m '…'",
        "setpoint cancel {id}",
    ),
    Waits.MANUAL: ("setpoint give {id}",),
}


def next_steps(store: Store, run: Run) -> tuple[str, ...]:
    """What a person can type now."""
    state, waits = run.position.state, run.position.waits
    if state in (State.PARKED, State.PAUSED):
        stands = standing_of(store, run)
        choices: tuple[str, ...] = ("setpoint resume {id}", "setpoint cancel {id}")
        if stands is not None and stands.raise_usd is not None:
            budget = f" --budget {stands.raise_usd:.2f}" if stands.cap == "ticket" else ""
            choices = ("setpoint approve {id}", f"setpoint resume {{id}}{budget}", "setpoint cancel {id}")
    elif state is State.RUNNING:
        choices = ("setpoint log {id} -f", "setpoint worker")
    elif state is State.DONE and run.position.route is Kind.EPIC:
        choices = ("setpoint children {id} --run", "setpoint children {id}")
    elif state.final:
        choices = ("setpoint log {id}", "setpoint diff {id}")
    else:
        choices = _by_size(store, run, NEXT[waits])
        if waits is Waits.DECISION and run.position.stage == CHANGE:
            choices = ("setpoint approve {id} --checked " + ",".join(POINTS), *choices[1:])
        if waits is Waits.ANSWER and any(question.requests for question, _ in unanswered(store, run.id)):
            choices = ("setpoint approve {id}", *choices)
    if state is State.WAITING and waits is Waits.MANUAL and unanswered(store, run.id):
        choices = (*choices, *NEXT[Waits.ANSWER])
    return tuple(choice.format(id=run.id) for choice in choices)


def _by_size(store: Store, run: Run, choices: tuple[str, ...]) -> tuple[str, ...]:
    """The choices at a hand-over, the one that fits what is open first; what no edit mends has two more."""
    who, _ = at_hand_over(store, run)
    if who == FORWARD:
        return (*choices, "setpoint forward {id} -m '…'", "setpoint abandon {id} -m '…'")
    return ("setpoint take {id}", *(c for c in choices if "take" not in c)) if who == BY_HAND else choices


def exit_code(store: Store, run: Run) -> int:
    """The process's code for where the run stands (design §9)."""
    state, stopped = run.position.state, store.recall(run.id, "stopped")
    if state is State.DONE:
        return 0
    if state is State.DECLINED:
        return 13
    if state is State.CANCELLED:
        return 130
    told = stopped is not None and stopped["serial"] + 1 == run.position.serial
    if state in (State.PARKED, State.PAUSED):
        return int(stopped["exit_code"]) if told and stopped else 3
    if state is State.WAITING and told and stopped:
        return int(stopped["exit_code"])
    return 30 if _went_too_far(store, run) else 4


def _went_too_far(store: Store, run: Run) -> bool:
    """Whether a person was called over a change that its boundaries forbid."""
    if (run.position.state, run.position.waits) != (State.WAITING, Waits.HANDOVER):
        return False
    packet = store.packet(run.id)
    return packet is not None and any(one.blocks and one.source is Source.BOUNDARY for one in packet.open)


def stages(ground: Ground) -> tuple[StageView, ...]:
    """The route with the run's place in it."""
    names = [step.name for step in ground.route.steps]
    here = ground.position.stage
    # ci_fix stands beside the way: the run is between review and CI then.
    at = names.index(here) if here in names else names.index("review")
    found = []
    for index, step in enumerate(ground.route.steps):
        over = index < at or ground.position.state is State.DONE
        status = "done" if over else "here" if step.name == here else "ahead"
        kind = "phase" if isinstance(step, Phase) else "decision" if isinstance(step, Decision) else "effect"
        model = _model(ground, step.name) if isinstance(step, Phase) else ""
        found.append(StageView(name=step.name, status=status, kind=kind, model=model))
    return tuple(found)


def _model(ground: Ground, phase: str) -> str:
    if phase in ground.run.ticket.phases_by_person or ground.config.settings(phase).agent == PERSON:
        return "a person"
    role = Role.REVIEWER if phase == "review" else Role.PRODUCER
    return str(chosen(ground, ground.session(phase, role=role)).models[0])


def _review_words(events: Sequence[Event]) -> str:
    """SHA-256 of the instructions that the last review had."""
    told = (e.data["prompt"]["sha256"] for e in reversed(events) if e.kind == "context" and e.stage == "review")
    return str(next(told, ""))


def view(ground: Ground) -> RunView:
    """A run, whole."""
    store, run = ground.bench.store, ground.run
    position = run.position
    cycles = range(1, position.cycle + 1)
    rounds = [(cycle, r, found) for cycle in cycles for r, found in store.rounds(run.id, cycle)]
    reviewed = ground.fact("reviewed") or {}
    plan = ground.given("plan")
    events = store.events(run.id, limit=100_000)
    return RunView(
        id=run.id,
        ticket=run.ticket.id,
        title=run.ticket.title,
        route=position.route.value,
        route_because=_because(run),
        cycle=position.cycle,
        stage=position.stage,
        state=position.state.value,
        waits=position.waits.value,
        note=run.note,
        owner=run.owner,
        branch=run.branch,
        base=run.base,
        autonomy=run.autonomy,
        workspace=f".setpoint/worktrees/{run.id}" + (f"-{position.cycle}" if position.cycle > 1 else ""),
        sandbox=ground.config.sandbox.level,
        agent=ground.config.agent.kind,
        independence=str(reviewed.get("independence", "")),
        reviewer_proof=_proof(ground, events) if reviewed else "",
        stages=stages(ground),
        rounds=_rounds([(cycle, r) for cycle, r, _ in rounds]),
        objections=tuple(rounds[-1][2]) if rounds else (),
        practices=practices(events),
        prompts=prompts_of(events),
        prompts_warning=prompted_too_often(store, run, ground.config.prompting),
        lessons=taught_by(store, run),
        follow_ups=tuple(_follow_up(objection) for objection in follow_ups(store, run)),
        gates=_gates(store, run, ground.config.gates),
        pictures=pictures(events, store.results(run.id)),
        approvals=tuple(a for cycle in cycles for a in store.approvals(run.id, cycle) if not a.about.startswith(SAID)),
        questions=tuple(question for question, _ in store.questions(run.id)),
        handover=store.packet(run.id) if position.waits is Waits.HANDOVER else None,
        pull_request=ground.fact("pull"),
        deploys=tuple(event.data for event in events if event.kind == "deploy"),
        children=child_views(store, run),
        cost=run.cost,
        budget_usd=ground.config.budget.ticket_usd,
        estimate=plan["estimate"] if plan else None,
        actual=actual(run, plan["estimate"] if plan else None, events, [r for _, r, _ in rounds], ground.bench.now()),
        advice=" ".join(filter(None, at_hand_over(store, run))),
        diagram=source_of(plan["diagram"]) if plan else "",
        forecast=_forecast(ground),
        switches=tuple({"stage": e.stage, **_switch(e.data)} for e in events if e.kind == "switched"),
        stopped=standing_of(store, run),
        created=run.created,
        updated=run.updated,
        next=next_steps(store, run),
        exit_code=exit_code(store, run),
    )


def _proof(ground: Ground, events: Sequence[Event]) -> str:
    from .proofs import worth

    return worth(ground.bench.store, ground.config, ground.bench.now(), _review_words(events))


def _forecast(ground: Ground) -> Forecast | None:
    kept = ground.bench.store.recall(ground.run.id, ESTIMATE)
    return Forecast.model_validate(kept) if kept else None


def _switch(data: dict[str, Any]) -> dict[str, str]:
    return {name: str(data[name]) for name in ("from", "to", "why")}


def standing_of(store: Store, run: Run) -> Standing | None:
    """Where a run stands that is parked now; None when it is not."""
    stopped = store.recall(run.id, "stopped")
    if run.position.state is not State.PARKED or not stopped or stopped["serial"] + 1 != run.position.serial:
        return None
    return Standing.model_validate(stopped["standing"]) if "standing" in stopped else None


def _because(run: Run) -> str:
    times = run.position.cycle - 1
    if not times:
        return run.route_because
    return f"reopened {counted(times, 'times')} after a failed smoke; it began as {run.ticket.kind.value}"


def _rounds(rounds: Sequence[tuple[int, Round]]) -> tuple[RoundView, ...]:
    """Each round beside the one before it in its loop. What the first cost began with the last round of any loop."""
    last: dict[tuple[int, str], Round] = {}
    found, spent = [], 0.0
    for cycle, round_ in rounds:
        before = last.get((cycle, round_.stage))
        found.append(_round(cycle, round_, before, spent))
        last[cycle, round_.stage] = round_
        spent = round_.usd or spent
    return tuple(found)


def _round(cycle: int, round_: Round, before: Round | None, spent: float) -> RoundView:
    return RoundView(
        cycle=cycle,
        loop=round_.stage,
        attempt=round_.attempt,
        error=round_.error,
        opened=len(round_.opened),
        closed=len(round_.closed),
        repeated=len(round_.repeated),
        reopened=len(round_.reopened),
        lines=round_.lines,
        usd=None if round_.usd is None else max(round_.usd - spent, 0.0),
        failed_again=sum(1 for mark, said in round_.failing.items() if before and before.failing.get(mark) == said),
        choice=round_.choice,
    )


def _follow_up(objection: Objection) -> FollowUpView:
    return FollowUpView(
        id=objection.fingerprint,
        severity=objection.severity.value,
        path=objection.place.path if objection.place else "",
        what=objection.what,
        ticket=ticket_of(objection),
    )


def _gates(store: Store, run: Run, gates: Mapping[str, Gate]) -> tuple[GateView, ...]:
    last: dict[str, GateView] = {}
    for stage, result in store.results(run.id):
        last[result.gate] = GateView(
            gate=result.gate,
            outcome=result.outcome.value,
            examined=result.evidence.examined,
            unit=result.evidence.unit,
            reason=result.reason,
            tree=result.evidence.tree,
            stage=stage,
            seconds=result.evidence.seconds,
            level=level_of(gates[result.gate]) if result.gate in gates else "local",
        )
    return tuple(last.values())
