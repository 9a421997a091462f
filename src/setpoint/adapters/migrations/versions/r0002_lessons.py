"""What runs teach, and what people said of it."""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    """Make the tables of lessons; what was there stays as it is."""
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
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer, "sqlite"), primary_key=True, autoincrement=True),
        sa.Column("lesson", sa.String(12), nullable=False),
        sa.Column("word", sa.Text, nullable=False),
    )
