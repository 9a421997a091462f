"""What every Store must keep: the contract suite, and records to try it with."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from ..errors import BugError, LostLeaseError, UsageError
from ..model.approval import Answer, Approval, HandOver, Question
from ..model.evidence import Evidence, GateKind, GateResult, Outcome
from ..model.lesson import Failure, LessonWord, Witness
from ..model.lesson import Said as LessonSaid
from ..model.money import Charge, Scope, Spent
from ..model.objection import Deviation, Objection, Severity, Source
from ..model.run import Position, Round, Run, State
from ..model.session import Message, Said, SessionId, ToolCall, Usage
from ..model.ticket import Kind, Ticket
from ..ports import Store, Transaction

NOON = datetime(2026, 1, 2, 12, tzinfo=UTC)


def sample_run(run_id: str = "3c91aa", **position: Any) -> Run:
    """A run at the start of its route."""
    return Run(
        id=run_id,
        ticket=Ticket(id="signup", title="Validate signup", kind=Kind.FEATURE, text="Add validation to signup."),
        repository="/somewhere",
        base_branch="main",
        base="b" * 40,
        branch="setpoint/signup",
        route_because="asks for one thing",
        position=Position(route=Kind.FEATURE, stage="discovery").model_copy(update=position),
        owner="Ada",
        created=NOON,
        updated=NOON,
    )


def sample_witness(run: str, lesson: str) -> Witness:
    """A run that saw something fail."""
    return Witness(
        lesson=lesson,
        run=run,
        seq=7,
        at=NOON,
        stage="review",
        failure=Failure.FINDING,
        deviation=Deviation.REQUIREMENT,
        what="email is not checked",
        rule="Check it.",
    )


def sample_objection(what: str = "email is not checked") -> Objection:
    """A thing that is wrong."""
    return Objection(source=Source.REVIEWER, deviation=Deviation.REQUIREMENT, severity=Severity.HIGH, what=what)


def sample_result(tree: str = "a" * 40, outcome: Outcome = Outcome.PASSED) -> GateResult:
    """A gate's verdict."""
    evidence = Evidence(tree=tree, argv=("pytest",), environment="e", examined=3, unit="tests", at=NOON)
    return GateResult(gate="tests", kind=GateKind.TESTS, outcome=outcome, reason="3 tests", evidence=evidence)


def sample_charge(session: str, worst: float, *, at: datetime = NOON, **other: str) -> Charge:
    """A request that may take a minute."""
    names = {"run": "3c91aa", "repository": "/somewhere", "phase": "planning", "session": session, "model": "a/b"}
    times = {"at": at, "until": at + timedelta(seconds=60)}
    return Charge.model_validate({**names, **times, "worst_usd": worst, **other})


