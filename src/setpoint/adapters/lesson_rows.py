"""The rows of lessons: what runs teach, and what people said of it."""

from collections.abc import Callable, Sequence
from typing import Any, TypeVar

import sqlalchemy as sa

from ..model.lesson import LessonWord, Witness
from . import schema

Kept = TypeVar("Kept", Witness, LessonWord)
Redact = Callable[[Any], Any]
Rows = Callable[[sa.Select[Any]], Sequence[Any]]


def write_witnesses(connection: sa.Connection, run_id: str, found: Sequence[Witness], redact: Redact) -> None:
    """All that a run teaches, in place of what it taught before."""
    table = schema.lessons
    connection.execute(table.delete().where(table.c.run == run_id))
    rows = [
        {"run": run_id, "lesson": each.lesson, "seq": each.seq, "witness": _clean(each, redact).model_dump_json()}
        for each in found
    ]
    if rows:
        connection.execute(table.insert(), rows)


def write_word(connection: sa.Connection, word: LessonWord, redact: Redact) -> None:
    """One word more."""
    row = {"lesson": word.lesson, "word": _clean(word, redact).model_dump_json()}
    connection.execute(schema.lesson_words.insert().values(row))


def _clean(record: Kept, redact: Redact) -> Kept:
    return type(record).model_validate(redact(record.model_dump(mode="json")))


def all_witnesses(rows: Rows) -> list[Witness]:
    """Of all runs, as they saw it first."""
    table = schema.lessons
    found = rows(sa.select(table.c.witness).order_by(table.c.seq, table.c.run, table.c.lesson))
    return [Witness.model_validate_json(row.witness) for row in found]


def all_words(rows: Rows) -> list[LessonWord]:
    """In the order they were said."""
    table = schema.lesson_words
    return [LessonWord.model_validate_json(row.word) for row in rows(sa.select(table.c.word).order_by(table.c.id))]
