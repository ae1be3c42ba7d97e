"""When a run last gave a sign of life, so that one whose machine is gone is not taken for living forever."""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"


def upgrade() -> None:
    op.add_column("runs", sa.Column("renewed_ns", sa.BigInteger()))
