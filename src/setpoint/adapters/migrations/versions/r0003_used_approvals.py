"""What approvals were used for: each is used once."""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"


def upgrade() -> None:
    """Make the table. Answers from before stay as they are: nobody signed them, and no effect that is still to come
    rests on one."""
    op.create_table("used", *(sa.Column(name, sa.Text, primary_key=name == "nonce", nullable=False) for name in _NAMES))
    op.create_index("ix_used_run", "used", ["run"])


_NAMES = ("nonce", "run", "effect", "at")
