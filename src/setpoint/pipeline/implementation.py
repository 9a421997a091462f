"""Implementation, task by task: a task's checks pass before the next begins, and the engine commits each.

The tests, the gates' configuration, CI and lock files are frozen meanwhile. On the way back from review, CI or a person
the session of the last task goes on with all objections of all rounds.
"""

from collections.abc import Mapping, Sequence

from ..errors import BugError
from ..gates.checks import task_gates
from ..loop.attempt import Handed, Verdict
from ..model.change import Change
from ..model.evidence import GateResult
from ..model.gate import Gate
from ..model.objection import Deviation, Objection, Severity, Source
from ..model.plan import PlanTask
from ..model.session import Asked
from ..policy.diffcheck import judge_unsaved
from ..ports import Transaction, Workspace
from .artifacts import deliverable_text, task_text
from .bench import Ground
from .by_hand import by_hand as signed_by_hand
from .by_hand import handed_back, taken_now
from .context import brief, place_text, ticket_text
from .criteria import boundaries_of, plan_of
from .desk import Handing, Sitting, producer
from .document import form_objections
from .going_back import from_clean_ground
from .judging import (
    approved_files,
    boundaries_on_record,
    closed_policy,
    judged_code,
    measured_by,
    sealed,
    sealed_claims,
)  # fmt: skip
from .messages import commit_message
from .moved_base import conflicts
from .outcomes import Accepted, Outcome, Taken
from .own_runs import own_runs
from .predecessor import change_off_plan, unanswered
from .prompts import capped, prompt, section
from .rounds import Done, Write, history, later_turns, looped
from .team_prompts import team_prompt
from .trust import asks_task
from .untested import left_to_tests, too_little
from .validation import validate
from .working import build

DIFF_CAP = 60_000
"""Characters of a task's diff that its validator is shown."""


