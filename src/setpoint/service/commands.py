"""What a person can do to a run. Each command is one legal move, named and written with the person's name."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime

from ..errors import (
    BusyError,
    DeniedError,
    StaleError,
    UsageError,
)
from ..model.approval import Answer, Approval, Point
from ..model.money import Standing
from ..model.record import digest_of
from ..model.run import Run, State, Waits
from ..model.settings import Config
from ..pipeline.advance import OVERRULED_BY_PERSON, advance
from ..pipeline.approvals import asked, hand_due, request_due
from ..pipeline.bench import Bench, Ground
from ..pipeline.by_hand import kept_with
from ..pipeline.carry import job_key, write_move
from ..pipeline.circuits import ask_again
from ..pipeline.counting import trusted
from ..pipeline.desk import unanswered
from ..pipeline.moved_base import mended_by_hand
from ..pipeline.outcomes import (
    Answered,
    Cancelled,
    Declined,
    Given,
    Granted,
    Outcome,
    Paused,
    Resumed,
    Retried,
    SentBack,
    Taken,
)
from ..pipeline.rounds import Done, Write, ci_fixes, hears, history, mends, word_to
from ..ports import Store, Transaction
from .manual import HandedBack, Written, giving, handing_in, looked_at, taking
from .pinned import mended
from .signing import Spoken, answered, approving, said, speaker
from .starting import Repository


@dataclass(frozen=True)
class Commands:
    """All a user can do."""

    store: Store
    repository: Repository
    bench: Callable[[Config], Bench]
    config: Config
    """The configuration of the repository as it is now."""
    pinned: Callable[[Run], Config]
    """The configuration an existing run was started with."""
    now: Callable[[], datetime]
    end: Callable[[str], None]
    """Ends a job, wherever it runs."""

    # -- a person's word ----------------------------------------------------------------------------------------

    async def approve(
        self, prefix: str, *, because: str = "", inspected: Mapping[Point, str] | None = None, seen: int | None = None
    ) -> Run:
        """Yes, signed, and bound to what is there now; to a change with what was `inspected`. To a run that a cap on
        money parked: yes to what more it was said to cost. `seen`: the run's serial when it was shown to who answers.
        Raises StaleError when it has moved since: nobody says yes to what they have not seen."""
        ground, by = await self._answering(prefix)
        if seen is not None and ground.position.serial != seen:
            raise StaleError(
                f"run {ground.run.id} has moved on since it was shown to you",
                why=f"it was at its move {seen}, and is at {ground.position.serial} now",
                fix=f"look again: `setpoint show {ground.run.id}`, then answer again",
            )
        if ground.position.state is State.PARKED:
            return await self._raised(ground, await speaker(ground, by), because)
        if ground.position.waits is Waits.ANSWER:
            return await self._opened(ground, by, because)
        # What makes no sense here is refused before anybody's key signs it.
        advance(ground.position, Granted())
        approval = await self._approval(ground, Answer.GRANTED, by, because, inspected or {})
        writes = [approving(ground, approval)]
        if ground.position.waits is Waits.HANDOVER and ground.position.stage in OVERRULED_BY_PERSON:
            writes.append(_overruling(ground))
        return self._move(ground, Granted(), approval.by, because, writes)

    async def reject(self, prefix: str, *, because: str, stop: bool = False) -> Run:
        """Not so, with the reason, back to the phase that can mend it; or, with `stop`, no."""
        if not because.strip():
            raise UsageError("a rejection needs its reason", fix="`setpoint reject RUN -m '…'`")
        ground, by = await self._answering(prefix)
        answer = Answer.DECLINED if stop else Answer.SENT_BACK
        advance(ground.position, Declined() if stop else SentBack())
        approval = await self._approval(ground, answer, by, because, {})
        by = approval.by
        writes: list[Write] = [approving(ground, approval)]
        if not stop:
            text = f"{by} read your work and objects:\n{because}\nMend exactly this and hand in again."
            after = _after(ground, SentBack())
            writes.append(word_to(ground, hears(after, mends(ground)), text))
            again = ground.position.waits is Waits.HANDOVER or after.position.stage == ground.position.stage
            writes += [_restart(after)] if again else []
        return self._move(ground, Declined() if stop else SentBack(), by, because, writes)

    async def answer(self, prefix: str, text: str, *, question: str = "", way: str = "") -> Run:
        """Answer the session's open question, signed; while a person works by hand, the run then waits on for them.
        `way` is written beside the name of whose account answers, where it may not have been them: that is not
        signed."""
        if not text.strip():
            raise UsageError("an answer needs words", fix="`setpoint answer RUN '…'`, or `--waive`")
        ground, by = await self._speaking(prefix)
        by = f"{by} ({way})" if way else by
        open_ = [q for q, _ in unanswered(self.store, ground.run.id) if q.id.startswith(question)]
        if not open_:
            raise UsageError("no question is open", fix="`setpoint show` says what the run waits for")
        asked = open_[0]
        writes: list[Write] = [lambda tx: tx.answer(ground.run.id, asked.id, text, by)]
        writes += [] if way else [await said(ground, "answer", by, text, question=asked.id)]
        return self._move(ground, Answered(), by, text, writes)

    async def resume(self, prefix: str, *, budget: float | None = None) -> Run:
        """Go on after a park or a pause, with the models and limits that are configured now."""
        ground, by = await self._speaking(prefix)
        if budget is not None and not 0 < budget < 1_000_000:
            raise UsageError(f"{budget} is no budget", fix="a number of dollars above 0")
        writes = [
            *mended(ground, self.config, None if budget is None else {"ticket": budget}),
            ask_again(self.store, self.now()),
        ]
        raised = f"budget ${budget:g}" if budget is not None else ""
        advance(ground.position, Resumed())
        writes.append(await said(ground, "resume", by, raised))
        return self._move(ground, Resumed(), by, raised, writes)

    async def _opened(self, ground: Ground, by: str, because: str) -> Run:
        """Yes to exactly what the open question asks to be allowed; its session goes on with that."""
        asked = next((q for q, _ in unanswered(self.store, ground.run.id) if q.requests), None)
        if asked is None:
            why, fix = "the session asks for words, not for a yes", f"`setpoint answer {ground.run.id} '…'`"
            raise UsageError("nothing waits for an approval", why=why, fix=fix)
        config = await trusted(ground)
        yes = answered(ground, config, request_due(ground, config, asked), Spoken(by, because))
        text = f"Allowed, exactly this and no more: {'; '.join(asked.requests)}. {because}".strip()
        writes = [approving(ground, yes), lambda tx: tx.answer(ground.run.id, asked.id, text, yes.by)]
        return self._move(ground, Answered(), yes.by, because, writes)

    async def _raised(self, ground: Ground, by: str, because: str) -> Run:
        """Go on under the cap that the run was parked at, raised to what it needs."""
        stopped = self.store.recall(ground.run.id, "stopped") or {}
        stands = Standing.model_validate(stopped.get("standing") or {})
        if stands.raise_usd is None or stopped["serial"] + 1 != ground.position.serial:
            raise UsageError(
                f"run {ground.run.id} is parked, and not by a cap on money",
                fix=f"`setpoint show {ground.run.id}` says why; `setpoint resume {ground.run.id}` goes on",
            )
        told = "; ".join(filter(None, (f"{stands.cap} budget ${stands.raise_usd:g}", because)))
        writes = [*mended(ground, self.config, {stands.cap: stands.raise_usd}), await said(ground, "resume", by, told)]
        return self._move(ground, Resumed(), by, told, writes)

    async def pause(self, prefix: str) -> Run:
        """Stop after the step under way."""
        ground, by = await self._answering(prefix)
        return self._move(ground, Paused(), by, "", [])

    def halt(self, run: Run, by: str, because: str) -> Run | None:
        """Pause a run that is under way, whoever may approve it, and end its job; None when nothing was under way."""
        while run.position.state is State.RUNNING:
            ground = self.ground(run)
            try:
                moved = self._move(ground, Paused(), by, because or "stopped", [])
            except BusyError:
                run = self.store.run(run.id)
                continue
            self.end(job_key(run))
            return moved
        return None

    async def cancel(self, prefix: str, *, because: str = "") -> Run:
        """End the run; workspace and branch stay where they are."""
        ground, by = await self._answering(prefix)
        return self._move(ground, Cancelled(), by, because, [])

    async def retry(self, prefix: str, *, stage: str = "", because: str = "") -> Run:
        """Let a stage be tried again; the controller counts from here, and an open question is taken back."""
        ground, by = await self._speaking(prefix)
        writes: list[Write] = [_restart(ground), *mended(ground, self.config)]
        writes += _taken_back(ground, by, f"do it again without the answer. {because}".strip())
        if because or (stage and stage != ground.position.stage):
            text = f"{by} lets you do this again and says:\n{because or 'start over from here, and hand in again.'}"
            writes.append(
                word_to(ground, hears(_after(ground, Retried(stage=stage)), stage or ground.position.stage), text)
            )
        advance(ground.position, Retried(stage=stage))
        writes.append(await said(ground, "retry", by, because, stage=stage or ground.position.stage))
        return self._move(ground, Retried(stage=stage), by, because, writes)

    async def take(self, prefix: str) -> Run:
        """The person works in the workspace by hand."""
        ground, by = await self._speaking(prefix)
        advance(ground.position, Taken())
        return self._move(ground, Taken(), by, "", await taking(ground, by))

    async def give(self, prefix: str, *, because: str = "", paper: Written | None = None) -> Run:
        """Hand the workspace back: the edit is committed as the person's and what follows is judged on the new tree.
        A `paper` is the deliverable of a phase that hands one in. A question that was open when the workspace was
        taken is open still, unless its session is not the one that goes on."""
        ground, by = await self._speaking(prefix)
        advance(ground.position, Given())
        back = await looked_at(ground)
        writes = await self._signing(ground, back, by, because)
        tree = await (await ground.workspace()).tree() if back.files else ""
        about = {"files": "; ".join(back.files)[:2000], "paper": digest_of(paper.text) if paper else ""}
        writes.append(await said(ground, "give", by, because, tree=tree, **about))
        writes += [*await giving(ground, back, by, because), *handing_in(ground, paper, by)]
        asking = [] if ground.position.stage == "ci_fix" else unanswered(self.store, ground.run.id)
        given = Given(asked=bool(asking), deciding=back.deciding)
        if not asking:
            writes += _taken_back(ground, by, f"the workspace was changed by hand instead. {because}".strip())
        writes += mended_by_hand(ground, by)
        if back.files:
            after = _after(ground, given)
            heard = {hears(after, mends(after)), *(session for _, session in asking)}
            text = back.told(by, because)
            writes += [_restart(ground), *(word_to(ground, session, text) for session in sorted(heard, key=str))]
        return self._move(ground, given, by, because, writes)

    async def _signing(self, ground: Ground, back: HandedBack, by: str, because: str) -> list[Write]:
        """What no session may write counts by the person's signature alone."""
        if not back.beyond:
            return []
        config = await trusted(ground)
        yes = answered(ground, config, hand_due(ground, config, back.beyond), Spoken(by, because))
        return [approving(ground, yes), kept_with(ground, back.beyond)]

    # -- how ----------------------------------------------------------------------------------------------------

    def ground(self, run: Run) -> Ground:
        """The run on its bench."""
        return Ground(self.bench(self.pinned(run)), run)

    async def _answering(self, prefix: str) -> tuple[Ground, str]:
        run = self.store.run(prefix)
        if run.position.state.final:
            raise UsageError(
                f"run {run.id} is {run.position.state.value}; nothing follows", fix="`setpoint run` starts a new one"
            )
        ground, by = self.ground(run), await self.repository.person()
        approvers = ground.config.approvers
        if approvers and by not in approvers:
            raise DeniedError(f"{by} may not answer for this run", why=f"approvers are {', '.join(approvers)}")
        return ground, by

    async def _speaking(self, prefix: str) -> tuple[Ground, str]:
        """As for an answer to a decision, in the name that the key here has."""
        ground, by = await self._answering(prefix)
        return ground, await speaker(ground, by)

    async def _approval(
        self, ground: Ground, answer: Answer, by: str, because: str, inspected: Mapping[Point, str]
    ) -> Approval:
        """The answer, signed. Raises DeniedError, UsageError or StaleError when it would not count."""
        config = await trusted(ground)
        due = await asked(ground, config, answer)
        return answered(ground, config, due, Spoken(by, because, answer, inspected))

    def _move(self, ground: Ground, outcome: Outcome, by: str, because: str, writes: list[Write]) -> Run:
        move = advance(ground.position, outcome)
        said = {"by": by, "said": outcome.kind, "because": because}
        writes = [*writes, lambda tx: tx.event(ground.run.id, "person", ground.position.stage, said)]
        moved = write_move(ground.bench, ground.run, move, Done(outcome, tuple(writes), note=move.because))
        if moved is None:
            raise BusyError(
                f"run {ground.run.id} moved while you answered", fix=f"`setpoint show {ground.run.id}` and answer again"
            )
        return moved


