"""The ledger of model requests in SQL: held, settled, lost; and what they come to."""

from datetime import UTC, datetime
from typing import Any

import sqlalchemy as sa

from ..engine.database import reading
from ..model.money import Charge, Scope, Spent
from . import schema

OPEN, SETTLED, LOST = "open", "settled", "lost"


def stored_time(moment: datetime) -> str:
    """A moment as the tables keep it: in UTC, so that texts compare as times do."""
    return moment.astimezone(UTC).isoformat(timespec="microseconds")


def hold(connection: sa.Connection, charge: Charge) -> int:
    """Write a request down before it is made."""
    table = schema.charges
    at = stored_time(charge.at)
    row = {
        **charge.model_dump(include={"run", "repository", "phase", "session", "model"}),
        "day": at[:10],
        "at": at,
        "until": stored_time(charge.until),
        "state": OPEN,
        "worst": charge.worst_usd,
    }
    found = connection.execute(table.insert().values(row).returning(table.c.id)).scalar_one()
    return int(found)


def lose(connection: sa.Connection, run: str, session: str) -> None:
    """What the session still held is lost: whoever made the request is gone."""
    table = schema.charges
    mine = (table.c.run == run) & (table.c.session == session) & (table.c.state == OPEN)
    connection.execute(table.update().where(mine).values(state=LOST))


def settle(connection: sa.Connection, charge: int, usd: float | None) -> None:
    """The request's reply is saved: it cost `usd`; None: unknown."""
    table = schema.charges
    connection.execute(table.update().where(table.c.id == charge).values(state=SETTLED, usd=usd))


def let_go(connection: sa.Connection, charge: int, *, paid: bool) -> None:
    """The request had no reply. `paid`: it may have been charged for."""
    table = schema.charges
    if paid:
        connection.execute(table.update().where(table.c.id == charge).values(state=LOST))
    else:
        connection.execute(table.delete().where(table.c.id == charge))


def spent(connection: sa.Connection, scope: Scope, now: datetime) -> Spent:
    """What the requests in `scope` came to. One that cannot be under way any more is lost: nobody is left to say what
    it cost. A reply whose tokens were not counted counts as its worst case."""
    table = schema.charges
    under_way = (table.c.state == OPEN) & (table.c.until >= stored_time(now))
    gone = sa.or_(table.c.state == LOST, (table.c.state == OPEN) & (table.c.until < stored_time(now)))
    worst = sa.func.coalesce(table.c.worst, 0.0)
    sums = (
        _sum(sa.not_(under_way), sa.func.coalesce(table.c.usd, worst)),
        _sum(under_way, worst),
        _sum(gone, sa.literal(1)),
        _sum(gone, worst),
    )
    wanted = [table.c[name] == value for name, value in scope.model_dump().items() if value]
    settled, held, lost, lost_usd = connection.execute(sa.select(*sums).where(*wanted)).one()
    return Spent(settled=float(settled), held=float(held), lost=int(lost), lost_usd=float(lost_usd))


def _sum(which: Any, what: Any) -> Any:
    return sa.func.coalesce(sa.func.sum(sa.case((which, what), else_=0)), 0)


class Writing:
    """The ledger's part of a transaction."""

    connection: sa.Connection

    def hold(self, charge: Charge) -> int:
        """Write a model request down before it is made; its number."""
        return hold(self.connection, charge)

    def lose(self, run_id: str, session: str) -> None:
        """What the session still held is lost: a session makes one request at a time, and its maker is gone."""
        lose(self.connection, run_id, session)

    def let_go(self, charge: int, *, paid: bool) -> None:
        """A request had no reply; `paid`: it may have been charged for, and counts as its worst case."""
        let_go(self.connection, charge, paid=paid)

    def spent(self, scope: Scope, now: datetime) -> Spent:
        """What the requests of a scope came to."""
        return spent(self.connection, scope, now)


class Reading:
    """The ledger's part of a store."""

    database: sa.Engine

    def spent(self, scope: Scope, now: datetime) -> Spent:
        """What the requests of a scope came to."""
        with reading(self.database) as connection:
            return spent(connection, scope, now)
