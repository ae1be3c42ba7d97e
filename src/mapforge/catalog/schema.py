"""The version of the tables: made at the newest, upgraded from an earlier one, refused from a later one."""

from __future__ import annotations

from pathlib import Path

from sqlalchemy import Connection, Engine, inspect, text

from mapforge.catalog.tables import Table
from mapforge.errors import CatalogError

REVISIONS = ("0001", "0002", "0003", "0004")
"""Oldest first, one a file in migrations/versions; the last is what tables.py says."""
FIRST, NEWEST = REVISIONS[0], REVISIONS[-1]
LOCK_KEY = 0x6D61706667  # any number that every MapForge agrees on


def ensure_schema(engine: Engine) -> None:
    """Brings the tables to the newest version, in one transaction; processes that come at once wait for each other.

    Raises CatalogError when the database was made by a newer MapForge, or holds the tables of something else.
    """
    with engine.execution_options(writes=False).connect() as connection:
        if _version(connection) == NEWEST:
            return
    with engine.begin() as connection:
        if connection.dialect.name == "postgresql":
            connection.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": LOCK_KEY})
        version = _version(connection)
        if version is None:
            version = _begin(connection)
        if version not in REVISIONS:
            raise CatalogError(
                f"catalog {engine.url.render_as_string()} has schema '{version}', this MapForge knows "
                f"{FIRST} to {NEWEST}: it was made by a newer one; update this installation, or name another catalog "
                "with catalog_url="
            )
        if version != NEWEST:
            _upgrade(connection)


def _version(connection: Connection) -> str | None:
    if not inspect(connection).has_table("alembic_version"):
        return None
    return connection.scalar(text("SELECT version_num FROM alembic_version"))


def _begin(connection: Connection) -> str:
    """An empty database gets all tables; tables without a version are those of before there were versions."""
    tables = set(inspect(connection).get_table_names())
    if tables and not {"runs", "tiles", "attempts"} <= tables:
        raise CatalogError(
            f"catalog {connection.engine.url.render_as_string()} holds tables that are not MapForge's "
            f"({', '.join(sorted(tables)[:5])}): name a database of its own with catalog_url="
        )
    version = FIRST if tables else NEWEST
    if not tables:
        Table.metadata.create_all(connection)
    connection.execute(text("CREATE TABLE alembic_version (version_num VARCHAR(32) NOT NULL PRIMARY KEY)"))
    connection.execute(text("INSERT INTO alembic_version VALUES (:version)"), {"version": version})
    return version


def _upgrade(connection: Connection) -> None:
    from alembic import command
    from alembic.config import Config

    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parent / "migrations"))
    config.attributes["connection"] = connection
    command.upgrade(config, "head")
