"""Tests: the criteria as failing tests, before the code. Sealed once they are shown to fail for the right reason."""

import hashlib
from collections.abc import Sequence

from ..errors import DeniedError
from ..gates.environment import environment_digest
from ..gates.frozen import is_test_path
from ..gates.protected import protected_changes
from ..gates.redproof import red_proof
from ..gates.tests_gate import tests_gate
from ..gates.tree_change import change_between
from ..loop.attempt import Handed, Verdict
from ..model.change import AcceptanceTests
from ..model.evidence import GateResult
from ..model.objection import Deviation, Objection
from ..model.session import Asked
from ..policy.compile import CEILING
from ..policy.diffcheck import judge_under, judge_unsaved
from ..ports import Transaction, Workspace
from .bench import Ground
from .bounds import file_changes
from .by_hand import paper_of, taken_now, theirs
from .context import brief, place_text, ticket_text
from .criteria import criteria_of
from .desk import Handing, producer
from .document import form_objections, objection
from .going_back import from_clean_ground
from .judging import boundaries_on_record, measured_by
from .messages import commit_message
from .outcomes import Outcome, Taken
from .predecessor import claims_off_spec
from .readiness import require_ready
from .rounds import Done, Write, looped, plain_accept
from .test_files import bounded_to_tests, no_test_file, specified, unusable_test, written_tests
from .validation import validate


class TestsWork:
    """The loop's view of the tests phase."""

    def __init__(self, ground: Ground, workspace: Workspace) -> None:
        self.stage = ground.loop
        self.attempts = ground.config.settings("tests").attempts
        self.session = producer(ground, "tests")
        self.results: list[GateResult] = []
        self.files: dict[str, bytes] = {}
        self._ground = ground
        self._workspace = workspace
        self._handing = Handing(None)

    async def produce(self) -> Handed | Asked:
        """Let the session write tests and hand them in."""
        ground, claims = self._ground, paper_of(self._ground)
        if claims is not None:
            self._handing = Handing(AcceptanceTests.model_validate(dict(claims)))
            spent = ground.bench.store.run(ground.run.id).cost.usd
            return Handed(content=dict(claims), diff=await self._workspace.tree(), usd=spent)
        told = await self.brief()
        self._handing, handed = await written_tests(
            ground, self._workspace, self.session, self.stage, "tests", told, bounded_to_tests(ground)
        )
        return handed

    async def brief(self) -> str:
        """What its session is given: the ticket, what the tests must prove, and where it works."""
        ground = self._ground
        return brief(
            ticket_text(ground.run.ticket.title, ground.run.ticket.text),
            specified(ground),
            await place_text(ground, bounded_to_tests(ground).boundaries, self._workspace),
        )

    async def check(self, handed: Handed) -> Sequence[Objection]:
        """Only tests were written, each criterion has one, and each fails on the base for the right reason."""
        if not isinstance(self._handing.record, AcceptanceTests):
            return form_objections(self._handing, "tests")
        tests = self._handing.record
        base = self._ground.run.base
        changed = await self._workspace.changed(base)
        found = [*judge_unsaved(self._workspace.unsaved())]
        found += [no_test_file(path) for path in changed if not is_test_path(path)]
        new = [path for path in changed if await self._workspace.show(base, path) is None]
        # Tests that are there judge the code as much as the new ones: this phase adds, it takes nothing away.
        found += [o for o in protected_changes(changed, new=new) if o.place is None or is_test_path(o.place.path)]
        found += [unusable for path in changed if (unusable := unusable_test(path))]
        found += await self._off_policy()
        found += claims_off_spec(tests, criteria_of(self._ground), changed)
        if found:
            return found
        there = frozenset(self._workspace.files())
        try:
            self.files = {path: self._workspace.read(path) for path in changed if path in there}
        except DeniedError as error:
            return [objection(f"tests: {error.what}", error.why or "a test is a plain file", Deviation.BOUNDARY)]
        return await self._red_proof(tests)

    async def _off_policy(self) -> Sequence[Objection]:
        """What policy, plan or ticket protect, wherever it lies; where tests may lie at all was told before."""
        trees, policy = self._ground.bench.trees, bounded_to_tests(self._ground)
        base, tree = await trees.tree(self._ground.run.base), await self._workspace.tree()
        anywhere = {"paths": ("**",), "max_files": CEILING.max_files, "max_lines": CEILING.max_lines}
        policy = policy.model_copy(update={"boundaries": policy.boundaries.model_copy(update=anywhere)})
        plain = [each for each in file_changes(await change_between(trees, base, tree)) if not unusable_test(each.path)]
        return judge_under(plain, policy)

    async def _red_proof(self, tests: AcceptanceTests) -> Sequence[Objection]:
        _, gate = tests_gate(self._ground.config.gates)
        tree = await self._workspace.tree()
        overlay: dict[str, bytes | None] = dict(self.files)
        async with self._workspace.checkout(self._ground.run.base, overlay) as room:
            environment = await environment_digest(room, self._ground.config.gates)
            files = sorted(self.files)
            keep = self._ground.bench.keep
            proof = await red_proof(tests.tests, files, gate, room, tree=tree, environment=environment, keep=keep)
        self.results.append(proof.result)
        return proof.objections

    async def judge(self, handed: Handed) -> Sequence[Objection]:
        """The validator's word: do the tests prove the criteria? A person's own are theirs to answer for."""
        if theirs(self._ground):
            return ()
        shown = "\n\n".join(f"### {path}\n{content.decode('utf-8', 'replace')}" for path, content in self.files.items())
        before = specified(self._ground)
        # In a copy: what the validator's commands write must not reach the tests that are sealed.
        async with self._workspace.checkout(await self._workspace.tree()) as room:
            return await validate(self._ground, "tests", handed.content, before, room, shown[:60_000])


