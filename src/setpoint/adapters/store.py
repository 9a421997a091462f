"""The store over SQL: runs move by compare-and-set, everything else is written once, in the transaction of its move."""

import hashlib
import json
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import reduce
from typing import Any

import sqlalchemy as sa

from ..engine.database import open_database, reading, translated, writing
from ..errors import BugError, LostLeaseError, UsageError
from ..model.approval import HandOver, Question
from ..model.evidence import GateResult
from ..model.lesson import LessonWord, Witness
from ..model.objection import Objection
from ..model.record import digest_of
from ..model.run import Event, Position, Round, Run, State
from ..model.session import Message, SessionId, Usage
from . import approval_rows, ledger, lesson_rows, schema
from .glance import event_of, run_of, the_one
from .row_values import as_json, columns_of, fitting, kept_of, now, stands, stored_time

INLINE = 32_768
"""Longest string kept inside a journal entry; a longer one becomes a blob with its head left in place."""
HEAD = 2_000

Redact = Callable[[Any], Any]
Fence = Callable[[sa.Connection], None]


def _same(value: Any) -> Any:
    return value


class SqlTransaction(approval_rows.Writing, ledger.Writing):
    """One unit of writing: all of it lands, or none."""

    def __init__(self, connection: sa.Connection, redact: Redact) -> None:
        self.connection = connection
        self._redact = redact
        self._locked: set[str] = set()

    def alone(self, what: str) -> None:
        """Wait until no other transaction is alone with `what`, and be it until this one ends."""
        # On SQLite a transaction that may write is alone with everything, from its beginning.
        self._lock(f"alone:{what}")

    def create(self, run: Run) -> None:
        """Write down a new run."""
        row = {"id": run.id, "created": stored_time(run.created), "cost": run.cost.model_dump_json(), **columns_of(run)}
        self.connection.execute(schema.runs.insert().values(row))

    def move(self, run: Run, to: Position, note: str = "") -> Run | None:
        """Move `run` to `to`, `serial` one higher; None when somebody moved it before: nothing was written."""
        stands = self._locked_run(run.id)
        if stands is None or stands.position.serial != run.position.serial:
            return None
        position = to.model_copy(update={"serial": run.position.serial + 1})
        moved = stands.model_copy(update={"position": position, "note": note, "updated": now()})
        self._write(moved)
        where = {"from": stands.position.model_dump(mode="json"), "to": position.model_dump(mode="json"), "note": note}
        self.event(run.id, "moved", position.stage, where)
        return moved

    def rebase(self, run: Run, base: str, branch: str) -> None:
        """Give the run's new cycle its base commit and branch."""
        stands = self._locked_run(run.id)
        if stands is None:
            raise BugError(f"run {run.id} is not in the store")
        self._write(stands.model_copy(update={"base": base, "branch": branch, "updated": now()}))

    def event(self, run_id: str, kind: str, stage: str, data: dict[str, Any]) -> None:
        """Append to the run's journal."""
        self.note(run_id, stage, [(kind, data)])

    def note(self, run_id: str, stage: str, notes: Sequence[tuple[str, dict[str, Any]]]) -> None:
        """Append several entries (`kind`, `data`) to the run's journal, in order."""
        self._lock_journal(run_id)
        at = stored_time(now())
        rows = [
            {"run": run_id, "at": at, "kind": kind, "stage": stage, "data": as_json(self._slim(self._redact(data)))}
            for kind, data in notes
        ]
        if rows:
            self.connection.execute(schema.ADD_EVENT, rows)

    def deliver(self, run_id: str, cycle: int, name: str, content: dict[str, Any]) -> str:
        """Lock a deliverable by its digest, which is returned; a repeat with other content raises BugError unless the
        earlier one was voided."""
        digest = digest_of(content)
        table = schema.deliverables
        earlier = self.connection.execute(sa.select(table.c.digest).where(stands(run_id, cycle, name))).scalar()
        if earlier == digest:
            return digest
        if earlier is not None:
            raise BugError(
                f"{name} of run {run_id} is locked and was handed in again with other content",
                why=f"{earlier[:12]} stands, {digest[:12]} came",
                fix="void the earlier one first",
            )
        row = {
            "run": run_id,
            "cycle": cycle,
            "name": name,
            "digest": digest,
            "content": as_json(content),
            "void": False,
        }
        self.connection.execute(table.insert().values(row))
        return digest

    def void(self, run_id: str, cycle: int, names: Sequence[str]) -> None:
        """Deliverables sent back; they stay in the database."""
        table = schema.deliverables
        which = (table.c.run == run_id) & (table.c.cycle == cycle) & table.c.name.in_(list(names))
        self.connection.execute(table.update().where(which).values(void=True))

    def round(self, run_id: str, cycle: int, visit: int, round_: Round, objections: Sequence[Objection]) -> None:
        """One verdict of a loop, with everything that was objected."""
        told = [objection.model_dump(mode="json") for objection in objections]
        # Not `what`: an objection is known again by it.
        dumped = as_json([{**each, **self._redact({k: each[k] for k in ("cause", "evidence")})} for each in told])
        row = {"run": run_id, "cycle": cycle, "visit": visit, "stage": round_.stage, "objections": dumped}
        self.connection.execute(schema.rounds.insert().values(**row, round=round_.model_dump_json()))

    def result(self, run_id: str, stage: str, result: GateResult) -> None:
        """A gate's verdict with its evidence."""
        # What a tool printed; names of tests and digests stay as they are.
        said = {"tail": self._redact(result.tail), "reason": self._redact(result.reason)}
        kept = result.model_copy(update=said)
        row = {"run": run_id, "stage": stage, "tree": result.evidence.tree, "result": kept.model_dump_json()}
        self.connection.execute(schema.results.insert().values(row))

    def ask(self, run_id: str, question: Question, session: SessionId) -> None:
        """A session's question to a person; a repeat changes nothing."""
        row = {"run": run_id, "question": question.id, "record": question.model_dump_json()}
        self._insert_once(schema.questions, {**row, "session": session.model_dump_json()})

    def answer(self, run_id: str, question_id: str, answer: str, by: str) -> None:
        """A person's answer to a question. Raises UsageError when there is no such question."""
        table = schema.questions
        which = (table.c.run == run_id) & (table.c.question == question_id)
        found = self.connection.execute(sa.select(table.c.record).where(which).with_for_update()).scalar()
        if found is None:
            raise UsageError(f"run {run_id} asked no question `{question_id}`", fix=f"setpoint show {run_id}")
        question = Question.model_validate_json(found).model_copy(update={"answer": answer, "by": by})
        self.connection.execute(table.update().where(which).values(record=question.model_dump_json()))

    def hand_over(self, run_id: str, cycle: int, packet: HandOver) -> None:
        """What a person gets when the loop stops."""
        self.connection.execute(
            schema.packets.insert().values(run=run_id, cycle=cycle, packet=packet.model_dump_json())
        )

    def remember(self, run_id: str, key: str, value: dict[str, Any]) -> None:
        """A named fact of the run; a repeat replaces it."""
        fact = schema.inserting(self.connection, schema.facts).values(run=run_id, key=key, value=as_json(value))
        self.connection.execute(
            fact.on_conflict_do_update(index_elements=["run", "key"], set_={"value": fact.excluded.value})
        )

    def teach(self, run_id: str, witnesses: Sequence[Witness]) -> None:
        lesson_rows.write_witnesses(self.connection, run_id, witnesses, self._redact)

    def rule_on(self, word: LessonWord) -> None:
        lesson_rows.write_word(self.connection, word, self._redact)

    def append(
        self, session: SessionId, said: Sequence[Message], serial: int | None = None, charge: int | None = None
    ) -> tuple[Message, ...]:
        """Add messages at the end of a session, and what they used to the run's cost; request `charge` is settled by
        it. The messages as they were written. With `serial` only while the run works there: LostLeaseError once it has
        moved on."""
        name = str(session)
        cost = self._locked_cost(session.run, serial)
        position = self.connection.execute(schema.LAST_POSITION, {"session": name}).scalar()
        start = 0 if position is None else position + 1
        kept = [kept_of(message, self._redact) for message in said]
        rows = [{"session": name, "position": start + n, "message": as_json(told)} for n, (told, _) in enumerate(kept)]
        if rows:
            self.connection.execute(schema.ADD_MESSAGE, rows)
        used = [message.usage for message in said if message.usage is not None]
        if used and cost is not None:
            total = reduce(Usage.plus, used)
            cost = cost.plus(total)
            if charge is not None:
                ledger.settle(self.connection, charge, total.usd)
            self.connection.execute(schema.SET_COST, {"run": session.run, "cost": cost.model_dump_json()})
        return tuple(message for _, message in kept)

    def keep(self, content: bytes) -> str:
        """Keep bytes by their SHA-256, which is returned."""
        sha256 = hashlib.sha256(content).hexdigest()
        self._insert_once(schema.blobs, {"sha256": sha256, "content": content})
        return sha256

    def _insert_once(self, table: sa.Table, row: dict[str, Any]) -> None:
        self.connection.execute(schema.inserting(self.connection, table).values(row).on_conflict_do_nothing())

    def _locked_run(self, run_id: str) -> Run | None:
        table = schema.runs
        row = self.connection.execute(
            sa.select(table.c.record, table.c.cost).where(table.c.id == run_id).with_for_update()
        ).one_or_none()
        return None if row is None else run_of(*row)

    def works_at(self, run_id: str, serial: int) -> None:
        """Raises LostLeaseError unless the run works at `serial`; then it stays there until this transaction ends."""
        self._locked_cost(run_id, serial)

    def _locked_cost(self, run_id: str, serial: int | None) -> Usage | None:
        found = self.connection.execute(schema.COST, {"run": run_id}).one_or_none()
        if serial is not None and (found is None or (found.serial, found.state) != (serial, State.RUNNING.value)):
            raise LostLeaseError(f"run {run_id} has moved on; this session stops")
        return None if found is None else Usage.model_validate_json(found.cost)

    def _write(self, run: Run) -> None:
        self.connection.execute(schema.runs.update().where(schema.runs.c.id == run.id).values(columns_of(run)))

    def _lock_journal(self, run_id: str) -> None:
        # A server hands out positions before commits: without this a reader could pass one that is not there yet.
        self._lock(run_id)

    def _lock(self, name: str) -> None:
        if self.connection.dialect.name == "postgresql" and name not in self._locked:
            self.connection.execute(sa.select(sa.func.pg_advisory_xact_lock(sa.func.hashtextextended(name, 0))))
            self._locked.add(name)

    def _slim(self, value: Any) -> Any:
        if isinstance(value, str) and len(value) > INLINE:
            content = value.encode("utf-8", "surrogatepass")
            return {"blob": self.keep(content), "bytes": len(content), "head": value[:HEAD]}
        if isinstance(value, dict):
            return {key: self._slim(inner) for key, inner in value.items()}
        if isinstance(value, list | tuple):
            return [self._slim(inner) for inner in value]
        return value