def _after(ground: Ground, said: Outcome) -> Ground:
    """The ground as a person's word leaves it: sessions that start afresh there hear it."""
    moved = advance(ground.position, said).to
    return Ground(ground.bench, ground.run.model_copy(update={"position": moved}))


def _restart(ground: Ground) -> Write:
    loops = {ground.loop, ground.loop_of("review")}
    counts = {loop: len(history(ground, loop)) for loop in loops} | {"ci_fix": len(ci_fixes(ground))}
    serial = ground.position.serial

    def write(tx: Transaction) -> None:
        for loop, rounds in counts.items():
            tx.remember(ground.run.id, f"restart:{ground.position.cycle}:{loop}", {"rounds": rounds, "serial": serial})

    return write


def _taken_back(ground: Ground, by: str, text: str) -> list[Write]:
    """Nobody answers the open questions any more: their sessions are told so, in the person's name."""
    asked = [question.id for question, _ in unanswered(ground.bench.store, ground.run.id)]

    def write(tx: Transaction) -> None:
        for question in asked:
            tx.answer(ground.run.id, question, f"The question is taken back: {text}", by)

    return [write]


def _overruling(ground: Ground) -> Write:
    """Let what was handed in last stand, against its judge: a named person answers for it."""
    stage, cycle = ground.position.stage, ground.position.cycle
    handed = ground.bench.store.recall(ground.run.id, f"handed:{cycle}:{stage}")
    if not handed or not handed["content"]:
        raise UsageError(f"nothing was handed in at {stage} that could stand", fix=f"`setpoint retry {ground.run.id}`")
    name = {"discovery": "functional_spec", "planning": "plan"}.get(stage, stage)

    def write(tx: Transaction) -> None:
        tx.void(ground.run.id, cycle, (name,))
        tx.deliver(ground.run.id, cycle, name, handed["content"])

    return write


def rests(run: Run) -> bool:
    """Whether nothing carries the run on by itself."""
    return run.position.state is not State.RUNNING
