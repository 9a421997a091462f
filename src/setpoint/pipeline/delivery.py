"""The way out: publish, CI, merge, deploy. No session takes part, and each effect finds its own earlier self."""

from shlex import quote

from ..errors import RefusedError, StaleError, TransientError
from ..model.change_record import ChangeRecord
from ..model.evidence import GateResult
from ..model.objection import Deviation, Objection, Severity, Source
from ..model.release import CiRun, CiState, Environment, PullRequest, Release, StepResult
from ..ports import Transaction, Workspace
from .approvals import Word, due_now, use_for, void, word_on_change, word_on_deploy
from .bench import Ground
from .change_record import FACT, change_record
from .evidence_block import pull_request_text
from .moved_base import moved, told
from .outcomes import Accepted, HandedOver, Red, SmokeFailed, Stale
from .policies import rules_of
from .readiness import rehearses
from .rounds import Done, Write, ci_fixes, hand_over_packet, history
from .trust import asks_deploy


def reviewed_as(ground: Ground, tree: str) -> bool:
    """Whether exactly this tree is what was reviewed."""
    reviewed = ground.fact("reviewed")
    return reviewed is not None and reviewed["tree"] == tree and ground.given("review") is not None


async def _ready(ground: Ground) -> tuple[Workspace, str, str]:
    workspace = await ground.workspace()
    return workspace, await workspace.head(), await workspace.tree()


async def publish(ground: Ground) -> Done:
    """Push the run's branch and open its pull request, with the evidence in its text."""
    workspace, head, tree = await _ready(ground)
    if not reviewed_as(ground, tree):
        return Done(Stale(), note="the tree is not the reviewed one")
    tip = await moved(ground, head)
    if tip:
        return Done(Stale(), note=told(ground, tip))
    word = await word_on_change(ground, tree)
    if not word.stands:
        return void(ground, word)
    branch = workspace.branch
    await ground.bench.forge.push(branch, head)
    text = pull_request_text(ground, tree, word.approval)
    title, text = (str(ground.bench.redact(words)) for words in (ground.run.ticket.title, text))
    pull = await ground.bench.forge.open(branch, ground.run.base_branch, title, text)

    def write(tx: Transaction) -> None:
        tx.remember(ground.run.id, f"pull:{ground.position.cycle}", pull.model_dump(mode="json"))
        tx.event(ground.run.id, "effect", "publish", {"branch": branch, "sha": head, "pull_request": pull.number})

    return Done(Accepted(), (write,), note=f"pull request #{pull.number}")


async def ci(ground: Ground) -> Done:
    """CI's word on the pull request. Only a finished verdict counts."""
    pull = await ground.bench.forge.find((await ground.workspace()).branch)
    if pull is None:
        raise StaleError("the pull request is gone", fix="`setpoint retry --from publish`")
    # What the user committed to the base meanwhile is merged first: a conflict is no red CI.
    tip = await moved(ground, pull.head_sha)
    run = await ground.bench.forge.checks(pull) if not tip else None
    tip = tip or await moved(ground, pull.head_sha)
    if tip or run is None:
        return Done(Stale(), note=told(ground, tip))

    def write(tx: Transaction) -> None:
        tx.remember(ground.run.id, f"ci:{ground.position.cycle}", run.model_dump(mode="json"))
        tx.event(ground.run.id, "ci", "ci", {"sha": run.sha, "state": run.state.value, "gates": _counted(run)})

    if run.state is CiState.GREEN:
        return Done(Accepted(), (write,), note="CI is green")
    if run.state is CiState.PENDING:
        raise TransientError("CI has not finished", fix="`setpoint resume` looks again", retry_after=5.0)
    if run.state is not CiState.RED:
        raise RefusedError(f"CI gave no verdict: {run.state.value}", why=run.log[-500:], fix="`setpoint retry`")
    if len(ci_fixes(ground)) - _forgiven(ground) < ground.config.loop.ci_fixes:
        return Done(Red(), (write,), note="CI is red")
    packet = hand_over_packet(ground, "ci", "CI is red and the limit of CI fixes is reached", history(ground, "ci"))
    packet = packet.model_copy(update={"open": (_red(run),)})
    return Done(
        HandedOver(), (write, lambda tx: tx.hand_over(ground.run.id, ground.position.cycle, packet)), note=packet.cause
    )