class CodeWork:
    """The loop's view of a phase that changes code: one task, a rework, or a CI fix."""

    def __init__(self, ground: Ground, workspace: Workspace, task: PlanTask | None, *, whole: bool) -> None:
        rework = ground.position.rework
        task_id = task.id if task else ""
        self.stage = ground.loop_of(
            ground.position.stage, f"{task_id}~{rework}{ground.position.visit}" if rework else task_id
        )
        self.attempts = ground.config.settings(ground.position.stage).attempts
        self.session = producer(ground, "implementation", task_id)
        self.results: list[GateResult] = []
        self.handing = Handing(None)
        self.untested: tuple[str, ...] = ()
        """What its tests leave open, where nothing else speaks against the change."""
        self._ground = ground
        self._workspace = workspace
        self._task = task
        self._whole = whole

    async def produce(self) -> Handed | Asked:
        """Let the session work until it hands in the change; what a person wrote is there already."""
        ground = self._ground
        if self.handing.record is not None:
            return await handed_code(ground, self._workspace, self.handing)
        sitting = Sitting(
            session=self.session,
            prompt=prompt("implementation"),
            deliverable="change",
            record=Change,
            brief=await self.brief(),
            turns=await self._turns(),
            runs=own_runs(ground, self._task),
        )
        handing = await build(ground, sitting, self._workspace, closed_policy(ground))
        if isinstance(handing, Asked):
            return handing
        self.handing = handing
        return await handed_code(ground, self._workspace, handing)

    async def _turns(self) -> dict[str, str]:
        ground = self._ground
        if ground.position.rework != "review":
            return later_turns(ground, self.session, [self.stage])
        reviews = ground.loop_of("review")
        turns = later_turns(ground, self.session, [reviews, self.stage])
        how = (await team_prompt(ground, prompt("rework"))).system("submit_change")
        return {key: f"{how}\n\n{text}" if key.startswith(f"round:{reviews}:") else text for key, text in turns.items()}

    async def brief(self) -> str:
        """What its session is given: the ticket, the contract, the frozen tests, its task and where it works."""
        ground = self._ground
        return brief(
            ticket_text(ground.run.ticket.title, ground.run.ticket.text),
            *self._asked(),
            await place_text(ground, boundaries_of(ground), self._workspace),
        )

    def _asked(self) -> tuple[str, ...]:
        """What the change must do: the plan or the diagnosis, the approved tests, the task."""
        ground = self._ground
        names = ("plan",) if self._task else ("diagnosis",)
        claims = "\n".join(f"- {claim.id}: {claim.what} ({', '.join(claim.proves)})" for claim in sealed_claims(ground))
        task = (
            [section("Your task", task_text(self._task, ground.task_ids().index(self._task.id) + 1))]
            if self._task
            else []
        )
        return (
            *(deliverable_text(name, ground.given(name) or {}) for name in names),
            section("Approved tests, frozen: make them pass", claims),
            *task,
        )

    async def check(self, handed: Handed) -> Sequence[Objection]:
        """Boundaries, frozen tests and secrets on the diff; then the task's own checks; at the end all gates."""
        if not isinstance(self.handing.record, Change):
            return form_objections(self.handing, "change")
        torn = await conflicts(self._ground, self._workspace, mended=True)
        if torn:
            return torn
        if handed.diff == self._judged_before():
            return (_unchanged(),)
        gates = task_gates(self._task) if self._task else {}
        results, found = await check_code(self._ground, self._workspace, gates, whole=self._whole)
        self.results += results
        if self._ground.config.checks.second_suite and too_little(found):
            found, self.untested = left_to_tests(found)
        return [*found, *unanswered(self.handing.record, self._given()), *await self._outside_plan(self.handing.record)]

    def _given(self) -> Sequence[Objection]:
        """What the review gave this attempt to mend; nothing elsewhere."""
        reviews = history(self._ground, self._ground.loop_of("review"))
        if self._ground.position.rework != "review" or not reviews:
            return ()
        last, found = reviews[-1]
        return [o for o in found if o.blocks and (not last.given or o.fingerprint in last.given)]

    async def _outside_plan(self, change: Change) -> Sequence[Objection]:
        plan = plan_of(self._ground)
        if plan is None:
            return ()
        changed = await self._workspace.changed(self._ground.run.base)
        others = {*approved_files(self._ground), *signed_by_hand(self._ground)}
        return tuple(change_off_plan(change, plan, changed, others))

    def _judged_before(self) -> str:
        """Tree that the review objected to, which a rework must differ from; empty elsewhere."""
        reviews = history(self._ground, self._ground.loop_of("review"))
        return reviews[-1][0].diff if self._ground.position.rework == "review" and reviews else ""

    async def judge(self, handed: Handed) -> Sequence[Objection]:
        """The validator's word: is this what the task and the tests ask for? On the way back the reviewer says it."""
        ground = self._ground
        if ground.position.rework or ground.by_person:
            return ()
        since = await self._workspace.diff(_begun_at(ground))
        before = brief(*self._asked())
        async with self._workspace.checkout(await self._workspace.tree()) as room:
            return await validate(ground, "change", handed.content, before, room, capped(since, DIFF_CAP))


async def _begin(ground: Ground, workspace: Workspace) -> None:
    """Write down where the present task begins. Its commit may be made and its end not be on record: what it changed
    is told from here, not from the branch's head."""
    if (
        ground.position.task > 0
        and not ground.position.rework
        and ground.bench.store.recall(*_beginning(ground)) is None
    ):
        head = await workspace.head()
        with ground.bench.store.transaction() as tx:
            tx.remember(*_beginning(ground), {"commit": head})


def _beginning(ground: Ground) -> tuple[str, str]:
    at = ground.position
    return ground.run.id, f"begun:{at.cycle}:{at.epoch}:{at.task}"


def _begun_at(ground: Ground) -> str:
    """The commit that the present task began at."""
    kept = ground.bench.store.recall(*_beginning(ground)) if ground.position.task > 0 else None
    return str(kept["commit"] if kept else sealed(ground)["commit"])


