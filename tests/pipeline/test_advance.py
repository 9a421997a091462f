"""The route machine, explored whole: every reachable state has a person's way out and none waits on nobody."""

from collections import deque
from collections.abc import Iterator

import pytest

from setpoint.errors import UsageError
from setpoint.model.run import Position, State, Waits
from setpoint.model.ticket import Kind
from setpoint.pipeline.advance import advance
from setpoint.pipeline.outcomes import (
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
from setpoint.pipeline.routes import EPIC, FEATURE, HOTFIX, ROUTES, Decision, Effect, Phase, start

BY_PERSON: tuple[Outcome, ...] = (
    Granted(), SentBack(), Declined(), Answered(), Resumed(), Paused(), Cancelled(), Taken(), Given(), Retried(),
    Given(asked=True),
)  # fmt: skip


JUDGED_BY_GATES = {"tests", "implementation", "edge_tests", "ci", "ci_fix"}


def by_step(position: Position) -> tuple[Outcome, ...]:
    """What the job of this position can report."""
    if position.state is not State.RUNNING:
        return ()
    step = ROUTES[position.route].step(position.stage)
    common: tuple[Outcome, ...] = (Parked(), HandedOver())
    if isinstance(step, Phase):
        own: tuple[Outcome, ...] = (Accepted(), Accepted(unasked=True), Again(), Again(escalate=True), AskedPerson())
        if step.name in {"implementation", "edge_tests", "review", "ci_fix"}:
            own += (PlanFault(),)
        if step.name == "implementation":
            own += (Accepted(untested=True),)
        if step.name == "review":
            own += (Stale(),)
        if step.name == "implementation" and position.task < 1:
            own += (Accepted(more=True), Accepted(more=True, ask=True))
        return common + own
    return common + {
        "publish": (Accepted(), Stale(), Void()),
        "ci": (Accepted(), Red(), Stale()),
        "merge": (Accepted(), Accepted(ask=True), Stale(), Void()),
        "deploy": (Accepted(), Accepted(more=True), Accepted(more=True, ask=True), SmokeFailed(), Void()),
    }.get(step.name, ())


def folded(position: Position) -> Position:
    """Counters that only count are folded, so that the reachable set is finite."""
    return position.model_copy(
        update={
            "serial": 0,
            "attempt": min(position.attempt, 2),
            "visit": min(position.visit, 2),
            "level": min(position.level, 1),
            "epoch": min(position.epoch, 2),
            "cycle": min(position.cycle, 2),
            "task": min(position.task, 2),
            "environment": min(position.environment, 2),
        }
    )


def reachable(kind: Kind) -> dict[Position, list[tuple[Outcome, Position]]]:
    graph: dict[Position, list[tuple[Outcome, Position]]] = {}
    todo = deque([start(kind)])
    while todo:
        position = todo.popleft()
        if position in graph:
            continue
        graph[position] = []
        for outcome in (*by_step(position), *BY_PERSON, *retries(position)):
            try:
                move = advance(position, outcome)
            except UsageError:
                assert outcome in BY_PERSON or isinstance(outcome, Retried), f"{outcome} from a job at {position}"
                continue
            assert move.job == (move.to.state is State.RUNNING), "a running position has a job, a resting one has none"
            graph[position].append((outcome, folded(move.to)))
            todo.append(folded(move.to))
    return graph


def retries(position: Position) -> Iterator[Outcome]:
    for step in ROUTES[position.route].steps:
        yield Retried(stage=step.name)


GRAPHS = {kind: reachable(kind) for kind in Kind}


@pytest.mark.parametrize("kind", Kind)
def test_every_reachable_state_has_a_persons_way_out(kind: Kind) -> None:
    for position, edges in GRAPHS[kind].items():
        if not position.state.final:
            assert any(outcome in BY_PERSON and to.state.final for outcome, to in edges), position


@pytest.mark.parametrize("kind", Kind)
def test_no_state_deadlocks(kind: Kind) -> None:
    """From every state that has not ended, `done` can still be reached."""
    graph = GRAPHS[kind]
    good = {position for position in graph if position.state is State.DONE}
    while True:
        more = {p for p, edges in graph.items() if p not in good and any(to in good for _, to in edges)}
        if not more:
            break
        good |= more
    stuck = [position for position in graph if position not in good and not position.state.final]
    assert stuck == []


@pytest.mark.parametrize("kind", Kind)
def test_no_state_waits_on_nobody(kind: Kind) -> None:
    for position in GRAPHS[kind]:
        assert (position.state is State.WAITING) == (position.waits is not Waits.NOTHING) or position.state in (
            State.PARKED,
            State.PAUSED,
        )


@pytest.mark.parametrize("kind", Kind)
def test_a_workspace_handed_back_at_an_open_question_waits_for_its_answer(kind: Kind) -> None:
    found = 0
    for position, edges in GRAPHS[kind].items():
        phase = isinstance(ROUTES[kind].step(position.stage), Phase) if position.route is kind else False
        for outcome, to in edges:
            if isinstance(outcome, Given) and outcome.asked and phase:
                found += 1
                assert (to.state, to.waits) == (State.WAITING, Waits.ANSWER)
                assert Answered() in [after for after, _ in GRAPHS[kind][to]]
    assert found


@pytest.mark.parametrize("kind", Kind)
def test_a_question_answered_while_a_person_works_by_hand_leaves_the_workspace_to_them(kind: Kind) -> None:
    for position, edges in GRAPHS[kind].items():
        if position.state is State.WAITING and position.waits is Waits.MANUAL:
            assert (Answered(), position) in edges


@pytest.mark.parametrize("kind", Kind)
def test_final_states_accept_nothing(kind: Kind) -> None:
    for position, edges in GRAPHS[kind].items():
        if position.state.final:
            assert edges == []


def test_nobody_can_approve_past_a_gate() -> None:
    for graph in GRAPHS.values():
        for position, edges in graph.items():
            if position.waits is Waits.HANDOVER and position.stage in JUDGED_BY_GATES:
                assert not any(isinstance(outcome, Granted) for outcome, _ in edges)


def test_a_change_reaches_merge_only_through_review_and_the_change_decision() -> None:
    """Remove both from the graph: merge is out of reach."""
    for kind in (Kind.FEATURE, Kind.HOTFIX):
        seen: set[Position] = set()
        todo = [start(kind)]
        while todo:
            position = todo.pop()
            if position in seen or position.stage in {"review", "change"}:
                continue
            seen.add(position)
            todo += [to for _, to in GRAPHS[kind][position]]
        assert not any(position.stage == "merge" for position in seen)


def test_done_is_reached_only_through_a_merge() -> None:
    """Whatever a person retries: take the accepted merge out of the graph and `done` is out of reach."""
    for kind in (Kind.FEATURE, Kind.HOTFIX):
        seen: set[Position] = set()
        todo = [start(kind)]
        while todo:
            position = todo.pop()
            if position in seen or position.cycle > 1:
                continue
            seen.add(position)
            edges = GRAPHS[kind][position]
            todo += [to for outcome, to in edges if not (position.stage == "merge" and isinstance(outcome, Accepted))]
        assert not any(position.state is State.DONE for position in seen)
        assert not any(position.stage == "deploy" for position in seen)


@pytest.mark.parametrize("stage", ["publish", "merge"])
def test_an_answer_that_does_not_count_is_asked_for_again_and_nothing_is_judged_anew(stage: str) -> None:
    move = advance(Position(route=Kind.FEATURE, stage=stage), Void())
    assert (move.to.stage, move.to.waits, move.job) == ("change", Waits.DECISION, False)
    assert move.voids == ("decision:change",), "no earlier yes counts, and what was reviewed stands"


def test_a_deploy_whose_yes_does_not_count_waits_for_one() -> None:
    move = advance(Position(route=Kind.FEATURE, stage="deploy", environment=1), Void())
    assert (move.to.waits, move.to.environment, move.job) == (Waits.DECISION, 1, False)


def test_a_deploy_decision_stays_open_when_it_is_retried() -> None:
    open_ = Position(route=Kind.FEATURE, stage="deploy", state=State.WAITING, waits=Waits.DECISION, environment=1)
    move = advance(open_, Retried())
    assert (move.job, move.to.waits, move.to.environment) == (False, Waits.DECISION, 1)


@pytest.mark.parametrize("stage", ["discovery", "planning", "tests", "implementation"])
def test_going_back_voids_what_was_built_on_it_and_starts_its_sessions_afresh(stage: str) -> None:
    move = advance(
        Position(route=Kind.FEATURE, stage="change", state=State.WAITING, waits=Waits.DECISION), Retried(stage=stage)
    )
    assert move.to.epoch == 2
    assert {"change", "review", "decision:change"} <= set(move.voids)


def test_what_ci_fix_changes_is_reviewed_and_approved_again() -> None:
    move = advance(Position(route=Kind.FEATURE, stage="ci_fix"), Accepted())
    assert move.to.stage == "review"
    assert set(advance(Position(route=Kind.FEATURE, stage="ci"), Red()).voids) == {"review", "decision:change"}


def test_what_the_tests_leave_open_gets_a_second_suite_before_the_review() -> None:
    code = Position(route=Kind.FEATURE, stage="implementation")
    assert advance(code, Accepted()).to.stage == "review"
    suite = advance(code, Accepted(untested=True)).to
    assert suite.stage == "edge_tests"
    assert advance(suite, Accepted()).to.stage == "review"
    assert "edge_tests" in advance(suite, PlanFault()).voids


def test_hotfix_skips_tech_spec_and_planning() -> None:
    feature = {step.name for step in FEATURE.steps}
    hotfix = {step.name for step in HOTFIX.steps}
    assert feature - hotfix == {"discovery", "tech_spec", "planning", "plan"}
    assert hotfix - feature == {"diagnosis"}


def test_epic_stops_at_its_split() -> None:
    assert [step.name for step in EPIC.steps][-1] == "children"
    assert not any(isinstance(step, Effect) for step in EPIC.steps)


def test_a_failed_smoke_reopens_the_ticket_on_a_clean_base() -> None:
    move = advance(Position(route=Kind.FEATURE, stage="deploy"), SmokeFailed())
    assert (move.to.stage, move.to.cycle, move.to.route) == ("diagnosis", 2, Kind.HOTFIX)


def test_phases_get_only_what_stands_before_them() -> None:
    for route in ROUTES.values():
        given: set[type] = set()
        for step in route.steps:
            if isinstance(step, Phase):
                assert set(step.needs) <= given, step.name
                given.add(step.gives)
            if isinstance(step, Decision):
                assert any(s.name == step.back_to for s in route.steps)
