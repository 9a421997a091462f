"""What runs teach and what people said of it; what each model request cost: caps are held over all of them."""

import json

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"

_Id = sa.BigInteger().with_variant(sa.Integer, "sqlite")
_TEXTS = ("run", "repository", "phase", "session", "model", "day", "at", "until", "state")


def upgrade() -> None:
    """Make the tables, and write down what the journals say was spent so far; what was there stays as it is."""
    _lessons()
    _charges()


def _lessons() -> None:
    op.create_table(
        "lessons",
        sa.Column("run", sa.Text, primary_key=True),
        sa.Column("lesson", sa.String(12), primary_key=True),
        sa.Column("seq", sa.BigInteger, nullable=False),
        sa.Column("witness", sa.Text, nullable=False),
    )
    op.create_index("ix_lessons_lesson", "lessons", ["lesson"])
    op.create_table(
        "lesson_words",
        sa.Column("id", _Id, primary_key=True, autoincrement=True),
        sa.Column("lesson", sa.String(12), nullable=False),
        sa.Column("word", sa.Text, nullable=False),
    )


def _charges() -> None:
    charges = op.create_table(
        "charges",
        sa.Column("id", _Id, primary_key=True, autoincrement=True),
        *(sa.Column(name, sa.Text, nullable=False) for name in _TEXTS),
        sa.Column("worst", sa.Float, nullable=True),
        sa.Column("usd", sa.Float, nullable=True),
    )
    op.create_index("ix_charges_run", "charges", ["run"])
    op.create_index("ix_charges_repository_day", "charges", ["repository", "day"])
    connection = op.get_bind()
    runs = connection.execute(sa.text("SELECT id, record FROM runs")).all()
    places = {run: json.loads(record)["repository"] for run, record in runs}
    told = connection.execute(sa.text("SELECT run, at, stage, data FROM events WHERE kind = 'model' ORDER BY seq"))
    rows = []
    for run, at, stage, data in told:
        said = json.loads(data)
        if run in places:
            names = {"run": run, "repository": places[run], "phase": stage, "session": str(said.get("session", ""))}
            times = {"day": at[:10], "at": at, "until": at}
            money = {"state": "settled", "worst": None, "usd": said.get("usd")}
            rows.append({**names, "model": str(said.get("model", "")), **times, **money})
    if rows:
        connection.execute(charges.insert(), rows)
