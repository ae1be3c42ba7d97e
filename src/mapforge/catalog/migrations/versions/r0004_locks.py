"""Locks by name, for what only one process of all machines may do: a night, a release, a withdrawal."""

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"


def upgrade() -> None:
    op.create_table(
        "locks",
        sa.Column("lock", sa.Text(), primary_key=True),
        sa.Column("holder", sa.Text()),
        sa.Column("owner", sa.Text()),
        sa.Column("since_ns", sa.BigInteger()),
    )
