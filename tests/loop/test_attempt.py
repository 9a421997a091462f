"""One attempt: checks before judges, ids that last, and a reason that names its objections."""

from collections.abc import Sequence

from setpoint.loop.attempt import Handed, Verdict, attempt
from setpoint.loop.controller import Choice
from setpoint.model.objection import Deviation, Objection, Place, Severity, Source
from setpoint.model.run import Round
from setpoint.model.settings import Loop


class Scripted:
    """A phase whose judges say what is written, round by round."""

    stage = "review"
    attempts = 9

    def __init__(self, *rounds: tuple[Sequence[Objection], Sequence[Objection]]) -> None:
        self._rounds = rounds
        self.at = 0
        self.judged = 0

    async def produce(self) -> Handed:
        self.at += 1
        return Handed(content={}, diff=str(self.at))

    async def check(self, handed: Handed) -> Sequence[Objection]:
        return self._rounds[self.at - 1][0]

    async def judge(self, handed: Handed) -> Sequence[Objection]:
        self.judged += 1
        return self._rounds[self.at - 1][1]


def said(what: str, source: Source = Source.REVIEWER) -> Objection:
    return Objection(
        source=source, deviation=Deviation.BEHAVIOUR, severity=Severity.HIGH, what=what, place=Place(path="a.py")
    )


async def played(work: Scripted, rounds: int, since: int = 0) -> list[Verdict]:
    history: list[tuple[Round, tuple[Objection, ...]]] = []
    found: list[Verdict] = []
    for _ in range(rounds):
        verdict = await attempt(work, history, Loop(), since=min(since, len(history)))
        assert isinstance(verdict, Verdict)
        history.append((verdict.round, verdict.objections))
        found.append(verdict)
    return found


A, B = said("the file handle leaks when parsing fails"), said("an empty list divides by zero")
RED = said("test x::y fails", Source.GATE)


async def test_what_a_reviewer_closed_is_closed_while_it_minds_something_else() -> None:
    first, second = await played(Scripted(([], [A]), ([], [B])), 2)
    assert second.round.closed == (A.fingerprint,)
    assert [o.what for o in second.objections] == [B.what]
    assert first.round.opened == (A.fingerprint,)


async def test_a_red_gate_asks_no_judge_and_what_the_judge_minded_still_stands() -> None:
    work = Scripted(([], [A]), ([RED], [B]))
    _, second = await played(work, 2)
    assert work.judged == 1
    assert {o.what for o in second.objections} == {RED.what, A.what}


async def test_an_objection_keeps_its_id_when_the_loop_starts_over() -> None:
    again = said("when parsing raises, the file handle is leaked")
    first, second = await played(Scripted(([], [A]), ([], [again])), 2, since=1)
    assert second.objections[0].fingerprint == first.objections[0].fingerprint
    assert (second.round.attempt, second.round.opened) == (1, (A.fingerprint,))


async def test_a_reason_names_its_objections_by_id_and_words() -> None:
    found = await played(Scripted(*[([], [one]) for one in (A, B, A, B)]), 4)
    last = found[-1]
    assert (last.decision.choice, last.round.choice) == (Choice.HAND_OVER, "hand-over")
    assert last.decision.cause == (
        "oscillation: mending one brings back the other, 2 times: "
        f"`{B.fingerprint}` {B.what}; `{A.fingerprint}` {A.what}"
    )
    assert found[2].round.given == (A.fingerprint, B.fingerprint)