class SqlStore(approval_rows.Reading, ledger.Reading):
    """All that is durable, in one SQLite file or one PostgreSQL database."""

    def __init__(self, database_url: str, *, redact: Redact = _same, fence: Fence | None = None) -> None:
        """`redact` takes secrets out of journal data and messages; `fence` raises LostLeaseError inside a transaction
        of a process that may not write any more."""
        self.database = open_database(database_url)
        self._redact = redact
        self._fence = fence
        with translated():
            schema.bring_up(self.database)

    def close(self) -> None:
        """Let go of the database."""
        self.database.dispose()

    @contextmanager
    def transaction(self, *, late: bool = False) -> Iterator[SqlTransaction]:
        """One unit of writing. Raises LostLeaseError, DiskFullError, TransientError; then nothing was written."""
        with writing(self.database, late=late) as connection:
            if self._fence is not None:
                self._fence(connection)
            yield SqlTransaction(connection, self._redact)

    def run(self, prefix: str) -> Run:
        """The one run whose id starts with `prefix`. Raises UsageError when none or several do."""
        with reading(self.database) as connection:
            exact = connection.execute(schema.RUN, {"run": prefix}).one_or_none()
            found = [exact] if exact else connection.execute(fitting(prefix)).all() if prefix else []
        return the_one(prefix, [(row.id, row.record, row.cost) for row in found])

    def standing(self, run_id: str) -> tuple[int, State, float | None]:
        """Serial, state and money spent of a run: what each step of a session asks. Raises UsageError."""
        with reading(self.database) as connection:
            found = connection.execute(schema.STANDING, {"run": run_id}).one_or_none()
        if found is None:
            raise UsageError(f"there is no run `{run_id}`", fix="setpoint list")
        return found.serial, State(found.state), Usage.model_validate_json(found.cost).usd

    def runs(self, active: bool = False) -> Sequence[Run]:
        """All runs, newest first; `active`: those that are not over."""
        table = schema.runs
        query = sa.select(table.c.record, table.c.cost).order_by(table.c.created.desc(), table.c.id)
        if active:
            query = query.where(table.c.state.not_in([state.value for state in State if state.final]))
        return [run_of(*row) for row in self._rows(query)]

    def events(self, run_id: str, after: int = 0, limit: int = 1000) -> Sequence[Event]:
        """The run's journal behind position `after`, in order."""
        table = schema.events
        query = sa.select(table).where((table.c.run == run_id) & (table.c.seq > after)).order_by(table.c.seq)
        return [event_of(row) for row in self._rows(query.limit(limit))]

    def deliverable(self, run_id: str, cycle: int, name: str) -> dict[str, Any] | None:
        """The content that stands."""
        found = self._rows(sa.select(schema.deliverables.c.content).where(stands(run_id, cycle, name)))
        return json.loads(found[0].content) if found else None

    def deliverables(self, run_id: str) -> Sequence[tuple[int, str, str, dict[str, Any]]]:
        """Cycle, name, digest and content of all that stand."""
        table = schema.deliverables
        query = sa.select(table).where((table.c.run == run_id) & table.c.void.is_(False)).order_by(table.c.id)
        return [(row.cycle, row.name, row.digest, json.loads(row.content)) for row in self._rows(query)]

    def rounds(self, run_id: str, cycle: int, stage: str = "") -> Sequence[tuple[Round, tuple[Objection, ...]]]:
        """The verdicts of a cycle in order, of one stage or of all."""
        table = schema.rounds
        query = sa.select(table.c.round, table.c.objections).where((table.c.run == run_id) & (table.c.cycle == cycle))
        if stage:
            query = query.where(table.c.stage == stage)
        return [
            (
                Round.model_validate_json(row.round),
                tuple(Objection.model_validate(o) for o in json.loads(row.objections)),
            )
            for row in self._rows(query.order_by(table.c.id))
        ]

    def results(self, run_id: str, tree: str = "") -> Sequence[tuple[str, GateResult]]:
        """Stage and verdict of every gate, in order; of one tree, or of all."""
        table = schema.results
        query = sa.select(table.c.stage, table.c.result).where(table.c.run == run_id)
        if tree:
            query = query.where(table.c.tree == tree)
        rows = self._rows(query.order_by(table.c.id))
        return [(row.stage, GateResult.model_validate_json(row.result)) for row in rows]

    def questions(self, run_id: str) -> Sequence[tuple[Question, SessionId]]:
        """Every question of the run in order, answered or not."""
        table = schema.questions
        rows = self._rows(sa.select(table).where(table.c.run == run_id).order_by(table.c.id))
        return [(Question.model_validate_json(row.record), SessionId.model_validate_json(row.session)) for row in rows]

    def packet(self, run_id: str) -> HandOver | None:
        """The last hand-over packet."""
        table = schema.packets
        rows = self._rows(sa.select(table.c.packet).where(table.c.run == run_id).order_by(table.c.id.desc()).limit(1))
        return HandOver.model_validate_json(rows[0].packet) if rows else None

    def recall(self, run_id: str, key: str) -> dict[str, Any] | None:
        """The named fact."""
        table = schema.facts
        rows = self._rows(sa.select(table.c.value).where((table.c.run == run_id) & (table.c.key == key)))
        return json.loads(rows[0].value) if rows else None

    def session(self, session: SessionId) -> tuple[Message, ...]:
        """All messages of a session, in order."""
        table = schema.messages
        query = sa.select(table.c.message).where(table.c.session == str(session)).order_by(table.c.position)
        return tuple(Message.model_validate_json(row.message) for row in self._rows(query))

    def say(
        self,
        session: SessionId,
        messages: Sequence[Message],
        notes: Sequence[tuple[str, dict[str, Any]]],
        serial: int | None = None,
        charge: int | None = None,
    ) -> tuple[Message, ...]:
        """Append messages and notes, add their usage to the run and settle request `charge` by it, in one transaction:
        one sync. The messages as they were written. With `serial` only while the run works there: else LostLeaseError,
        and nothing was written."""
        with self.transaction() as transaction:
            written = transaction.append(session, messages, serial, charge)
            transaction.note(session.run, session.phase, notes)
        return written

    def put_blob(self, content: bytes) -> str:
        """Keep bytes by their SHA-256, which is returned."""
        with self.transaction() as transaction:
            return transaction.keep(content)

    def blob(self, sha256: str) -> bytes | None:
        """The bytes kept under `sha256`."""
        rows = self._rows(sa.select(schema.blobs.c.content).where(schema.blobs.c.sha256 == sha256))
        return bytes(rows[0].content) if rows else None

    def witnesses(self) -> Sequence[Witness]:
        return lesson_rows.all_witnesses(self._rows)

    def lesson_words(self) -> Sequence[LessonWord]:
        return lesson_rows.all_words(self._rows)

    def _rows(self, query: sa.Select[Any]) -> Sequence[Any]:
        with reading(self.database) as connection:
            return connection.execute(query).all()