def _forgiven(ground: Ground) -> int:
    """How many CI fixes there had been when a person last let something be tried again."""
    restart = ground.bench.store.recall(ground.run.id, f"restart:{ground.position.cycle}:ci_fix")
    return restart["rounds"] if restart else 0


def _counted(run: CiRun) -> list[dict[str, object]]:
    return [_counts(result) for result in run.results]


def _counts(result: GateResult) -> dict[str, object]:
    told: dict[str, object] = {
        "gate": result.gate,
        "outcome": result.outcome.value,
        "examined": result.evidence.examined,
    }
    return told if result.green else {**told, "reason": result.reason, "tail": result.tail[-2000:]}


def _red(run: CiRun) -> Objection:
    return Objection(
        source=Source.CI,
        deviation=Deviation.BEHAVIOUR,
        severity=Severity.HIGH,
        what="CI is red",
        cause="; ".join(r.reason for r in run.results if not r.green)[:2000],
        evidence=run.log[-4000:],
    )


def _take(ground: Ground) -> str:
    return f"take it with `git pull .setpoint/forge.git {quote(ground.run.base_branch)}`"


async def merge(ground: Ground) -> Done:
    """Merge, with the five stages passed on exactly this tree. The person's yes is used up by it."""
    workspace, head, tree = await _ready(ground)
    pull = await ground.bench.forge.find(workspace.branch)
    if pull is None:
        raise StaleError("the pull request is gone", fix="`setpoint retry --from publish`")
    if pull.head_sha != head or not reviewed_as(ground, tree):
        return Done(Stale(), note="what was reviewed is not what is there")
    tip = await moved(ground, head)
    if tip:
        return Done(Stale(), note=told(ground, tip))
    word = await word_on_change(ground, tree)
    if not word.stands:
        return void(ground, word)
    record = change_record(ground, pull, await due_now(ground, tree), word, await ground.bench.forge.checks(pull))
    if record.missing:
        raise RefusedError(
            f"not all five stages are passed: {', '.join(record.missing)} missing",
            fix="`setpoint show` says what is open",
        )
    word = use_for(ground, word, f"merge:{head}")
    if not word.stands:
        return void(ground, word)
    return await _merged(ground, pull, record, word)


async def _merged(ground: Ground, pull: PullRequest, record: ChangeRecord, word: Word) -> Done:
    title = f"{ground.run.ticket.title} (#{pull.number})"
    text = str(ground.bench.redact(pull_request_text(ground, record.tree, word.approval, record)))
    try:
        if not pull.merged_sha:
            pull = await ground.bench.forge.open(pull.head, pull.base, pull.title, text)
        merged = await ground.bench.forge.merge(pull, record.head, title, ground.run.base)
    except StaleError as error:
        return Done(Stale(), note=error.what)
    proof = record.model_copy(update={"merged": merged.merged_sha})
    stages = {each.stage: each.passed for each in proof.stages}
    fact = {"sha": merged.merged_sha, "tree": record.tree, "stages": stages, "pull_request": pull.number}
    fact["way_back"] = {"to": ground.run.base, "command": ["git", "revert", "-m", "1", merged.merged_sha]}

    def write(tx: Transaction) -> None:
        tx.remember(ground.run.id, f"merged:{ground.position.cycle}", fact)
        tx.remember(ground.run.id, f"{FACT}:{ground.position.cycle}", proof.model_dump(mode="json"))
        tx.event(ground.run.id, "effect", "merge", {**fact, "record": proof.digest()})

    first = ground.config.environment[0] if ground.config.environment else None
    return Done(
        Accepted(ask=bool(first and asks_deploy(ground.bench.store, ground.run, rules_of(ground), first))),
        (write,),
        note=f"merged as {merged.merged_sha[:12]}; {_take(ground)}",
    )