async def write_tests(ground: Ground) -> Done:
    """One attempt on the acceptance tests."""
    require_ready(ground)
    workspace = await ground.workspace()
    await from_clean_ground(ground, workspace, ground.run.base)
    if ground.by_person and paper_of(ground) is None:
        saved = taken_now(ground, await workspace.autosave("before manual work"))
        said = "a person does this: write the tests, and what each proves"
        return Done(Taken(), (saved,), note=f"{said}, then `setpoint give {ground.run.id} --paper CLAIMS.json`")
    work = TestsWork(ground, workspace)

    async def accept(verdict: Verdict) -> tuple[Outcome, list[Write]]:
        message = commit_message(
            ground, "tests: the criteria as failing tests", "They fail on the base and are sealed now."
        )
        commit = await workspace.commit(message)
        outcome, writes = await plain_accept(ground, "tests", verdict)
        return outcome, [*writes, await _seal(ground, work, commit, workspace)]

    done = measured_by(ground, work.results, await looped(ground, work, work.session, accept))
    return Done(done.outcome, (boundaries_on_record(ground), *done.writes), note=done.note)


async def _seal(ground: Ground, work: TestsWork, commit: str, workspace: Workspace) -> Write:
    files = {path: ground.bench.store.put_blob(content) for path, content in work.files.items()}
    record = work._handing.record
    claims = [claim.model_dump(mode="json") for claim in record.tests] if isinstance(record, AcceptanceTests) else []
    tree = await workspace.tree()
    seal = hashlib.sha256("".join(f"{p}{b}" for p, b in sorted(files.items())).encode()).hexdigest()

    def write(tx: Transaction) -> None:
        fact = {"files": files, "claims": claims, "commit": commit, "tree": tree, "seal": seal}
        tx.remember(ground.run.id, f"sealed:{ground.position.cycle}", fact)
        tx.event(
            ground.run.id, "sealed", "tests", {"files": sorted(files), "seal": seal, "tests": [c["id"] for c in claims]}
        )

    return write
