"""The first tables."""

from typing import Any

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None

_Id = sa.BigInteger().with_variant(sa.Integer, "sqlite")


def _texts(*names: str) -> list[sa.Column[str]]:
    return [sa.Column(name, sa.Text, nullable=False) for name in names]


def _numbers(*names: str) -> list[sa.Column[int]]:
    return [sa.Column(name, sa.Integer, nullable=False) for name in names]


def _of_a_run(name: str, index: tuple[str, ...], *columns: sa.Column[Any]) -> None:
    op.create_table(
        name,
        sa.Column("id", _Id, primary_key=True, autoincrement=True),
        sa.Column("run", sa.Text, nullable=False),
        *columns,
    )
    op.create_index(f"ix_{name}_{'_'.join(index)}", name, list(index))


def upgrade() -> None:
    """Make the tables of the first release."""
    op.create_table(
        "runs",
        sa.Column("id", sa.Text, primary_key=True),
        *_texts("state", "stage"),
        *_numbers("serial"),
        *_texts("record", "cost", "created", "updated"),
    )
    op.create_index("ix_runs_state", "runs", ["state"])
    op.create_table(
        "events",
        sa.Column("seq", _Id, primary_key=True, autoincrement=True),
        *_texts("run", "at", "kind", "stage", "data"),
        sqlite_autoincrement=True,
    )
    op.create_index("ix_events_run_seq", "events", ["run", "seq"])
    _of_a_run(
        "deliverables",
        ("run", "cycle", "name"),
        *_numbers("cycle"),
        *_texts("name", "digest", "content"),
        sa.Column("void", sa.Boolean, nullable=False),
    )
    _of_a_run("rounds", ("run", "cycle", "stage"), *_numbers("cycle", "visit"), *_texts("stage", "round", "objections"))
    _of_a_run("results", ("run", "tree"), *_texts("stage", "tree", "result"))
    _of_a_run("approvals", ("run", "cycle", "about"), *_numbers("cycle"), *_texts("about", "approval"))
    _of_a_run("packets", ("run",), *_numbers("cycle"), *_texts("packet"))
    op.create_table(
        "questions",
        sa.Column("id", _Id, primary_key=True, autoincrement=True),
        *_texts("run", "question", "record", "session"),
        sa.UniqueConstraint("run", "question", name="uq_questions_run_question"),
    )
    op.create_table(
        "facts",
        sa.Column("run", sa.Text, primary_key=True),
        sa.Column("key", sa.Text, primary_key=True),
        *_texts("value"),
    )
    op.create_table(
        "messages",
        sa.Column("session", sa.Text, primary_key=True),
        sa.Column("position", sa.Integer, primary_key=True, autoincrement=False),
        *_texts("message"),
    )
    op.create_table(
        "blobs",
        sa.Column("sha256", sa.String(64), primary_key=True),
        sa.Column("content", sa.LargeBinary, nullable=False),
    )
