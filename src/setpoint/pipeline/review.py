"""Review: a strict, independent judge of the whole change against the original ticket, fresh each round.

The reviewer runs in its own copy of the tree; what it writes reaches nothing. Earlier findings are claims to verify,
and each of them must be accounted for. What it finds outside the change's surface becomes a follow-up.
"""

from collections.abc import Sequence

from pydantic import BaseModel

from ..errors import BugError, RefusedError
from ..gates.protected import protected_changes
from ..loop.attempt import Handed, Verdict
from ..loop.identity import recognised
from ..model.evidence import GateResult
from ..model.objection import Objection, Source
from ..model.review import Review
from ..model.session import Asked, Role
from ..policy.action import Action, ActionKind
from ..policy.decide import Allow, Policy, decide
from ..ports import Room, Transaction, Workspace
from .artifacts import deliverable_text
from .bench import Ground
from .context import brief, commands, diff_text, map_text, named, rules, ticket_text
from .desk import Handing, Sitting, chosen, sit
from .implementation import check_code
from .judging import closed_boundaries, measured_by, sealed
from .messages import hand_message
from .moved_base import bring_in, conflicts, handed_over, require_green_base
from .outcomes import Outcome
from .probes import Probes, unusable
from .prompts import objections_text, prompt, section, untrusted
from .readiness import require_ready
from .report import commands_run, empty_report, idle_probes
from .reseal import reseal
from .rounds import Done, Write, fresh_judge, history, later_turns, looped, plain_accept
from .surface import FOLLOW_UPS, follow_ups, split_by_surface


class ReviewWork:
    """The loop's view of the review."""

    def __init__(self, ground: Ground, workspace: Workspace, room: Room, tree: str) -> None:
        self.stage = ground.loop_of("review")
        self.attempts = ground.config.settings("review").attempts
        self.earlier = history(ground, self.stage)
        self.session = fresh_judge(ground, Role.REVIEWER, tree)
        self.tree = tree
        self._ground = ground
        self._workspace = workspace
        self.mechanical: Sequence[Objection] = ()
        self.follow_ups: Sequence[Objection] = ()
        self._room = room
        self._handing = Handing(None)
        self._probes = Probes(workspace.checkout)
        self._files = tuple(room.files())  # as handed out: what the session writes there comes later

    async def produce(self) -> Handed | Asked:
        """Let the reviewer try to break the change and report; a change that is not green costs no reviewer."""
        ground = self._ground
        if any(objection.blocks for objection in self.mechanical):
            return Handed(content={}, diff=self.tree, usd=ground.bench.store.run(ground.run.id).cost.usd)
        sitting = Sitting(
            session=self.session,
            prompt=prompt("review"),
            deliverable="review",
            record=Review,
            brief=await self.brief(),
            turns=later_turns(ground, self.session, []),
            refuses=self._refuses,
        )
        handing = await sit(ground, sitting, self._room)
        if isinstance(handing, Asked):
            return handing
        self._handing = handing
        content = handing.record.model_dump(mode="json") if handing.record else {}
        usd = ground.bench.store.run(ground.run.id).cost.usd
        # The same tree twice is the builder's repeat: a fresh report on it would differ in words alone.
        return Handed(content=content, diff=self.tree, usd=usd)

    async def _refuses(self, record: BaseModel, again: bool) -> Sequence[str]:
        """An empty report never counts; a finding whose own probe passes is asked about once."""
        ground = self._ground
        if not isinstance(record, Review):
            raise BugError("a report of another kind was handed in")
        ran = commands_run(ground.bench.store.session(self.session))
        problems = empty_report(record, ran, ground.config.gates)
        told = [finding.objection(Source.REVIEWER) for finding in record.findings]
        problems += tuple(f"finding “{o.what[:60]}”: {why}" for o in told if (why := unusable(o, self._files)))
        if problems or again:
            return problems
        return idle_probes(await self._probes.probed(told, self.tree, ground.bench.redact))

    async def brief(self) -> str:
        """What a reviewer is given: the original ticket, what was promised, the whole delta, and its place."""
        ground, base = self._ground, self._ground.run.base
        asked = ("functional_spec", "plan") if ground.given("plan") else ("diagnosis",)
        names = (*asked, "tests", "change", "edge_tests")
        since = await self._since()
        changed = await self._workspace.changed(base, self.tree)
        return brief(
            ticket_text(ground.run.ticket.title, ground.run.ticket.text),
            *(deliverable_text(name, given) for name in names if (given := ground.given(name))),
            await rules(ground, changed),
            commands(ground.config),
            untrusted("Changed files", "\n".join(map(named, changed))),
            diff_text(await self._workspace.diff(base, self.tree)),
            since,
            map_text(ground, self._room, changed),
        )

    async def _since(self) -> str:
        if not self.earlier:
            return ""
        last = self._ground.fact("reviewed")
        delta = await self._workspace.diff(last["tree"], self.tree) if last else ""
        told = objections_text(self.earlier)
        return brief(
            section(
                "Earlier findings: claims to verify; list each id in `closed` once it holds no more, or raise it again",
                told,
            ),
            section("New since the last review: look here first", diff_text(delta)) if delta else "",
        )

    async def check(self, handed: Handed) -> Sequence[Objection]:
        """What needs no reviewer, and then whether the report has its form."""
        if any(objection.blocks for objection in self.mechanical):
            return self.mechanical
        if not isinstance(self._handing.record, Review):
            raise RefusedError(
                "the reviewer gave no report in form",
                why="; ".join(self._handing.problems) or "nothing was handed in",
                fix="`setpoint retry` lets a fresh reviewer look",
            )
        return ()

    async def judge(self, handed: Handed) -> Sequence[Objection]:
        """The report: what each probe shows; and every earlier finding that was open is accounted for."""
        review = self._handing.record
        if not isinstance(review, Review):
            raise BugError("a report without form was judged")
        found = list(await self._within([finding.objection(Source.REVIEWER) for finding in review.findings]))
        raised = {objection.fingerprint for objection in found}
        for old in self.earlier[-1][1] if self.earlier else ():
            # What gates minded is measured anew each round; only a reviewer's word needs a reviewer's answer.
            if old.source is Source.REVIEWER and old.blocks and old.fingerprint not in {*raised, *review.closed}:
                found.append(old)
        return found

    async def _within(self, told: Sequence[Objection]) -> Sequence[Objection]:
        """What was found within the surface, each with what its probe shows; the rest is kept as follow-ups."""
        ground, workspace = self._ground, self._workspace
        seen = await self._probes.probed(recognised(told, self.earlier), self.tree, ground.bench.redact)
        changed = await workspace.changed(ground.run.base, self.tree)
        inside, self.follow_ups = await split_by_surface(seen, self._room, changed, self._probes, ground.run.base)
        return inside