class StoreContract:
    """Inherit, and give a fixture `store`: an empty Store."""

    def test_a_run_comes_back_as_it_was_written(self, store: Store) -> None:
        run = sample_run()
        with store.transaction() as transaction:
            transaction.create(run)
        assert store.run(run.id) == run

    def test_a_run_is_found_by_a_prefix_that_only_it_has(self, store: Store) -> None:
        with store.transaction() as transaction:
            for run_id in ("3c91", "3c9100", "77%a", "77_b"):
                transaction.create(sample_run(run_id))
        assert store.run("3c910").id == "3c9100"
        assert store.run("77%").id == "77%a"
        assert store.run("3c91").id == "3c91", "a whole id is never ambiguous"
        with pytest.raises(UsageError, match="3c91, 3c9100"):
            store.run("3c")
        for unknown in ("9", ""):
            with pytest.raises(UsageError):
                store.run(unknown)

    def test_only_runs_that_are_not_over_are_active(self, store: Store) -> None:
        with store.transaction() as transaction:
            for state in State:
                transaction.create(sample_run(f"id-{state}", state=state))
        assert {run.position.state for run in store.runs(active=True)} == {s for s in State if not s.final}
        assert len(store.runs()) == len(State)

    def test_a_move_counts_the_serial_up_and_is_in_the_journal(self, store: Store) -> None:
        run = sample_run()
        with store.transaction() as transaction:
            transaction.create(run)
        with store.transaction() as transaction:
            moved = transaction.move(run, run.position.model_copy(update={"stage": "planning"}), "specified")
        assert moved == store.run(run.id)
        assert moved is not None
        assert (moved.position.stage, moved.position.serial, moved.note) == ("planning", 1, "specified")
        (event,) = store.events(run.id)
        assert (event.kind, event.stage, event.data["from"]["serial"], event.data["to"]["serial"]) == (
            "moved",
            "planning",
            0,
            1,
        )

    def test_a_move_from_where_the_run_no_longer_stands_writes_nothing(self, store: Store) -> None:
        run = sample_run()
        with store.transaction() as transaction:
            transaction.create(run)
            transaction.move(run, run.position.model_copy(update={"stage": "planning"}))
        with store.transaction() as transaction:
            assert transaction.move(run, run.position.model_copy(update={"stage": "tests"})) is None
        assert store.run(run.id).position.stage == "planning"
        assert len(store.events(run.id)) == 1

    def test_a_move_of_an_unknown_run_is_lost(self, store: Store) -> None:
        run = sample_run()
        with store.transaction() as transaction:
            assert transaction.move(run, run.position) is None

    def test_a_transaction_that_raises_leaves_nothing(self, store: Store) -> None:
        def half(transaction: Transaction) -> None:
            transaction.create(sample_run())
            transaction.event("3c91aa", "seen", "", {})
            raise ZeroDivisionError

        with pytest.raises(ZeroDivisionError), store.transaction() as transaction:
            half(transaction)
        assert store.runs() == []
        assert store.events("3c91aa") == []

    def test_a_new_cycle_has_its_own_base_and_stands_where_it_stood(self, store: Store) -> None:
        run = sample_run()
        with store.transaction() as transaction:
            transaction.create(run)
            transaction.rebase(run, "c" * 40, "setpoint/signup-2")
        found = store.run(run.id)
        assert (found.base, found.branch, found.position) == ("c" * 40, "setpoint/signup-2", run.position)

    def test_the_journal_is_read_in_order_from_where_one_left_off(self, store: Store) -> None:
        for n in range(5):
            with store.transaction() as transaction:
                transaction.event("one", "tick", "tests", {"n": n})
                transaction.event("two", "tock", "", {"n": n})
        events = store.events("one")
        assert [event.data["n"] for event in events] == [0, 1, 2, 3, 4]
        assert [event.seq for event in events] == sorted({event.seq for event in events})
        assert [event.data["n"] for event in store.events("one", after=events[1].seq, limit=2)] == [2, 3]

    def test_a_very_long_text_in_the_journal_is_kept_as_a_blob(self, store: Store) -> None:
        text = "x" * 100_000
        with store.transaction() as transaction:
            transaction.event("one", "command", "", {"output": [text], "exit": 0})
        (event,) = store.events("one")
        kept = event.data["output"][0]
        assert store.blob(kept["blob"]) == text.encode()
        assert kept["head"] == text[: len(kept["head"])]

    def test_a_deliverable_is_locked_by_its_digest(self, store: Store) -> None:
        with store.transaction() as transaction:
            digest = transaction.deliver("one", 1, "plan", {"b": 1, "a": 2})
            assert transaction.deliver("one", 1, "plan", {"a": 2, "b": 1}) == digest
        with pytest.raises(BugError), store.transaction() as transaction:
            transaction.deliver("one", 1, "plan", {"a": 3})
        assert store.deliverable("one", 1, "plan") == {"a": 2, "b": 1}
        assert store.deliverable("one", 2, "plan") is None
        assert [(c, n, d) for c, n, d, _ in store.deliverables("one")] == [(1, "plan", digest)]

    def test_what_a_run_teaches_is_replaced_and_what_people_said_of_it_is_not(self, store: Store) -> None:
        first, other = (sample_witness("one", lesson) for lesson in ("a" * 12, "b" * 12))
        with store.transaction() as transaction:
            transaction.teach("one", [first, other])
            transaction.teach("two", [sample_witness("two", "a" * 12)])
            transaction.rule_on(LessonWord(lesson="a" * 12, said=LessonSaid.DROPPED, by="Ada", at=NOON, because="once"))
        with store.transaction() as transaction:
            transaction.teach("one", [first.model_copy(update={"times": 3})])
            transaction.rule_on(LessonWord(lesson="a" * 12, said=LessonSaid.ACCEPTED, by="Ada", at=NOON))
        assert [(each.run, each.lesson[0], each.times) for each in store.witnesses()] == [
            ("one", "a", 3),
            ("two", "a", 1),
        ]
        assert [word.said for word in store.lesson_words()] == [LessonSaid.DROPPED, LessonSaid.ACCEPTED]

    def test_a_voided_deliverable_may_be_replaced(self, store: Store) -> None:
        with store.transaction() as transaction:
            transaction.deliver("one", 1, "plan", {"a": 1})
            transaction.deliver("one", 1, "spec", {"s": 1})
        with store.transaction() as transaction:
            transaction.void("one", 1, ["plan"])
        assert store.deliverable("one", 1, "plan") is None
        with store.transaction() as transaction:
            transaction.deliver("one", 1, "plan", {"a": 2})
        assert store.deliverable("one", 1, "plan") == {"a": 2}
        assert [name for _, name, _, _ in store.deliverables("one")] == ["spec", "plan"]

    def test_rounds_come_back_in_order_with_their_objections(self, store: Store) -> None:
        with store.transaction() as transaction:
            for attempt, stage in enumerate(("planning", "review", "review"), start=1):
                verdict = Round(stage=stage, attempt=attempt, error=4.0 / attempt, opened=("f",))
                transaction.round("one", 1, 1, verdict, [sample_objection(f"wrong {attempt}")])
        assert [(r.attempt, o[0].what) for r, o in store.rounds("one", 1, "review")] == [(2, "wrong 2"), (3, "wrong 3")]
        assert len(store.rounds("one", 1)) == 3
        assert store.rounds("one", 2) == []

    def test_results_are_found_by_the_tree_they_are_about(self, store: Store) -> None:
        with store.transaction() as transaction:
            transaction.result("one", "implementation", sample_result("a" * 40))
            transaction.result("one", "ci", sample_result("b" * 40, Outcome.REFUSED))
        assert store.results("one", "b" * 40) == [("ci", sample_result("b" * 40, Outcome.REFUSED))]
        assert len(store.results("one")) == 2

    def test_approvals_belong_to_a_cycle_and_a_decision(self, store: Store) -> None:
        plan = Approval(about="plan", answer=Answer.GRANTED, by="Ada", subject="d1", at=NOON)
        change = plan.model_copy(update={"about": "change", "answer": Answer.SENT_BACK, "because": "no"})
        with store.transaction() as transaction:
            transaction.approve("one", 1, plan)
            transaction.approve("one", 1, change)
        assert store.approvals("one", 1) == [plan, change]
        assert store.approvals("one", 1, "change") == [change]
        assert store.approvals("one", 2) == []

    def test_an_answer_is_used_once_and_the_same_use_may_be_repeated(self, store: Store) -> None:
        with store.transaction() as transaction:
            assert transaction.use("n1", "one", "merge:abc")
            assert transaction.use("n1", "one", "merge:abc"), "an effect that finds its earlier self"
            assert not transaction.use("n1", "one", "merge:def")
        with store.transaction() as transaction:
            assert not transaction.use("n1", "two", "merge:abc"), "nor does another run get it"
            assert transaction.use("n2", "two", "merge:abc")
        assert [(use.nonce, use.effect) for use in store.uses("one")] == [("n1", "merge:abc")]

    def test_a_use_that_is_not_committed_is_none(self, store: Store) -> None:
        with pytest.raises(UsageError), store.transaction() as transaction:
            transaction.answer("one", "q2" if transaction.use("n1", "one", "merge:abc") else "", "?", "Ada")
        with store.transaction() as transaction:
            assert transaction.use("n1", "two", "merge:def")

    def test_a_question_is_asked_once_and_answered(self, store: Store) -> None:
        session = SessionId(run="one", phase="discovery")
        question = Question(id="q1", question="Which one?", why="two fit")
        for _ in range(2):
            with store.transaction() as transaction:
                transaction.ask("one", question, session)
        with store.transaction() as transaction:
            transaction.answer("one", "q1", "the first", "Ada")
        answered = question.model_copy(update={"answer": "the first", "by": "Ada"})
        assert store.questions("one") == [(answered, session)]
        with pytest.raises(UsageError), store.transaction() as transaction:
            transaction.answer("one", "q2", "?", "Ada")

    def test_the_last_packet_counts(self, store: Store) -> None:
        packet = HandOver(stage="review", cause="plateau", errors=(4.0, 4.0), open=(sample_objection(),), tried=("x",))
        assert store.packet("one") is None
        with store.transaction() as transaction:
            transaction.hand_over("one", 1, packet)
            transaction.hand_over("one", 1, packet.model_copy(update={"cause": "limit"}))
        found = store.packet("one")
        assert found is not None
        assert found.cause == "limit"

    def test_a_fact_is_replaced_by_a_repeat(self, store: Store) -> None:
        for number in (1, 2):
            with store.transaction() as transaction:
                transaction.remember("one", "pull request", {"number": number})
        assert store.recall("one", "pull request") == {"number": 2}
        assert store.recall("one", "release") is None
        assert store.recall("two", "pull request") is None

    def test_what_a_session_says_is_saved_in_order_and_charged(self, store: Store) -> None:
        run = sample_run()
        session = SessionId(run=run.id, phase="planning")
        with store.transaction() as transaction:
            transaction.create(run)
        asked = Message(role="user", parts=(Said(text="Plan it — ünïcode \u2603."),))
        call = ToolCall(id="c1", name="read", arguments={"path": "a.py"})
        usage = Usage(requests=1, input_tokens=100, output_tokens=7, usd=0.25)
        store.say(session, [asked], [])
        answer = Message(role="assistant", parts=(call,), usage=usage, model="m")
        assert store.say(session, [answer], [("command", {"argv": ["ls"]})]) == (answer,)
        assert store.session(session) == (asked, answer)
        assert store.session(session.model_copy(update={"fresh": 2})) == ()
        assert store.run(run.id).cost == usage
        store.say(session, [answer.model_copy(update={"usage": Usage(requests=1, usd=None)})], [])
        assert (store.run(run.id).cost.requests, store.run(run.id).cost.usd) == (2, None)
        (event,) = store.events(run.id)
        assert (event.kind, event.stage, event.data) == ("command", "planning", {"argv": ["ls"]})

    def test_a_session_says_nothing_more_once_its_run_has_moved_on(self, store: Store) -> None:
        run = sample_run()
        session = SessionId(run=run.id, phase="planning")
        with store.transaction() as transaction:
            transaction.create(run)
        said = Message(role="user", parts=(Said(text="Plan it."),))
        store.say(session, [said], [], run.position.serial)
        with store.transaction() as transaction:
            moved = transaction.move(run, run.position)
        assert moved is not None
        with pytest.raises(LostLeaseError):
            store.say(session, [said], [("late", {})], run.position.serial)
        with store.transaction() as transaction:
            paused = transaction.move(moved, moved.position.model_copy(update={"state": State.WAITING}))
        assert paused is not None
        with pytest.raises(LostLeaseError):
            store.say(session, [said], [("late", {})], paused.position.serial)
        assert store.session(session) == (said,)
        assert [event.kind for event in store.events(run.id)] == ["moved", "moved"]

    def test_a_move_keeps_what_was_charged_meanwhile(self, store: Store) -> None:
        run = sample_run()
        with store.transaction() as transaction:
            transaction.create(run)
        said = Message(role="assistant", usage=Usage(requests=1, usd=0.5))
        store.say(SessionId(run=run.id, phase="planning"), [said], [])
        with store.transaction() as transaction:
            moved = transaction.move(run, run.position)
        assert moved is not None
        assert moved.cost.usd == 0.5
        assert store.run(run.id).cost.usd == 0.5

    def test_a_request_is_held_then_settled_by_the_reply_that_is_saved(self, store: Store) -> None:
        run = sample_run()
        session = SessionId(run=run.id, phase="planning")
        with store.transaction() as transaction:
            transaction.create(run)
            number = transaction.hold(sample_charge(str(session), 0.5))
        assert store.spent(Scope(run=run.id), NOON) == Spent(held=0.5)
        said = Message(role="assistant", usage=Usage(requests=1, usd=0.125))
        store.say(session, [Message(role="user")], [], charge=number)
        assert store.spent(Scope(run=run.id), NOON).held == 0.5, "only a reply settles"
        store.say(session, [said], [], charge=number)
        assert store.spent(Scope(run=run.id), NOON) == Spent(settled=0.125)

    def test_requests_count_in_each_scope_they_belong_to(self, store: Store) -> None:
        with store.transaction() as transaction:
            transaction.hold(sample_charge("a", 1.0))
            transaction.hold(sample_charge("b", 2.0, phase="tests"))
            transaction.hold(sample_charge("c", 4.0, run="another"))
            transaction.hold(sample_charge("d", 8.0, repository="/elsewhere"))
            transaction.hold(sample_charge("e", 16.0, at=NOON + timedelta(days=1)))
        scopes = {
            Scope(run="3c91aa"): 27.0,
            Scope(run="3c91aa", phase="tests"): 2.0,
            Scope(repository="/somewhere"): 23.0,
            Scope(repository="/somewhere", day="2026-01-02"): 7.0,
            Scope(repository="/somewhere", day="2026-01-03"): 16.0,
            Scope(run="nobody"): 0.0,
        }
        assert {scope: store.spent(scope, NOON).held for scope in scopes} == scopes

    @pytest.mark.parametrize("paid", [True, False])
    def test_a_request_without_a_reply_is_lost_or_forgotten(self, store: Store, paid: bool) -> None:
        with store.transaction() as transaction:
            transaction.let_go(transaction.hold(sample_charge("a", 0.5)), paid=paid)
        lost = Spent(settled=0.5, lost=1, lost_usd=0.5)
        assert store.spent(Scope(), NOON) == (lost if paid else Spent())

    def test_what_a_dead_process_held_is_lost_when_its_session_goes_on_or_its_time_is_over(self, store: Store) -> None:
        with store.transaction() as transaction:
            transaction.hold(sample_charge("a", 0.5))
            transaction.hold(sample_charge("b", 1.0))
        assert store.spent(Scope(), NOON).held == 1.5
        with store.transaction() as transaction:
            transaction.lose("3c91aa", "a")
        assert store.spent(Scope(), NOON) == Spent(settled=0.5, held=1.0, lost=1, lost_usd=0.5)
        later = NOON + timedelta(seconds=61)
        assert store.spent(Scope(), later) == Spent(settled=1.5, lost=2, lost_usd=1.5)

    def test_a_reply_that_was_not_counted_counts_as_the_most_it_can_have_cost(self, store: Store) -> None:
        session = SessionId(run="3c91aa", phase="planning")
        with store.transaction() as transaction:
            transaction.create(sample_run())
            number = transaction.hold(sample_charge(str(session), 0.5))
        store.say(session, [Message(role="assistant", usage=Usage(requests=1, usd=None))], [], charge=number)
        assert store.spent(Scope(), NOON) == Spent(settled=0.5)

    def test_a_blob_is_kept_once_by_its_content(self, store: Store) -> None:
        content = bytes(range(256)) * 10
        digest = store.put_blob(content)
        assert store.put_blob(content) == digest
        assert store.blob(digest) == content
        assert store.blob("0" * 64) is None
