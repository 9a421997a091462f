"""What a session needs a person for: asked in one batch, whenever it asks. What nobody can allow is told it at once."""

from collections.abc import Sequence
from dataclasses import dataclass

from pydantic import BaseModel, ValidationError

from ..model.change import Change, CiFix
from ..model.numbers import counted
from ..model.policy import HOST
from ..model.session import Asked, SessionId, Usage
from ..policy.action import Action, ActionKind
from ..policy.decide import Allow, Ask, Policy, decide
from .bench import Ground
from .criteria import boundaries_of, run_rules
from .grants import action_of, granted_requests

ASKABLE = (ActionKind.EDIT, ActionKind.DEPENDENCY, ActionKind.MIGRATION, ActionKind.NETWORK)
MOST = 20
"""Actions of one batch."""
FORM = "one a line: `network HOST:PORT`, `dependency NAME`, `migration WHAT`, `edit PATH`"


@dataclass(frozen=True)
class Batch:
    """What a session asks to be allowed, sorted by who can say yes."""

    open: tuple[Action, ...] = ()
    """A person can."""
    told: tuple[str, ...] = ()
    """Why the rest is not asked: each in one line."""


def policy_for(ground: Ground) -> Policy:
    """What is decided with for the run as it stands."""
    return Policy(boundaries=boundaries_of(ground), rules=run_rules(ground), granted=granted_requests(ground))


def sorted_out(policy: Policy, requests: Sequence[str]) -> Batch:
    """Decide each request under `policy`; each stands once."""
    found: dict[Action, None] = {}
    told = [f"{len(requests) - MOST} more: ask for what you need, at most {MOST}"] if len(requests) > MOST else []
    for request in requests[:MOST]:
        try:
            action = action_of(request)
        except (ValueError, ValidationError):
            told.append(f"{request[:100]!r} is no request; {FORM}")
            continue
        decision = decide(policy, action)
        unread = action.kind is ActionKind.NETWORK and not HOST.fullmatch(action.subject)
        if action.kind not in ASKABLE or unread:
            told.append(f"{request[:100]!r} is not asked for; {FORM}")
        elif isinstance(decision, Ask):
            found[action] = None
        else:
            said = "is allowed already" if isinstance(decision, Allow) else "cannot be allowed"
            told.append(f"{action.kind} {action.subject} {said}: {decision.reason}")
    return Batch(tuple(found), tuple(told))


def handed_in(record: BaseModel | None) -> tuple[tuple[str, str], ...]:
    """The files a change asks to be let change, each with its reason."""
    if not isinstance(record, Change | CiFix):
        return ()
    return tuple((f"edit:{request.path}", request.because) for request in record.requests)


def about_hand_in(ground: Ground, session: SessionId, record: BaseModel | None) -> Asked | None:
    """One question for all that a change needs a person for and nobody was asked before; None when there is nothing."""
    asked = handed_in(record)
    if not asked:
        return None
    batch = sorted_out(policy_for(ground), [request for request, _ in asked])
    before = {action for q, by in ground.bench.store.questions(ground.run.id) if by == session for action in q.requests}
    fresh = [action for action in batch.open if told(action) not in before]
    if not fresh:
        return None
    because = dict(asked)
    why = "\n".join(f"{told(action)}: {because.get(told(action), '')}" for action in fresh)
    return question_for(fresh, f"May the change do {counted(len(fresh), 'things')} that need a person?", why)


def question_for(actions: Sequence[Action], question: str, why: str) -> Asked:
    """The batch as a session's question."""
    listed = tuple(told(action) for action in actions)
    return Asked(question=question, why=why[:4000], usage=Usage(), model="requests", requests=listed)


def told(action: Action) -> str:
    """An action as it is asked for and kept."""
    return f"{action.kind.value}:{action.subject}"


def refusal_turn(batch: Batch) -> str:
    """What a session is told that asked for nothing a person could allow."""
    listed = "\n".join(f"- {line}" for line in batch.told)
    return f"Nobody was asked.\n{listed}\nGo on within what you have, or object to the plan when you hand in."
