"""Whether a person's yes stands for what is about to be done: asked anew at every effect, of the signed record alone.

One description of what is due is made for the person who answers and, again, for the effect; the two must be equal.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from ..errors import StaleError
from ..model.approval import CHANGE, Answer, Approval, Bound, Question
from ..model.record import digest_of
from ..model.release import Environment
from ..model.run import Waits
from ..model.settings import Config
from ..policy.approvals import Fault, Voices, faults
from ..ports import Transaction
from .bench import Ground
from .by_hand import HAND, hand_subject
from .counting import asked_by, moment, trusted, voices_of
from .criteria import plan_of, wished
from .grants import ABOUT, plan_mark, request_subject
from .outcomes import Void
from .policies import rules_of
from .rounds import Done
from .trust import asks_deploy, unasked


@dataclass(frozen=True)
class Word:
    """What is known of a person's yes to one effect."""

    about: str
    approval: Approval | None = None
    """The last answer to this very decision."""
    faults: tuple[Fault, ...] = ()
    """Why it does not count."""
    unasked: bool = False
    """The base branch says that nobody is asked."""

    @property
    def stands(self) -> bool:
        """Whether the effect may go on."""
        return self.unasked or (self.approval is not None and not self.faults)

    @property
    def why(self) -> str:
        """Why it may not."""
        if self.approval is None:
            return f"nobody has said yes to {self.about}"
        reasons = "; ".join(fault.what for fault in self.faults)
        return f"the answer of {self.approval.by} counts no more: {reasons}"


# -- what is due ----------------------------------------------------------------------------------------------------


def change_subject(ground: Ground, tree: str) -> str:
    """Digest of what a person approves at the change decision: the tree, its base and the review."""
    review = ground.given("review") or {}
    return digest_of({"run": ground.run.id, "tree": tree, "base": ground.run.base, "review": digest_of(review)})


def task_before(ground: Ground) -> str:
    """The task whose work a person looks at, between it and the next."""
    return ground.task_ids()[ground.position.task - 1]


def task_subject(ground: Ground, tree: str) -> str:
    """Digest of what a person approves between two tasks: the tree after the one before."""
    return digest_of({"run": ground.run.id, "task": task_before(ground), "tree": tree})


def _due(ground: Ground, config: Config, about: str, subject: str, tree: str = "", **arguments: str) -> Bound:
    run = ground.run
    return Bound(
        about=about,
        subject=subject,
        tree=tree,
        repository=digest_of(run.repository),
        run=run.id,
        started=run.created,
        cycle=ground.position.cycle,
        base=run.base,
        policy=asked_by(ground, config),
        arguments=arguments,
    )


def change_due(ground: Ground, config: Config, tree: str) -> Bound:
    """What a yes to the merge of `tree` must be given for."""
    run = ground.run
    return _due(ground, config, CHANGE, change_subject(ground, tree), tree, merge=run.branch, into=run.base_branch)


def deploy_due(ground: Ground, config: Config, environment: Environment) -> Bound:
    """What a yes to the deploy of this cycle's merge must be given for."""
    merged = ground.fact("merged") or {}
    subject, tree = digest_of(merged), str(merged.get("tree", ""))
    commands = digest_of(environment.model_dump(mode="json"))
    arguments = {"environment": environment.name, "release": str(merged.get("sha", "")), "commands": commands}
    return _due(ground, config, f"deploy:{environment.name}", subject, tree, **arguments)


async def asked(ground: Ground, config: Config, answer: Answer) -> Bound:
    """What the decision that is open now is about. Raises StaleError for a yes to what nobody reviewed."""
    position = ground.position
    if position.waits is Waits.HANDOVER:
        packet = ground.bench.store.packet(ground.run.id)
        subject = packet.digest() if packet else digest_of([ground.run.id, position.serial])
        return _due(ground, config, "handover", subject, stage=position.stage)
    if position.stage == "deploy":
        return deploy_due(ground, config, ground.config.environment[position.environment])
    if position.stage == "implementation":
        tree = await (await ground.workspace()).tree()
        return _due(ground, config, f"task:{task_before(ground)}", task_subject(ground, tree), tree)
    if position.stage != CHANGE:
        return plan_due(ground, config, position.stage)
    tree = await (await ground.workspace()).tree()
    reviewed = ground.fact("reviewed") or {}
    if answer is Answer.GRANTED and reviewed.get("tree") != tree:
        raise StaleError(
            "the workspace is not what was reviewed", why="a file changed after the review",
            fix=f"`setpoint retry {ground.run.id} --from review`",
        )  # fmt: skip
    return change_due(ground, config, tree)


