"""The second suite: edge cases of what was built, where the approved tests run too little of it or let faults pass.

The approved tests came before the code and prove the criteria. These come after it, are marked as a second suite, and
can only add: they lie in new files, pass on the change, and are frozen from then on.
"""

from collections.abc import Iterator, Mapping, Sequence

from ..errors import BugError, DeniedError
from ..gates.frozen import is_test_path
from ..loop.attempt import Handed, Verdict
from ..model.change import AcceptanceTests
from ..model.evidence import GateResult
from ..model.objection import Deviation, Objection
from ..model.session import Asked
from ..policy.decide import Policy
from ..policy.diffcheck import judge_unsaved
from ..ports import Transaction, Workspace
from .artifacts import deliverable_text
from .bench import Ground
from .context import brief, place_text, ticket_text
from .criteria import criteria_of
from .desk import Handing, producer
from .document import form_objections, objection
from .judging import Suite, boundaries_on_record, closed_boundaries, judged_code, measured_by, second_suite
from .messages import commit_message
from .outcomes import Outcome
from .prompts import untrusted
from .rounds import Done, Write, looped, plain_accept
from .test_files import bounded_to_tests, specified, unusable_test, written_tests

STAGE = "edge_tests"


class EdgeWork:
    """The loop's view of the second suite."""

    def __init__(self, ground: Ground, workspace: Workspace) -> None:
        visit = str(ground.position.visit)
        self.stage = ground.loop_of(STAGE, visit)
        self.attempts = ground.config.settings(STAGE).attempts
        self.session = producer(ground, STAGE, visit)
        self.results: list[GateResult] = []
        self.suite = Suite()
        self._handing = Handing(None)
        self._ground = ground
        self._workspace = workspace

    async def produce(self) -> Handed | Asked:
        """Let the session write tests of what was built and hand them in."""
        ground, told = self._ground, await self.brief()
        self._handing, handed = await written_tests(
            ground, self._workspace, self.session, self.stage, STAGE, told, _policy(ground)
        )
        return handed

    async def brief(self) -> str:
        """What its session is given: what was asked for and built, what its tests leave open, and where it works."""
        ground = self._ground
        names = [name for name in ("tests", "change") if ground.given(name)]
        return brief(
            ticket_text(ground.run.ticket.title, ground.run.ticket.text),
            specified(ground),
            *(deliverable_text(name, ground.given(name) or {}) for name in names),
            untrusted("What the tests leave open", _open(ground)),
            await place_text(ground, _policy(ground).boundaries, self._workspace),
        )

    async def check(self, handed: Handed) -> Sequence[Objection]:
        """New test files and nothing else, claims of what is in them, and the whole judgement with them."""
        tests = self._handing.record
        if not isinstance(tests, AcceptanceTests):
            return form_objections(self._handing, "tests")
        workspace = self._workspace
        head = await workspace.head()
        changed = await workspace.changed(head)
        before = {path: await workspace.show(head, path) for path in changed}
        criteria = {criterion.id for criterion in criteria_of(self._ground)}
        found = [*judge_unsaved(workspace.unsaved()), *_beside(before), *_claims(tests, before, criteria)]
        if found:
            return found
        try:
            new = {path: workspace.read(path) for path in changed}
        except DeniedError as error:
            return [objection(f"tests: {error.what}", error.why or "a test is a plain file", Deviation.BOUNDARY)]
        earlier = second_suite(self._ground)
        self.suite = Suite({**earlier.files, **new}, (*earlier.claims, *tests.tests))
        judged = await judged_code(self._ground, await workspace.tree(), {}, whole=True, more=self.suite)
        self.results += judged.results
        return judged.objections

    async def judge(self, handed: Handed) -> Sequence[Objection]:
        """Review follows."""
        return ()


def _policy(ground: Ground) -> Policy:
    """Test files, without those that are sealed."""
    policy = bounded_to_tests(ground)
    boundaries = policy.boundaries.model_copy(update={"protected": closed_boundaries(ground).protected})
    return policy.model_copy(update={"boundaries": boundaries})


def _open(ground: Ground) -> str:
    """What the judgement of the code minded last: what no test runs, and which faults none notices."""
    last = ground.fact("untested")
    return "\n".join(f"- {line}" for line in last["open"]) if last else ""


def _beside(before: Mapping[str, bytes | None]) -> Iterator[Objection]:
    for path, content in sorted(before.items()):
        if not is_test_path(path) or content is not None:
            what = f"{path} is not a new test file"
            cause = "the code and the approved tests stand; write new test files only"
            yield objection(what, cause, Deviation.BOUNDARY)
        elif unusable := unusable_test(path):
            yield unusable


def _claims(tests: AcceptanceTests, written: Mapping[str, object], criteria: set[str]) -> Iterator[Objection]:
    for claim in tests.tests:
        path = claim.id.partition("::")[0]
        if path not in written:
            yield objection(f"tests: {claim.id} is in a file that was not written", "claim what you wrote")
        for name in sorted(set(claim.proves) - criteria):
            yield objection(f"tests: {name} is not a criterion", "name the criterion whose edge it is")


async def write_edge_tests(ground: Ground) -> Done:
    """One attempt on the second suite."""
    workspace = await ground.workspace()
    work = EdgeWork(ground, workspace)

    async def accept(verdict: Verdict) -> tuple[Outcome, list[Write]]:
        if not work.suite.files:
            raise BugError("a second suite was accepted without its files")
        body = "Written after the code: they hold what was built."
        await workspace.commit(commit_message(ground, "tests: edge cases, a second suite", body), ground.run.base)
        outcome, writes = await plain_accept(ground, STAGE, verdict)
        return outcome, [_voided(ground), *writes, _kept(ground, work.suite)]

    done = measured_by(ground, work.results, await looped(ground, work, work.session, accept))
    return Done(done.outcome, (boundaries_on_record(ground), *done.writes), note=done.note)


def _voided(ground: Ground) -> Write:
    """What an earlier visit handed in, before another stands in its place."""
    return lambda tx: tx.void(ground.run.id, ground.position.cycle, (STAGE,))


def _kept(ground: Ground, suite: Suite) -> Write:
    files = {path: ground.bench.store.put_blob(content) for path, content in suite.files.items()}
    claims = [claim.model_dump(mode="json") for claim in suite.claims]

    def write(tx: Transaction) -> None:
        fact = {"files": files, "claims": claims, "epoch": ground.position.epoch}
        tx.remember(ground.run.id, f"second:{ground.position.cycle}", fact)
        told = {"files": sorted(files), "tests": [claim["id"] for claim in claims]}
        tx.event(ground.run.id, "second-suite", STAGE, told)

    return write
