"""What stands in the rows of the store, and how some of them are found."""

import json
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import sqlalchemy as sa

from ..model.run import Run
from ..model.session import Message
from . import schema
from .glance import LISTED

_OURS = frozenset(("kind", "provider"))
"""What of a message's part nobody but setpoint says: a dummy key that is called like it must not hide it."""


def fitting(prefix: str) -> sa.Select[Any]:
    """The first runs whose id starts with `prefix`."""
    table = schema.runs
    query = sa.select(table.c.id, table.c.record, table.c.cost)
    return query.where(table.c.id.startswith(prefix, autoescape=True)).order_by(table.c.id).limit(LISTED)


def stands(run_id: str, cycle: int, name: str) -> sa.ColumnElement[bool]:
    """That a deliverable is this one and was not voided."""
    table = schema.deliverables
    return (table.c.run == run_id) & (table.c.cycle == cycle) & (table.c.name == name) & table.c.void.is_(False)


def columns_of(run: Run) -> dict[str, Any]:
    """A run's columns that move with it."""
    position = run.position
    return {
        "state": position.state.value,
        "stage": position.stage,
        "serial": position.serial,
        "record": run.model_dump_json(exclude={"cost"}),
        "updated": stored_time(run.updated),
    }


def as_json(value: Any) -> str:
    """A value as it is kept."""
    return json.dumps(value, separators=(",", ":"), ensure_ascii=False)


def kept_of(message: Message, redact: Callable[[Any], Any]) -> tuple[dict[str, Any], Message]:
    """A message without secrets, as it is written and as it is read again. What a provider sealed is whole or gone:
    altered, the provider would refuse the whole session."""
    told = message.model_dump(mode="json")
    kept = [{name: value if name in _OURS else redact(value) for name, value in part.items()} for part in told["parts"]]
    if kept == told["parts"]:
        return told, message
    pairs = zip(told["parts"], kept, strict=True)
    whole = [after for before, after in pairs if after == before or before["kind"] != "opaque"]
    told = {**told, "parts": whole}
    return told, Message.model_validate(told)


def now() -> datetime:
    """The moment."""
    return datetime.now(UTC)


def stored_time(moment: datetime) -> str:
    """A moment as it is kept: sorts as text."""
    return moment.astimezone(UTC).isoformat(timespec="microseconds")