async def deploy(ground: Ground) -> Done:
    """One environment: deploy, smoke, and on a failed smoke back to the last good release."""
    environments = ground.config.environment
    merged = ground.fact("merged")
    if merged is None:
        raise RefusedError("nothing was merged in this cycle", fix="`setpoint retry --from review`")
    if not environments:
        return Done(Accepted(), note=f"merged; no environment is configured; {_take(ground)}")
    index = ground.position.environment
    environment = environments[index]
    word = await word_on_deploy(ground, environment)
    word = use_for(ground, word, f"deploy:{environment.name}:{merged['sha']}")
    if not word.stands:
        return void(ground, word)
    release = Release(
        sha=merged["sha"], tree=merged["tree"], ticket=ground.run.ticket.id, notes=ground.run.ticket.title
    )
    steps, before = await _tried(ground, environment, release)
    if steps[-1].ok and before is not None and rehearses(ground, index):
        steps += await _rehearsed(ground, environment, release, before)
        if not steps[-1].ok:
            return _not_rehearsed(ground, steps, release, before)
    if steps[-1].ok:
        more = index + 1 < len(environments)
        ask = more and asks_deploy(ground.bench.store, ground.run, rules_of(ground), environments[index + 1])
        note = f"{environment.name} runs {release.sha[:12]}"
        return Done(Accepted(more=more, ask=ask), (_deployed(ground, steps, release, before),), note=note)
    failed = steps[-1]
    steps.append(await ground.bench.deployer.rollback(environment, before))
    return await _failed(ground, steps, failed, release, before)


async def _tried(ground: Ground, environment: Environment, release: Release) -> tuple[list[StepResult], Release | None]:
    """The steps of this release, the last one failed or the smoke check passed, and the release before it."""
    store, deployer, position = ground.bench.store, ground.bench.deployer, ground.position
    # Once it is rolled back the deployer would take a deploy for a new one: what failed is known by our own note.
    key = f"failed:{position.cycle}:{position.visit}:{environment.name}"
    noted = store.recall(ground.run.id, key)
    if noted:
        earlier = noted["before"] and Release.model_validate(noted["before"])
        return [StepResult.model_validate(step) for step in noted["steps"]], earlier
    before = await _before(ground, environment, release)
    steps = [await deployer.deploy(environment, release)]
    if steps[-1].ok:
        steps.append(await deployer.smoke(environment, release))
    if not steps[-1].ok:
        told = [step.model_dump(mode="json") for step in steps]
        with store.transaction() as tx:
            tx.remember(ground.run.id, key, {"steps": told, "before": before and before.model_dump(mode="json")})
    return steps, before


async def _before(ground: Ground, environment: Environment, release: Release) -> Release | None:
    """What ran there before this release; written down first, for afterwards the environment tells of this one."""
    store, position = ground.bench.store, ground.position
    key = f"before:{position.cycle}:{position.visit}:{environment.name}"
    noted = store.recall(ground.run.id, key)
    if noted is None:
        current = await ground.bench.deployer.current(environment)
        if current is None or current.sha == release.sha:
            return None
        noted = {"release": current.model_dump(mode="json")}
        with store.transaction() as tx:
            tx.remember(ground.run.id, key, noted)
    return Release.model_validate(noted["release"])


