"""What sessions send: the first request before the repository, and a whole ticket, in characters / 4."""

from collections.abc import Iterator, Sequence

from setpoint.adapters.agents.endpoint import WIRES
from setpoint.adapters.agents.tools import offered
from setpoint.adapters.agents.wire.answer import Offer
from setpoint.app import House
from setpoint.model.boundary import Boundaries
from setpoint.model.numbers import counted
from setpoint.model.run import Event, Run
from setpoint.model.session import Message, ModelRef, Role, SessionId, Task
from setpoint.model.terse import terse_schema
from setpoint.pipeline.prompts import prompt
from setpoint.service.contexts import session_named
from setpoint.service.schemas import DELIVERABLES

from .figure import Figure

WIRE = WIRES["anthropic"]
MODEL = ModelRef(provider="scripted", model="scripted")
SESSIONS = {
    "discovery": "functional_spec",
    "tech_spec": "tech_spec",
    "planning": "plan",
    "tests": "tests",
    "implementation": "change",
    "review": "review",
    "diagnosis": "diagnosis",
    "split": "split",
    "ci_fix": "ci_fix",
}
WRITING = frozenset({"tests", "change", "ci_fix"})
MOST = 1500


def figures() -> Iterator[Figure]:
    """System text and tool schemas of each kind of session."""
    for phase, name in SESSIONS.items():
        size = len(_head(prompt(phase).text, name)) / 4
        yield Figure(f"{phase}: system text and tools", size, "tokens", most=MOST)


def by_phase(house: House, run: Run, events: Sequence[Event]) -> Iterator[Figure]:
    """The first request of each phase of `run`, and what its sessions sent in all."""
    sizes: dict[str, list[list[int]]] = {}
    for session, requests in _sessions(house, events):
        judge = "" if session.role is Role.PRODUCER else f" {session.role}"
        sizes.setdefault(f"{session.phase}{judge}", []).append(requests)
    for phase, sessions in sizes.items():
        count, total = sum(map(len, sessions)), sum(map(sum, sessions)) / 4
        note = f"{total / 1000:.0f}k in {counted(count, 'requests')} of {counted(len(sessions), 'sessions')}"
        yield Figure(f"{phase}: first request", next(each[0] for each in sessions if each) / 4, "tokens", note=note)


def _head(system: str, deliverable: str) -> str:
    task = Task(
        session=SessionId(run="b", phase="bench"),
        instructions=system,
        turns=("",),
        deliverable=deliverable,
        deliverable_schema=terse_schema(DELIVERABLES[deliverable]),
        models=(MODEL,),
        writes=deliverable in WRITING,
        boundaries=Boundaries(),
    )
    text = system.replace("{submit}", f"submit_{deliverable}")
    return WIRE.head(Offer(model=MODEL.model, system=text, tools=offered(task), max_output_tokens=32_000, lean=False))


def sent(house: House, run: Run, events: Sequence[Event]) -> tuple[float, int, float]:
    """Tokens and requests of all sessions of `run`, and the share of the tokens that the session had sent before."""
    total = requests = fresh = 0
    for _, sizes in _sessions(house, events):
        total, requests = total + sum(sizes), requests + len(sizes)
        fresh += sizes[-1] if sizes else 0
    return total / 4, requests, 1 - fresh / total if total else 0.0


def _sessions(house: House, events: Sequence[Event]) -> Iterator[tuple[SessionId, list[int]]]:
    """Each session of a run with the characters of its requests."""
    for event in events:
        if event.kind == "prompt" and "system" in event.data:
            session = session_named(str(event.data["session"]))
            messages = house.store.session(session)
            size = len(_head(_whole(house, event.data["system"]), _deliverable(session, messages)))
            yield session, _requests(messages, size)


def _whole(house: House, kept: object) -> str:
    """A journal entry's text, fetched when it was too long to stand there."""
    if isinstance(kept, dict):
        return (house.store.blob(str(kept["blob"])) or b"").decode()
    return str(kept)


def _deliverable(session: SessionId, messages: Sequence[Message]) -> str:
    calls = [part.name for message in messages for part in message.parts if part.kind == "tool_call"]
    handed = [name.removeprefix("submit_") for name in calls if name.startswith("submit_")]
    return handed[-1] if handed else SESSIONS[session.phase]


def _requests(messages: Sequence[Message], head: int) -> list[int]:
    """Characters of each request of a session: all that came before the reply."""
    sizes, so_far = [], head
    for message in messages:
        if message.role == "assistant":
            sizes.append(so_far)
        so_far += sum(len(item) + 1 for item in WIRE.encode(message, str(MODEL)))
    return sizes
