"""Where a session works: its turns, its log, its submission checked against the schema.

A session's user messages are kept as they were first written, so that a resumed session sends the same bytes again.
"""

import json
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Protocol, runtime_checkable

from pydantic import BaseModel, ValidationError

from ..errors import NotSignedInError
from ..model.approval import Question
from ..model.boundary import Boundaries
from ..model.record import Record, digest_of
from ..model.session import Asked, Deciding, Limits, ModelRef, Role, SessionId, Task
from ..model.terse import terse_schema
from ..policy.guard import GuardedRoom
from ..ports import Agent, Room, Store
from .bench import Ground
from .measured import part, parts_of
from .models import Chosen, agent_of, choose_models
from .policies import rules_of
from .prompts import Prompt
from .purse import StoredLog
from .team_prompts import team_prompt
from .tool_servers import offered_to

SCHEMA_TURNS = 3
"""How often a session may mend the form of its deliverable before that counts as a failed round."""


@runtime_checkable
class Restorable(Protocol):
    """A room that can be put back: the run's workspace, not a throw-away copy."""

    async def autosave(self, label: str) -> str: ...

    async def restore(self, commit: str) -> None: ...


Refuses = Callable[[BaseModel, bool], Awaitable[Sequence[str]]]
"""What keeps a record of the right form from counting, or nothing; the second argument says whether the session was
sent back before."""

REPLAYED = ModelRef(provider="replay", model="recording")


@dataclass(frozen=True)
class Sitting:
    """One session's brief and terms."""

    session: SessionId
    prompt: Prompt
    deliverable: str
    record: type[Record]
    brief: str
    writes: bool = False
    boundaries: Boundaries = field(default_factory=Boundaries)
    turns: Mapping[str, str] = field(default_factory=dict)
    """Further user messages by key, in order: objections of round 1, an answer, a person's word."""
    runs: tuple[Deciding, ...] = ()
    """What decides about the work, where the session should have run it before it hands in."""
    refuses: Refuses | None = None
    """Asked of each record that has its form, before it counts."""


@dataclass(frozen=True)
class Handing:
    """What a session handed in, in form, or what is wrong with its form."""

    record: BaseModel | None
    problems: tuple[str, ...] = ()


def turns_of(ground: Ground, session: SessionId) -> list[tuple[str, str]]:
    """Key and text of the session's user messages so far."""
    kept = ground.bench.store.recall(ground.run.id, f"turns:{session}")
    return [(str(key), str(text)) for key, text in kept["turns"]] if kept else []


def _keep_turns(ground: Ground, session: SessionId, turns: list[tuple[str, str]]) -> None:
    with ground.bench.store.transaction() as tx:
        tx.remember(ground.run.id, f"turns:{session}", {"turns": turns})
        digest = digest_of([text for _, text in turns])
        tx.event(ground.run.id, "turn", ground.position.stage, {"session": str(session), "sha256": digest})


async def sit(ground: Ground, sitting: Sitting, room: Room) -> Handing | Asked:
    """Let the session work until it hands in something of the right form, or asks. After a crash the same call goes on
    from the last saved message."""
    turns = turns_of(ground, sitting.session)
    wanted = [("brief", sitting.brief), *sitting.turns.items()]
    missing = [(key, str(ground.bench.redact(text))) for key, text in wanted if key not in dict(turns)]
    sitting = replace(sitting, prompt=await team_prompt(ground, sitting.prompt))
    if not turns:
        _measure(ground, sitting)
    if missing:
        turns += missing
        _keep_turns(ground, sitting.session, turns)
    started, held = len(turns), room if sitting.writes else _only_read(ground, room)
    while True:
        await _settled_ground(ground, sitting.session, len(turns), room)
        task = _task(ground, sitting, turns).model_copy(update={"servers": await offered_to(ground, sitting.session)})
        reply = await _agent(ground).work(task, held, StoredLog(ground, sitting.session))
        if isinstance(reply, Asked):
            return Asked.model_validate(ground.bench.redact(reply.model_dump()))
        record, problems = await _read(ground, sitting, reply.content, again=any("form:" in key for key, _ in turns))
        if record is not None:
            return Handing(record)
        if len(turns) - started >= SCHEMA_TURNS:
            return Handing(None, problems)
        turns.append((f"form:{len(turns)}", _form_turn(sitting.deliverable, problems)))
        _keep_turns(ground, sitting.session, turns)


def _only_read(ground: Ground, room: Room) -> Room:
    """The room of a session that changes nothing, held by the same broker: no secret read, no file written, no host
    reached. Which programs look at the code is not limited here: what they write is thrown away."""
    rules = rules_of(ground).model_copy(update={"commands": ()})
    return GuardedRoom(room, Boundaries(), rules=rules, writes=False)


async def _read(
    ground: Ground, sitting: Sitting, content: dict[str, Any], *, again: bool
) -> tuple[BaseModel | None, tuple[str, ...]]:
    """What was handed in, as its record; or why it does not count."""
    try:
        record = sitting.record.model_validate(ground.bench.redact(content))
    except ValidationError as error:
        return None, said(error)
    problems = tuple(await sitting.refuses(record, again)) if sitting.refuses else ()
    return (None, problems) if problems else (record, ())


