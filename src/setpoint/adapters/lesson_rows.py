"""The store's part that keeps what runs teach."""

from collections.abc import Callable, Sequence
from typing import Any, TypeVar

import sqlalchemy as sa

from ..model.lesson import LessonWord, Witness
from . import schema

Kept = TypeVar("Kept", Witness, LessonWord)


class TeachesRows:
    """A transaction's part: what it promises stands at the port."""

    connection: sa.Connection
    _redact: Callable[[Any], Any]

    def teach(self, run_id: str, witnesses: Sequence[Witness]) -> None:
        table = schema.lessons
        self.connection.execute(table.delete().where(table.c.run == run_id))
        rows = [
            {"run": run_id, "lesson": w.lesson, "seq": w.seq, "witness": self._clean(w).model_dump_json()}
            for w in witnesses
        ]
        if rows:
            self.connection.execute(table.insert(), rows)

    def rule_on(self, word: LessonWord) -> None:
        row = {"lesson": word.lesson, "word": self._clean(word).model_dump_json()}
        self.connection.execute(schema.lesson_words.insert().values(row))

    def _clean(self, record: Kept) -> Kept:
        return type(record).model_validate(self._redact(record.model_dump(mode="json")))


class LooksAtRows:
    """A store's part."""

    def _rows(self, query: sa.Select[Any]) -> Sequence[Any]:
        raise NotImplementedError

    def witnesses(self) -> Sequence[Witness]:
        table = schema.lessons
        rows = self._rows(sa.select(table.c.witness).order_by(table.c.seq, table.c.run, table.c.lesson))
        return [Witness.model_validate_json(row.witness) for row in rows]

    def lesson_words(self) -> Sequence[LessonWord]:
        table = schema.lesson_words
        rows = self._rows(sa.select(table.c.word).order_by(table.c.id))
        return [LessonWord.model_validate_json(row.word) for row in rows]