def _unchanged() -> Objection:
    """Work that is claimed and not done."""
    return Objection(
        source=Source.GATE,
        deviation=Deviation.BEHAVIOUR,
        severity=Severity.HIGH,
        what="the change was handed in as mended, and no file differs from what was objected to",
        cause="an objection is closed by a change that a check or a fresh reviewer sees, not by a claim",
        evidence="the tree is the very one that was reviewed",
        rule="claim/unchanged",
    )


async def handed_code(ground: Ground, workspace: Workspace, handing: Handing) -> Handed:
    """The change as it lies in the workspace, with what the session says of it."""
    diff = await workspace.diff(ground.run.base)
    lines = sum(1 for line in diff.splitlines() if line[:1] in "+-" and line[:3] not in ("+++", "---"))
    content = handing.record.model_dump(mode="json") if handing.record else {}
    usd = ground.bench.store.run(ground.run.id).cost.usd
    return Handed(content=content, diff=await workspace.tree(), lines=lines, usd=usd)


async def check_code(
    ground: Ground, workspace: Workspace, gates: Mapping[str, Gate], *, whole: bool
) -> tuple[list[GateResult], list[Objection]]:
    """Judge the workspace as it is."""
    left = judge_unsaved(workspace.unsaved())
    if left:
        return [], list(left)
    judged = await judged_code(ground, await workspace.tree(), gates, whole=whole)
    return judged.results, judged.objections


async def implement(ground: Ground) -> Done:
    """One attempt on the present task, or on the whole change on its way back."""
    workspace = await ground.workspace()
    plan = plan_of(ground)
    tasks = plan.tasks if plan else ()
    index = ground.position.task
    task = tasks[index] if tasks else None
    last = not tasks or index in (-1, len(tasks) - 1)
    by_hand = ground.by_person
    if by_hand and not handed_back(ground):
        saved = taken_now(ground, await workspace.autosave("before manual work"))
        return Done(Taken(), (saved,), note=f"a person does this: edit, then `setpoint give {ground.run.id}`")
    if index == 0 and not ground.position.rework and not by_hand:
        await from_clean_ground(ground, workspace, sealed(ground)["commit"])
    await _begin(ground, workspace)
    work = CodeWork(ground, workspace, task, whole=last)
    if by_hand:
        work.handing = Handing(Change(summary=f"{ground.run.ticket.title}: written by hand."))

    async def accept(verdict: Verdict) -> tuple[Outcome, list[Write]]:
        record = work.handing.record
        if not isinstance(record, Change):
            raise BugError("a change was accepted without its record")
        title = f"{task.id} {task.title}" if task else ground.run.ticket.title
        subject = f"{ground.position.rework} fixes: {title}" if ground.position.rework else title
        await workspace.commit(commit_message(ground, subject, record.summary), ground.run.base)
        writes: list[Write] = []
        if last:
            writes.append(lambda tx: tx.void(ground.run.id, ground.position.cycle, ("change",)))
            content = dict(verdict.handed.content)
            writes.append(lambda tx: _deliver_change(ground, tx, content))
        if work.untested:
            left = {"open": list(work.untested)}
            writes.append(lambda tx: tx.remember(ground.run.id, f"untested:{ground.position.cycle}", left))
        ask = not last and asks_task(ground)
        return Accepted(more=not last, ask=ask, untested=bool(work.untested)), writes

    done = measured_by(ground, work.results, await looped(ground, work, work.session, accept))
    return Done(done.outcome, (boundaries_on_record(ground), *done.writes), note=done.note)


def _deliver_change(ground: Ground, tx: Transaction, content: dict[str, object]) -> None:
    digest = tx.deliver(ground.run.id, ground.position.cycle, "change", content)
    tx.event(ground.run.id, "deliverable", "implementation", {"name": "change", "sha256": digest})