async def _rehearsed(ground: Ground, environment: Environment, release: Release, before: Release) -> list[StepResult]:
    """The way back and forth again, each with its smoke check, up to the first that fails."""
    store, deployer, position = ground.bench.store, ground.bench.deployer, ground.position
    key = f"rehearsed:{position.cycle}:{position.visit}:{environment.name}"
    noted = store.recall(ground.run.id, key)
    if noted:
        return [StepResult.model_validate(step) for step in noted["steps"]]
    steps = [await deployer.rollback(environment, before)]
    for step, to in ((deployer.smoke, before), (deployer.deploy, release), (deployer.smoke, release)):
        if steps[-1].ok:
            steps.append(await step(environment, to))
    with store.transaction() as tx:
        tx.remember(ground.run.id, key, {"steps": [step.model_dump(mode="json") for step in steps]})
    return steps


def _not_rehearsed(ground: Ground, steps: list[StepResult], release: Release, before: Release) -> Done:
    """A person's: a critical release whose way back does not work goes no further."""
    failed = steps[-1]
    cause = f"the way back was rehearsed in {failed.environment} and its {failed.step} failed"
    packet = hand_over_packet(ground, "deploy", f"{cause}: {failed.output[-500:]}", ())
    writes = (
        _deployed(ground, steps, release, before),
        lambda tx: tx.hand_over(ground.run.id, ground.position.cycle, packet),
    )
    return Done(HandedOver(), writes, note=cause)


RELEASED = "released"
"""Fact of a release in an environment: what went there, how it came out, and its way back."""


def _deployed(ground: Ground, steps: list[StepResult], release: Release, before: Release | None) -> Write:
    environment = steps[-1].environment
    place = next(place for place in ground.config.environment if place.name == environment)
    # Of the very first release there is nothing to go back to, and that is said.
    back = {"to": before.sha if before else "", "command": list(place.rollback)}
    fact = {"sha": release.sha, "ok": all(step.ok for step in steps), "way_back": back}

    def write(tx: Transaction) -> None:
        tx.remember(ground.run.id, f"{RELEASED}:{ground.position.cycle}:{environment}", fact)
        tx.event(ground.run.id, "released", "deploy", {"environment": environment, **fact})
        for step in steps:
            data = {"environment": environment, "step": step.step, "ok": step.ok, "sha": release.sha}
            tx.event(
                ground.run.id, "deploy", "deploy", {**data, "exit_code": step.exit_code, "output": step.output[-2000:]}
            )

    return write


async def _failed(
    ground: Ground, steps: list[StepResult], failed: StepResult, release: Release, before: Release | None
) -> Done:
    back = steps[-1]
    base = await ground.bench.workspaces.fetch(ground.run.base_branch)
    cycle = ground.position.cycle
    fact = {
        "environment": failed.environment,
        "step": failed.step,
        "sha": release.sha,
        "exit_code": failed.exit_code,
        "output": failed.output[-8000:],
        "rolled_back": back.ok,
    }

    def remembered(tx: Transaction) -> None:
        tx.remember(ground.run.id, f"smoke:{cycle}", fact)
        lesson = f"{failed.step} failed in {failed.environment} after green CI: which check should have seen it before?"
        tx.event(ground.run.id, "lesson-candidate", "deploy", {"rule": lesson, "because": failed.output[-1000:]})

    writes: list[Write] = [_deployed(ground, steps, release, before), remembered]
    if not back.ok or cycle > ground.config.loop.reopen_cycles:
        cause = "the rollback failed too" if not back.ok else "reopened as often as the limit allows"
        packet = hand_over_packet(ground, "deploy", f"{failed.step} failed in {failed.environment}; {cause}", ())
        writes.append(lambda tx: tx.hand_over(ground.run.id, cycle, packet))
        return Done(HandedOver(), tuple(writes), note=packet.cause)
    branch = f"{ground.run.branch.removesuffix(f'-c{cycle}')}-c{cycle + 1}"
    writes.append(lambda tx: tx.rebase(ground.run, base, branch))
    return Done(
        SmokeFailed(), tuple(writes), note=f"{failed.step} failed in {failed.environment}; rolled back; reopened"
    )
