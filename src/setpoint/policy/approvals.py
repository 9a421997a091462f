"""Does an approval count, here and now? One pure function over the approval, what it is wanted for, and whose
yes counts."""

from collections.abc import Collection
from datetime import datetime, timedelta
from typing import Literal, Protocol

from ..model.approval import CHANGE, SAID, VERSION, Answer, Approval, ApprovalSettings, Bound
from ..model.record import Line, Record
from ..model.release import is_production
from .signatures import signed

SKEW = timedelta(minutes=5)
"""How far the clocks of two machines may be apart."""
_ROLES = frozenset(("agent", "builder", "reviewer", "validator", "worker", "setpoint"))
"""Names that are nobody's."""

Forgery = Literal["unsigned", "form", "signature", "key", "agent"]
Staleness = Literal[
    "about", "subject", "tree", "repository", "run", "started", "cycle", "base", "policy", "arguments",
    "answer", "withdrawn", "expired", "early", "used", "four-eyes", "inspection",
]  # fmt: skip
FORGED: frozenset[str] = frozenset(("unsigned", "form", "signature", "key", "agent"))
"""Faults of what no person with a key that counts has said so; all others are of an honest answer that holds no
more."""


class Fault(Record):
    """Why an approval does not count."""

    code: Forgery | Staleness
    what: Line

    @property
    def forged(self) -> bool:
        """Whether nobody whose word counts has said this."""
        return self.code in FORGED


class Voices(Record):
    """Whose yes counts, and what it takes."""

    own: str = ""
    """Public key of whoever runs setpoint here; it counts where no approver is named."""
    names: tuple[str, ...] = ()
    """Who may approve, by name; empty: anyone whose key counts."""
    settings: ApprovalSettings = ApprovalSettings()
    agents: tuple[str, ...] = ()
    """Names of models and agents at work in the run, in lower case."""
    involved: tuple[str, ...] = ()
    """Who wrote the ticket, or changed files by hand."""
    withdrawn: int = 0
    """Serial of the last move that took the decision back."""

    def named(self, by: str) -> str:
        """Who answers: the name that the key of this place has, else `by`."""
        return next((name for name, key in self.settings.approvers.items() if key == self.own), by)


class Signer(Protocol):
    """The key of whoever runs setpoint here, out of reach of every sandbox."""

    def own(self) -> str:
        """Its public half; empty before it was first needed. Raises KeyFileError when it cannot be trusted."""
        ...

    def sign(self, approval: Approval) -> Approval:
        """`approval`, signed; the key is made when there is none. Raises KeyFileError."""
        ...


def faults(approval: Approval, due: Bound, voices: Voices, now: datetime) -> tuple[Fault, ...]:
    """Everything that keeps `approval` from counting for `due` at `now`; empty: it counts."""
    found = forgeries(approval, voices)
    if found and found[0].code in ("unsigned", "form", "signature"):
        return found  # nothing else it says is worth a look
    return (*found, *_moved(approval, due), *_aged(approval, voices, now), *_wanting(approval, voices))


def forgeries(approval: Approval, voices: Voices) -> tuple[Fault, ...]:
    """What shows, without a look at the run, that no person whose word counts has said this."""
    if not approval.signature:
        old = "it was given before approvals were signed" if approval.version == 0 else "it is not signed"
        return (Fault(code="unsigned", what=old),)
    if approval.version != VERSION:
        return (Fault(code="form", what=f"form {approval.version} is not known here; this is form {VERSION}"),)
    if not signed(approval):
        return (Fault(code="signature", what="it is not what was signed: something in it was changed afterwards"),)
    found = []
    if why := _uncounted(approval, voices):
        found.append(Fault(code="key", what=why))
    if is_agent(approval.by, voices.agents):
        found.append(Fault(code="agent", what=f"{approval.by} is the name of an agent or a model, not of a person"))
    return tuple(found)


def _uncounted(approval: Approval, voices: Voices) -> str:
    named = voices.settings.approvers
    if approval.about.startswith(SAID) and named and approval.by not in named:
        return ""  # it decides nothing, and takes nobody's name that has a key
    if voices.names and not approval.about.startswith(SAID) and approval.by not in voices.names:
        return f"{approval.by} is not among the approvers: {', '.join(voices.names)}"[:500]
    if named:
        if approval.by not in named:
            return f"the base branch names no approver {approval.by}"[:500]
        return "" if named[approval.by] == approval.key else f"the key is not the one the base names for {approval.by}"
    return "" if voices.own and approval.key == voices.own else "the key is not the one of whoever runs setpoint here"


def is_agent(name: str, agents: Collection[str]) -> bool:
    """Whether `name` is that of a session, a model or an agent."""
    plain = " ".join(name.casefold().split())
    return plain in _ROLES or plain in agents or plain.rpartition("/")[2] in agents


def _moved(approval: Approval, due: Bound) -> tuple[Fault, ...]:
    found = []
    for name in Bound.model_fields:
        given, wanted = getattr(approval, name), getattr(due, name)
        if given != wanted:
            found.append(Fault.model_validate({"code": name, "what": _SAID[name]}))
    if approval.answer is not Answer.GRANTED:
        found.append(Fault(code="answer", what=f"the answer is {approval.answer.value}"))
    return tuple(found)


_SAID = {
    "about": "it answers another decision",
    "subject": "what was shown is not what is there now",
    "tree": "the tree has moved since",
    "repository": "it was given in another repository",
    "run": "it was given for another run",
    "started": "it was given for another run of that id",
    "cycle": "it was given in another cycle",
    "base": "the base has moved since",
    "policy": "what the base branch says on boundaries has changed since",
    "arguments": "it was given for something else to be done",
}


def _aged(approval: Approval, voices: Voices, now: datetime) -> tuple[Fault, ...]:
    found = []
    latest = approval.at + timedelta(days=voices.settings.days)
    until = min(approval.until, latest) if approval.until else latest
    if now > until:
        found.append(Fault(code="expired", what=f"it expired on {until:%Y-%m-%d %H:%M} UTC"))
    if approval.at > now + SKEW:
        found.append(Fault(code="early", what=f"it is dated {approval.at:%Y-%m-%d %H:%M} UTC, which is still to come"))
    if approval.serial < voices.withdrawn or not approval.nonce:
        found.append(Fault(code="withdrawn", what="the run went back since, and the decision with it"))
    return tuple(found)


def _wanting(approval: Approval, voices: Voices) -> tuple[Fault, ...]:
    found = []
    kind, _, name = approval.about.partition(":")
    eyes = voices.settings.four_eyes
    guarded = eyes != "none" and kind == "deploy" and is_production(name)
    if (guarded or (eyes == "change" and kind == CHANGE)) and approval.by in voices.involved:
        said = f"{approval.by} wrote the ticket or changed files by hand; the base wants another pair of eyes"
        found.append(Fault(code="four-eyes", what=said[:500]))
    left = [point for point in voices.settings.inspection if point not in approval.inspection]
    if kind == CHANGE and left:
        found.append(Fault(code="inspection", what=f"not inspected: {', '.join(left)}"))
    return tuple(found)
