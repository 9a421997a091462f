"""What named persons opened for a run while it was under way: each yes is good for exactly the request it answered."""

from ..model.approval import Answer, Approval, Question
from ..model.record import digest_of
from ..policy.action import Action, ActionKind
from ..policy.approvals import forgeries
from .bench import Ground
from .counting import voices_of

ABOUT = "request:"
"""What approvals of requests are about, before the question's id."""


def request_subject(ground: Ground, question: Question) -> str:
    """Digest of what a person says yes to: this run's and cycle's question, with all that it asks for."""
    about = {"run": ground.run.id, "cycle": ground.position.cycle, "question": question.id}
    return digest_of({**about, "asked": question.question, "requests": list(question.requests)})


def plan_mark(ground: Ground, name: str) -> str:
    """Digest of the document that a person decides on: an approval is good for exactly this one."""
    return digest_of({"run": ground.run.id, name: digest_of(ground.given(name) or {})})


def action_of(request: str) -> Action:
    """The action that `KIND:SUBJECT` names. Raises ValueError for no kind there is."""
    kind, _, subject = request.partition(":")
    return Action(kind=ActionKind(kind.strip().casefold()), subject=subject.strip())


def _forged(ground: Ground, approval: Approval) -> bool:
    return bool(forgeries(approval, voices_of(ground, ground.config, approval.about)))


def granted_requests(ground: Ground) -> tuple[Action, ...]:
    """The actions that stand in requests of this cycle a named person said yes to, as they were asked."""
    store, run = ground.bench.store, ground.run.id
    approvals = [a for a in store.approvals(run, ground.position.cycle) if a.about.startswith(ABOUT)]
    if not approvals:
        return ()
    asked = {question.id: question for question, _ in store.questions(run)}
    found: dict[Action, None] = {}
    for approval in approvals:
        question = asked.get(approval.about.removeprefix(ABOUT))
        if question is None or approval.answer is not Answer.GRANTED:
            continue
        if approval.subject == request_subject(ground, question) and not _forged(ground, approval):
            found.update(dict.fromkeys(action_of(request) for request in question.requests))
    return tuple(found)