def plan_due(ground: Ground, config: Config, stage: str) -> Bound:
    """What a yes to the plan, or to the split, must be given for; it opens what the plan wants beyond the policy."""
    plan = plan_of(ground) if stage == "plan" else None
    wanted = [f"{action.kind.value} {action.subject}" for action in (wished(ground, plan) if plan else ())]
    subject = plan_mark(ground, "split" if stage == "children" else "plan")
    return _due(ground, config, stage, subject, opens="; ".join(wanted))


def request_due(ground: Ground, config: Config, question: Question) -> Bound:
    """What a yes to all that a session asks for must be given for."""
    opens = "; ".join(question.requests)
    return _due(ground, config, f"{ABOUT}{question.id}", request_subject(ground, question), opens=opens)


def hand_due(ground: Ground, config: Config, files: Mapping[str, str]) -> Bound:
    """What a person signs who hands back files that no session may write."""
    subject = hand_subject(ground, files)
    return _due(ground, config, f"{HAND}{subject[:12]}", subject, opens="; ".join(files))


def said_due(ground: Ground, config: Config, about: str, words: str, tree: str, arguments: Mapping[str, str]) -> Bound:
    """What a person's word is given for that no decision asked for: these very words, here and now."""
    told = {"run": ground.run.id, "serial": ground.position.serial, "words": words, **arguments}
    return _due(ground, config, about, digest_of(told), tree, **arguments)


# -- at the effect --------------------------------------------------------------------------------------------------


async def word_on_change(ground: Ground, tree: str) -> Word:
    """Whether the merge of exactly this tree was approved, as things are now."""
    config = await trusted(ground)
    if unasked(ground, "merge") and config.autonomy == "full":
        return Word(CHANGE, unasked=True)
    return _word(ground, change_due(ground, config, tree), voices_of(ground, config, CHANGE))


async def due_now(ground: Ground, tree: str) -> Bound:
    """What a yes to the merge of `tree` must be given for, as the base is now."""
    return change_due(ground, await trusted(ground), tree)


async def word_on_deploy(ground: Ground, environment: Environment) -> Word:
    """Whether this cycle's merge may be deployed there, as things are now."""
    await ground.bench.forge.ensure(ground.run.base_branch)
    config = await trusted(ground)
    there = next((each for each in config.environment if each.name == environment.name), environment)
    due = deploy_due(ground, config, environment)
    if not (asks_deploy(ground.bench.store, ground.run, rules_of(ground), environment) or there.approval):
        return Word(due.about, unasked=True)
    return _word(ground, due, voices_of(ground, config, due.about))


def _word(ground: Ground, due: Bound, voices: Voices) -> Word:
    given = ground.bench.store.approvals(ground.run.id, ground.position.cycle, due.about)
    last = given[-1] if given else None
    return Word(due.about, last, faults(last, due, voices, moment(ground)) if last else ())


def use_for(ground: Ground, word: Word, effect: str) -> Word:
    """`word`, its approval used up by `effect`; one that was used for anything else stands no more. Written before the
    effect, which is found again by the same name."""
    if word.unasked or word.approval is None or not word.stands:
        return word
    with ground.bench.store.transaction() as tx:
        tx.works_at(ground.run.id, ground.position.serial)
        fresh = tx.use(word.approval.nonce, ground.run.id, effect)
    used = Fault(code="used", what="it was used before, for something else")
    return word if fresh else Word(word.about, word.approval, (used,))


def void(ground: Ground, word: Word) -> Done:
    """The answer does not count: why is written down, and the decision is asked again."""
    by = word.approval.by if word.approval else ""
    codes: Sequence[str] = [fault.code for fault in word.faults] or ["none"]
    entry = {"about": word.about, "by": by, "why": word.why, "faults": codes}

    def write(tx: Transaction) -> None:
        tx.event(ground.run.id, "void", ground.position.stage, entry)

    return Done(Void(), (write,), note=f"{word.why[:400]}; the decision is asked again")
