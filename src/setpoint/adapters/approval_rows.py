"""Approvals in SQL: every answer as it was signed, and which nonces were used for what."""

from collections.abc import Sequence
from typing import Any

import sqlalchemy as sa

from ..engine.database import reading
from ..model.approval import Approval, Used
from . import schema
from .row_values import now, stored_time


class Writing:
    """The approvals' part of a transaction."""

    connection: sa.Connection

    def approve(self, run_id: str, cycle: int, approval: Approval) -> None:
        """A person's answer at a decision."""
        row = {"run": run_id, "cycle": cycle, "about": approval.about, "approval": approval.model_dump_json()}
        self.connection.execute(schema.approvals.insert().values(row))

    def use(self, nonce: str, run_id: str, effect: str) -> bool:
        """Use `nonce` for `effect` of a run; false when it was used before for anything else. The same again is the
        same use: an effect that is repeated after a crash."""
        row = {"nonce": nonce, "run": run_id, "effect": effect, "at": stored_time(now())}
        # Whoever else inserts it waits here for this transaction's end.
        self.connection.execute(schema.inserting(self.connection, schema.used).values(row).on_conflict_do_nothing())
        table = schema.used
        stands = self.connection.execute(sa.select(table.c.run, table.c.effect).where(table.c.nonce == nonce)).one()
        return bool((stands.run, stands.effect) == (run_id, effect))


class Reading:
    """The approvals' part of a store."""

    database: sa.Engine

    def approvals(self, run_id: str, cycle: int, about: str = "") -> Sequence[Approval]:
        """Answers of a cycle in order, at one decision or at all."""
        table = schema.approvals
        query = sa.select(table.c.approval).where((table.c.run == run_id) & (table.c.cycle == cycle))
        if about:
            query = query.where(table.c.about == about)
        return [Approval.model_validate_json(row.approval) for row in self._all(query.order_by(table.c.id))]

    def uses(self, run_id: str) -> Sequence[Used]:
        """What the approvals of a run were used for, in the order of time."""
        table = schema.used
        query = sa.select(table).where(table.c.run == run_id).order_by(table.c.at, table.c.nonce)
        return [Used.model_validate(dict(row._mapping)) for row in self._all(query)]

    def _all(self, query: sa.Select[Any]) -> Sequence[Any]:
        with reading(self.database) as connection:
            return connection.execute(query).all()