def _measure(ground: Ground, sitting: Sitting) -> None:
    """Journal what the session begins with: each part with its tokens, and whose words instruct it."""
    told, system = sitting.prompt, sitting.prompt.system(f"submit_{sitting.deliverable}")
    schema = json.dumps(terse_schema(sitting.record), separators=(",", ":"), ensure_ascii=False)
    parts = (part(system, "instructions"), part(schema, "submit tool"), *parts_of(sitting.brief))
    prompt = {"name": told.name, "version": told.version, "sha256": told.sha256, "source": told.source}
    with ground.bench.store.transaction() as tx:
        data: dict[str, Any] = {"session": str(sitting.session), "prompt": prompt}
        data |= {"tokens": sum(part.tokens for part in parts)}
        because = ground.config.sensitive.because
        data |= {"sensitive": because} if because else {}
        tx.event(ground.run.id, "context", ground.position.stage, {**data, "parts": [part.told() for part in parts]})


async def _settled_ground(ground: Ground, session: SessionId, turn: int, room: Room) -> None:
    """The workspace as the session's last saved message left it: a step cut off by a crash leaves no trace."""
    if not isinstance(room, Restorable):
        return
    store, key = ground.bench.store, f"ground:{session}:{turn}"
    messages = store.session(session)
    begun = store.recall(ground.run.id, key)
    if begun is None:
        fact = {"autosave": await room.autosave(f"turn {turn}"), "messages": len(messages)}
        with store.transaction() as tx:
            tx.remember(ground.run.id, key, fact)
        return
    saved = [message.autosave for message in messages[begun["messages"] :] if message.autosave]
    await room.restore(saved[-1] if saved else begun["autosave"])


def said(error: ValidationError) -> tuple[str, ...]:
    """Each problem of a deliverable's form in one line."""
    return tuple(f"{'.'.join(str(part) for part in p['loc']) or 'whole'}: {p['msg']}" for p in error.errors())[:20]


def _form_turn(deliverable: str, problems: Sequence[str]) -> str:
    listed = "\n".join(f"- {problem}" for problem in problems)
    return f"submit_{deliverable} was refused.\n{listed}\nMend exactly this and submit again, whole."


def _agent(ground: Ground) -> Agent:
    return ground.bench.agents[agent_of(ground.config, ground.position.stage)]


def chosen(ground: Ground, session: SessionId) -> Chosen:
    """The session's models; a replayed one needs none."""
    try:
        return choose_models(ground.config, session.phase, session.role, ground.position.level)
    except NotSignedInError:
        if agent_of(ground.config, session.phase) == "replay":
            return Chosen(models=(REPLAYED,), independence="recorded")
        raise


def _task(ground: Ground, sitting: Sitting, turns: list[tuple[str, str]]) -> Task:
    settings = ground.config.settings(sitting.session.phase)
    return Task(
        session=sitting.session,
        instructions=sitting.prompt.system(f"submit_{sitting.deliverable}"),
        turns=tuple(text for _, text in turns),
        deliverable=sitting.deliverable,
        deliverable_schema=terse_schema(sitting.record),
        models=chosen(ground, sitting.session).models,
        writes=sitting.writes,
        boundaries=sitting.boundaries,
        runs=sitting.runs,
        limits=Limits(
            requests=settings.requests,
            seconds=settings.minutes * 60,
            idle_seconds=ground.config.budget.session_idle_seconds,
        ),
    )


def question_of(ground: Ground, asked: Asked) -> Question:
    """The session's question, known by its words."""
    about = [ground.run.id, ground.position.cycle, ground.position.stage, asked.question, *asked.requests]
    mark = digest_of(about)[:8]
    return Question(id=f"q-{mark}", question=asked.question[:500], why=asked.why, requests=asked.requests)


def unanswered(store: Store, run_id: str) -> list[tuple[Question, SessionId]]:
    """Open questions of a run, each with the session that waits for it."""
    return [(question, session) for question, session in store.questions(run_id) if not question.answer]


def answers(ground: Ground, session: SessionId) -> dict[str, str]:
    """Turns for the questions of this session that a person has answered."""
    found = {}
    for question, asked_by in ground.bench.store.questions(ground.run.id):
        if asked_by == session and question.answer:
            found[f"answer:{question.id}"] = (
                f"{question.by} answers your question “{question.question}”:\n{question.answer}\nGo on with this."
            )
    return found


BUILDS_ON_PLAN = frozenset({"tests", "implementation", "edge_tests", "ci_fix"})
"""Phases whose sessions start afresh once the plan they built on was sent back."""


def producer(ground: Ground, phase: str, task: str = "") -> SessionId:
    """The producing session of a phase: the same one through all its corrections."""
    fresh = ground.position.epoch if phase in BUILDS_ON_PLAN else 1
    return ground.session(phase, task=task, role=Role.PRODUCER, fresh=fresh)
