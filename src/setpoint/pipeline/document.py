"""A phase whose deliverable is a document: spec, design, plan, diagnosis, split. It can change no file.

The session works in a throw-away copy of the base, so whatever it writes there reaches nothing.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from pydantic import BaseModel

from ..loop.attempt import Handed
from ..model.objection import Deviation, Objection, Severity, Source
from ..model.record import Record, digest_of
from ..model.session import Asked
from ..ports import Room
from .bench import Ground
from .by_hand import paper_of, taken_now, theirs
from .context import brief, commands, map_text, rules, ticket_text, touching
from .desk import Handing, Sitting, producer, sit
from .outcomes import Taken
from .prompts import prompt
from .rounds import Done, later_turns, looped, plain_accept
from .validation import validate


@dataclass(frozen=True)
class Document:
    """What makes one document phase different from another."""

    phase: str
    deliverable: str
    record: type[Record]
    before: Callable[[Ground], str]
    """The deliverables the session is given, as text."""
    check: Callable[[Ground, BaseModel, Sequence[str]], Sequence[Objection]]
    """Mechanical checks; the last argument are the files of the base."""


def form_objections(handing: Handing, deliverable: str) -> tuple[Objection, ...]:
    """A deliverable whose form could not be mended is one blocking objection a problem."""
    return tuple(
        Objection(
            source=Source.SCHEMA,
            deviation=Deviation.QUALITY,
            severity=Severity.HIGH,
            what=f"{deliverable}: {problem}",
            cause="the deliverable does not have its form",
        )
        for problem in handing.problems
    )


def objection(what: str, cause: str, deviation: Deviation = Deviation.REQUIREMENT) -> Objection:
    """A blocking objection of a mechanical check on a document."""
    return Objection(source=Source.SCHEMA, deviation=deviation, severity=Severity.HIGH, what=what, cause=cause)


class DocumentWork:
    """The loop's view of a document phase."""

    def __init__(self, ground: Ground, document: Document, room: Room) -> None:
        self.stage = ground.loop
        self.attempts = ground.config.settings(document.phase).attempts
        self.session = producer(ground, document.phase)
        self._ground = ground
        self._document = document
        self._room = room
        self._files = tuple(room.files())  # before the session has a hand in them
        self._handing = Handing(None)

    async def produce(self) -> Handed | Asked:
        """Let the session hand in its document."""
        document, ground = self._document, self._ground
        written = paper_of(ground)
        if written is not None:
            self._handing = Handing(document.record.model_validate(dict(written)))
            return Handed(content=dict(written), diff=digest_of(dict(written)), usd=_spent(ground))
        sitting = Sitting(
            session=self.session,
            prompt=prompt(document.phase),
            deliverable=document.deliverable,
            record=document.record,
            brief=await self.brief(),
            turns=later_turns(ground, self.session, [self.stage]),
        )
        handing = await sit(ground, sitting, self._room)
        if isinstance(handing, Asked):
            return handing
        self._handing = handing
        asked = _blocking_question(handing.record)
        if asked:
            return asked
        content = handing.record.model_dump(mode="json") if handing.record else {}
        return Handed(content=content, diff=digest_of(content), usd=_spent(ground))

    async def brief(self) -> str:
        """What its session is given: the ticket, what stands before it, and the repository's own words."""
        ground, near = self._ground, await touching(self._ground)
        return brief(
            ticket_text(ground.run.ticket.title, ground.run.ticket.text),
            self._document.before(ground),
            await rules(ground, near),
            commands(ground.config),
            map_text(ground, self._room, near),
        )

    async def check(self, handed: Handed) -> Sequence[Objection]:
        """Form, then what the phase itself can decide without a model."""
        if self._handing.record is None:
            return form_objections(self._handing, self._document.deliverable)
        return self._document.check(self._ground, self._handing.record, self._files)

    async def judge(self, handed: Handed) -> Sequence[Objection]:
        """The validator's word on the document against the one before it; a person's own is theirs to answer for."""
        if theirs(self._ground):
            return ()
        before = brief(
            ticket_text(self._ground.run.ticket.title, self._ground.run.ticket.text),
            self._document.before(self._ground),
        )
        return await validate(self._ground, self._document.deliverable, handed.content, before, self._room)


def _blocking_question(record: BaseModel | None) -> Asked | None:
    """The first open question that code must wait for: a person answers before the document counts."""
    from ..model.session import Usage

    for question in getattr(record, "open_questions", ()):
        if question.blocking:
            why = f"{question.why} (default: {question.default})" if question.default else question.why
            return Asked(question=question.question, why=why, usage=Usage(), model="document")
    return None


def _spent(ground: Ground) -> float | None:
    return ground.bench.store.run(ground.run.id).cost.usd


async def write_document(ground: Ground, document: Document) -> Done:
    """One attempt on a document phase."""
    workspace = await ground.workspace()
    if ground.by_person and paper_of(ground) is None:
        saved = taken_now(ground, await workspace.autosave("before manual work"))
        said = f"a person does this: write its {document.deliverable.replace('_', ' ')}"
        return Done(Taken(), (saved,), note=f"{said}, then `setpoint give {ground.run.id} --paper FILE`")
    async with workspace.checkout(ground.run.base) as room:
        work = DocumentWork(ground, document, room)
        return await looped(ground, work, work.session, lambda v: plain_accept(ground, document.deliverable, v))
