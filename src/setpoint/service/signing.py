"""Signing what a person says, with the key of this place: answers to decisions, and words that none asked for."""

import secrets
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import timedelta

from ..errors import ConfigError, DeniedError, StaleError
from ..model.approval import CHANGE, PLAIN_YES, SAID, VERSION, Answer, Approval, Bound, Point
from ..model.settings import Config
from ..pipeline.approvals import said_due
from ..pipeline.bench import Ground
from ..pipeline.counting import moment, trusted, voices_of
from ..pipeline.rounds import Write
from ..ports import Transaction
from .answering import insist_on

LATER = ("change", "deploy")
"""Decisions whose effect is a step of its own: it uses the answer up. All others are used up by the move itself."""


@dataclass(frozen=True, slots=True)
class Spoken:
    """What a person says."""

    by: str
    because: str
    answer: Answer = Answer.GRANTED
    inspected: Mapping[Point, str] = field(default_factory=dict)
    """What they found at each point they looked at."""


def answered(ground: Ground, config: Config, due: Bound, spoken: Spoken) -> Approval:
    """The answer to a decision, signed. Raises DeniedError, UsageError or StaleError when it would not count."""
    wants = config.approvals
    if due.about == CHANGE and spoken.answer is Answer.GRANTED and not spoken.inspected and not wants.each_point:
        spoken = replace(spoken, inspected=dict.fromkeys(wants.inspection, PLAIN_YES))
    approval = _signed(ground, config, due, spoken)
    # Read again: at the first answer there was no key before it was signed.
    insist_on(approval, due, voices_of(ground, config, due.about, answering=True), approval.at)
    return approval


def _signed(ground: Ground, config: Config, due: Bound, spoken: Spoken) -> Approval:
    at = moment(ground)
    unsigned = Approval(
        **dict(due),
        answer=spoken.answer,
        by=voices_of(ground, config, due.about, answering=True).named(spoken.by),
        because=spoken.because,
        at=at,
        inspection=dict(spoken.inspected),
        serial=ground.position.serial,
        until=at + timedelta(days=config.approvals.days),
        nonce=secrets.token_hex(16),
        version=VERSION,
    )
    return ground.bench.signer.sign(unsigned)


def approving(ground: Ground, approval: Approval) -> Write:
    """Write the answer down; one whose effect is the move itself is used up by it."""
    later = approval.about.partition(":")[0] in LATER and approval.answer is Answer.GRANTED

    def write(tx: Transaction) -> None:
        tx.approve(ground.run.id, ground.position.cycle, approval)
        if not later and not tx.use(approval.nonce, ground.run.id, f"decision:{approval.about}:{approval.serial}"):
            raise StaleError("this answer was used before", fix=f"`setpoint show {ground.run.id}` and answer again")

    return write


async def named_here(ground: Ground, by: str) -> str:
    """Who is at work: whom the base branch names for the key of this place, else `by`."""
    config = await _standing(ground)
    return voices_of(ground, config, answering=True).named(by) if config.approvals.approvers else by


async def _standing(ground: Ground) -> Config:
    """The base branch's configuration; the one that the run began with where that cannot be read: what a person says
    to mend it must not wait for it."""
    try:
        return await trusted(ground)
    except ConfigError:
        return ground.config


async def speaker(ground: Ground, by: str) -> str:
    """Who speaks here, by key or by name. Raises DeniedError where the base ties that name to another key."""
    found, named = await named_here(ground, by), (await _standing(ground)).approvals.approvers
    if found in named and named[found] != ground.bench.signer.own():
        raise DeniedError(
            f"{by} is a name that the base branch ties to another key than the one here",
            why="what is said in a person's name is theirs alone",
            fix="git config user.name YOURS; or the base names your key: `setpoint approvals key` prints it",
        )
    return found


async def said(ground: Ground, what: str, by: str, because: str, *, tree: str = "", **about: str) -> Write:
    """What a person says without a decision that asks for it (`answer`, `give`, `retry`, `resume`), signed: it opens
    nothing, and shows whose word it was."""
    config = await _standing(ground)
    due = said_due(ground, config, f"{SAID}{what}", because, tree, about)
    return approving(ground, _signed(ground, config, due, Spoken(by, because[:20_000])))
