"""CI fix: read the log of a finished red run, mend the cause, hand back to review."""

from ..errors import BugError
from ..loop.attempt import Handed, Verdict
from ..model.change import CiFix
from ..model.evidence import GateResult
from ..model.objection import Objection
from ..model.session import Asked
from ..ports import Workspace
from .artifacts import deliverable_text
from .bench import Ground
from .context import brief, place_text, ticket_text
from .desk import Handing, Sitting, producer
from .document import form_objections
from .implementation import check_code, handed_code
from .judging import boundaries_on_record, closed_boundaries, closed_policy, measured_by
from .messages import commit_message
from .outcomes import Accepted, Outcome
from .own_runs import own_runs
from .prompts import prompt, untrusted
from .rounds import Done, Write, later_turns, looped
from .working import build

LOG_CAP = 40_000
"""Characters of the CI log in the brief; the end of a log tells most."""


class CiFixWork:
    """The loop's view of a CI fix."""

    def __init__(self, ground: Ground, workspace: Workspace) -> None:
        self.stage = ground.loop_of("ci_fix", str(ground.position.visit))
        self.attempts = ground.config.settings("ci_fix").attempts
        self.session = producer(ground, "ci_fix", str(ground.position.visit))
        self.handing = Handing(None)
        self.results: list[GateResult] = []
        self._ground = ground
        self._workspace = workspace

    async def produce(self) -> Handed | Asked:
        """Let the session find the cause and mend it."""
        ground = self._ground
        sitting = Sitting(
            session=self.session,
            prompt=prompt("ci_fix"),
            deliverable="ci_fix",
            record=CiFix,
            brief=await self.brief(),
            turns=later_turns(ground, self.session, [self.stage]),
            runs=own_runs(ground),
        )
        handing = await build(ground, sitting, self._workspace, closed_policy(ground))
        if isinstance(handing, Asked):
            return handing
        self.handing = handing
        return await handed_code(ground, self._workspace, handing)

    async def brief(self) -> str:
        """What its session is given: the ticket, the change, the log of the red run, and where it works."""
        ground = self._ground
        red = ground.fact("ci") or {}
        boundaries = closed_boundaries(ground)
        names = ("plan", "change") if ground.given("plan") else ("diagnosis", "change")
        return brief(
            ticket_text(ground.run.ticket.title, ground.run.ticket.text),
            *(deliverable_text(name, ground.given(name) or {}) for name in names),
            untrusted(f"Log of the red CI run on {red.get('sha', '')[:12]}", str(red.get("log", ""))[-LOG_CAP:]),
            await place_text(ground, boundaries, self._workspace),
        )

    async def check(self, handed: Handed) -> list[Objection]:
        """The same judgement as for any code."""
        if not isinstance(self.handing.record, CiFix):
            return list(form_objections(self.handing, "ci_fix"))
        results, found = await check_code(self._ground, self._workspace, {}, whole=True)
        self.results += results
        return found

    async def judge(self, handed: Handed) -> list[Objection]:
        """Review follows."""
        return []


async def fix_ci(ground: Ground) -> Done:
    """One attempt on a CI fix."""
    workspace = await ground.workspace()
    work = CiFixWork(ground, workspace)

    async def accept(verdict: Verdict) -> tuple[Outcome, list[Write]]:
        record = work.handing.record
        if not isinstance(record, CiFix):
            raise BugError("a CI fix was accepted without its record")
        await workspace.commit(commit_message(ground, f"ci: {record.cause}", record.summary))
        return Accepted(), []

    done = measured_by(ground, work.results, await looped(ground, work, work.session, accept))
    return Done(done.outcome, (boundaries_on_record(ground), *done.writes), note=done.note)