async def review(ground: Ground) -> Done:
    """One fresh review of the change as it is."""
    require_ready(ground)
    workspace = await ground.workspace()
    joining = await bring_in(ground, workspace) or await reseal(ground, workspace)
    if joining is not None:
        return joining
    torn = await conflicts(ground, workspace)
    frozen = [objection for objection in torn if not _mendable(ground, objection)]
    if frozen:
        return handed_over(ground, f"{ground.run.base_branch} conflicts in files that no session may change", torn)
    tree = await workspace.tree()
    untouched = await workspace.changed(sealed(ground)["commit"])
    if not untouched:
        raise RefusedError("there is no change to review", why="the tree equals the base with its tests")
    results, mechanical = await _mechanical(ground, workspace, torn)
    async with workspace.checkout(tree) as room:
        work = ReviewWork(ground, workspace, room, tree)
        work.mechanical = mechanical
        models = chosen(ground, work.session)

        async def accept(verdict: Verdict) -> tuple[Outcome, list[Write]]:
            outcome, writes = await plain_accept(ground, "review", verdict)
            return outcome, [lambda tx: tx.void(ground.run.id, ground.position.cycle, ("review",)), *writes]

        done = await looped(ground, work, work.session, accept)
    head, last = await workspace.head(), ground.fact("reviewed")
    since = last["head"] if last else ground.run.base
    fact = {
        "tree": tree,
        "head": head,
        "range": f"{since}..{head}",
        "models": [str(m) for m in models.models],
        "independence": models.independence,
    }

    def remembered(tx: Transaction) -> None:
        if any(objection.blocks for objection in mechanical):
            return  # nobody looked
        tx.remember(ground.run.id, f"reviewed:{ground.position.cycle}", fact)
        tx.event(ground.run.id, "reviewed", "review", fact)
        keep_follow_ups(ground, tx, work.follow_ups)

    return measured_by(ground, results, Done(done.outcome, (*done.writes, remembered), note=done.note))


def keep_follow_ups(ground: Ground, tx: Transaction, found: Sequence[Objection]) -> None:
    """Put what lies outside the change on the run's record, each once."""
    kept = {objection.fingerprint: objection for objection in follow_ups(ground.bench.store, ground.run)}
    new = [objection for objection in found if objection.fingerprint not in kept]
    if new:
        told = [objection.model_dump(mode="json") for objection in (*kept.values(), *new)]
        tx.remember(ground.run.id, FOLLOW_UPS, {"objections": told})
    for objection in new:
        tx.event(
            ground.run.id, "follow-up", "review", {"id": objection.fingerprint, **objection.model_dump(mode="json")}
        )


async def _mechanical(
    ground: Ground, workspace: Workspace, torn: Sequence[Objection]
) -> tuple[Sequence[GateResult], Sequence[Objection]]:
    """What needs no reviewer: a merge to be mended, or the judgement of any code, once what a person left is
    committed."""
    if torn:
        return (), torn
    message = hand_message(ground, "a person")
    await workspace.commit(message, ground.run.base)
    results, found = await check_code(ground, workspace, {}, whole=True)
    if any(objection.blocks and objection.source is Source.GATE for objection in found):
        await require_green_base(ground, workspace)
    return results, found


def _mendable(ground: Ground, objection: Objection) -> bool:
    """Whether a session may edit the file that conflicts."""
    path = objection.place.path if objection.place else ""
    action = Action(kind=ActionKind.EDIT, subject=path)
    allowed = isinstance(decide(Policy(boundaries=closed_boundaries(ground)), action), Allow)
    return allowed and not protected_changes([path])
