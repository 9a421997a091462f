"""The ledger of model requests in SQL: held, settled, lost; and what they come to."""

from datetime import datetime
from functools import cache
from typing import Any

import sqlalchemy as sa

from ..engine.database import reading
from ..model.money import Charge, Scope, Spent
from . import schema
from .row_values import stored_time

OPEN, SETTLED, LOST = "open", "settled", "lost"


# Put together once: building an expression costs more than running it.
_T = schema.charges
_HOLD = _T.insert().returning(_T.c.id)
_MINE = (_T.c.run == sa.bindparam("of_run")) & (_T.c.session == sa.bindparam("of_session")) & (_T.c.state == OPEN)
_LOSE_ALL = _T.update().where(_MINE).values(state=LOST)
_ONE = _T.c.id == sa.bindparam("number")
_LOSE = _T.update().where(_ONE).values(state=LOST)
_SETTLE = _T.update().where(_ONE).values(state=SETTLED, usd=sa.bindparam("paid"))
_FORGET = _T.delete().where(_ONE)


def hold(connection: sa.Connection, charge: Charge) -> int:
    """Write a request down before it is made."""
    at = stored_time(charge.at)
    row = {
        **charge.model_dump(include={"run", "repository", "phase", "session", "model"}),
        "day": at[:10],
        "at": at,
        "until": stored_time(charge.until),
        "state": OPEN,
        "worst": charge.worst_usd,
        "usd": None,
    }
    return int(connection.execute(_HOLD, row).scalar_one())


def lose(connection: sa.Connection, run: str, session: str) -> None:
    """What the session still held is lost: whoever made the request is gone."""
    connection.execute(_LOSE_ALL, {"of_run": run, "of_session": session})


def settle(connection: sa.Connection, charge: int, usd: float | None) -> None:
    """The request's reply is saved: it cost `usd`; None: unknown."""
    connection.execute(_SETTLE, {"number": charge, "paid": usd})


def let_go(connection: sa.Connection, charge: int, *, paid: bool) -> None:
    """The request had no reply. `paid`: it may have been charged for."""
    connection.execute(_LOSE if paid else _FORGET, {"number": charge})


def spent(connection: sa.Connection, scope: Scope, now: datetime) -> Spent:
    """What the requests in `scope` came to. One that cannot be under way any more is lost: nobody is left to say what
    it cost. A reply whose tokens were not counted counts as its worst case."""
    wanted = {name: value for name, value in scope.model_dump().items() if value}
    row = connection.execute(_sums(tuple(wanted)), {"now": stored_time(now), **wanted}).one()
    settled, held, lost, lost_usd = row
    return Spent(settled=float(settled), held=float(held), lost=int(lost), lost_usd=float(lost_usd))


@cache
def _sums(names: tuple[str, ...]) -> sa.Select[Any]:
    """The sums over the requests that are given by these columns."""
    until: sa.BindParameter[str] = sa.bindparam("now")
    under_way = (_T.c.state == OPEN) & (_T.c.until >= until)
    gone = sa.or_(_T.c.state == LOST, (_T.c.state == OPEN) & (_T.c.until < until))
    worst = sa.func.coalesce(_T.c.worst, 0.0)
    sums = (
        _sum(sa.not_(under_way), sa.func.coalesce(_T.c.usd, worst)),
        _sum(under_way, worst),
        _sum(gone, sa.literal(1)),
        _sum(gone, worst),
    )
    return sa.select(*sums).where(*(_T.c[name] == sa.bindparam(name) for name in names))


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
