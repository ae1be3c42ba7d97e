"""What planning by the catalog needs: recipes, fingerprints, failures in a row, which drive touches which tile.

And what releases are checked by: the sha256 of builds and manifests.
"""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    op.add_column("drives", sa.Column("failures", sa.BigInteger(), nullable=False, server_default="0"))
    op.add_column("drives", sa.Column("fingerprint", sa.Text()))
    op.add_column("tiles", sa.Column("recipe", sa.Text()))
    op.add_column("tiles", sa.Column("fingerprint", sa.Text()))
    op.add_column("tiles", sa.Column("failures", sa.BigInteger(), nullable=False, server_default="0"))
    op.drop_index("tiles_by_state", "tiles")
    op.create_index("tiles_to_plan", "tiles", ["state", "recipe", "tile"])
    op.create_index("attempts_by_item", "attempts", ["item"], postgresql_ops={"item": "text_pattern_ops"})
    op.add_column("builds", sa.Column("sha256", sa.Text()))
    op.add_column("releases", sa.Column("manifest_sha256", sa.Text()))
    op.create_table(
        "drive_tiles",
        sa.Column("drive_id", sa.Text(), primary_key=True),
        sa.Column("tile", sa.Text(), primary_key=True),
        sqlite_with_rowid=False,
    )
    op.create_index("drive_tiles_by_tile", "drive_tiles", ["tile"])
    if op.get_context().dialect.name == "postgresql":
        op.alter_column("attempts", "attempt_id", type_=sa.BigInteger())
        op.execute("ALTER SEQUENCE attempts_attempt_id_seq AS BIGINT")
