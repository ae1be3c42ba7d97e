"""The connection under the catalog: transactions that are right on SQLite and on Postgres alike."""

from __future__ import annotations

import json
import re
import sqlite3
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import Any, cast

from sqlalchemy import (
    JSON,
    ColumnElement,
    Connection,
    Engine,
    Select,
    Text,
    column,
    create_engine,
    event,
    func,
    select,
    text,
    type_coerce,
)
from sqlalchemy import cast as sql_cast
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.engine import URL, make_url
from sqlalchemy.exc import ArgumentError, NoSuchModuleError
from sqlalchemy.orm import Session

from mapforge.catalog.database_errors import explain
from mapforge.catalog.schema import ensure_schema
from mapforge.errors import CatalogError

BUSY_TIMEOUT_S = 30.0
SQLITE_SETTINGS = (
    "synchronous=NORMAL",  # with WAL: a crash loses nothing, a power cut at most the last transactions, never the file
    "cache_size=-65536",  # 64 MiB: the upper pages of the indexes of a million tiles
    "wal_autocheckpoint=8000",  # 32 MiB of changes between two syncs
)


class Database:
    """One SQL database. `reading` and `writing` give a session that is one transaction."""

    def __init__(self, url: str) -> None:
        """url: any SQLAlchemy URL of SQLite or Postgres. Missing tables are made, earlier ones upgraded.

        Raises CatalogError when it cannot be opened, is no catalog, or was made by a newer MapForge.
        """
        self._engine = _open(url)
        self._writer = self._engine.execution_options(writes=True)
        ensure_schema(self._writer)

    def close(self) -> None:
        """Gives the database connections back."""
        self._engine.dispose()

    @property
    def engine(self) -> Engine:
        """For transactions that write; `reading` and `writing` are the shorter way."""
        return self._writer

    @contextmanager
    def reading(self) -> Iterator[Session]:
        """A session that sees one state of the database. What it returns stays readable after its end."""
        with Session(self._engine, expire_on_commit=False) as session, session.begin():
            yield session

    @contextmanager
    def writing(self) -> Iterator[Session]:
        """A session whose changes happen all or not at all. On SQLite it is the only writer from its start on."""
        with Session(self._writer, expire_on_commit=False) as session, session.begin():
            yield session

    @property
    def is_sqlite(self) -> bool:
        return self._engine.dialect.name == "sqlite"

    def insert(self, table: Any) -> sqlite.Insert | postgresql.Insert:
        """An insert that knows `on_conflict_do_nothing` and `on_conflict_do_update`."""
        return sqlite.insert(table) if self.is_sqlite else postgresql.insert(table)

    def listed(self, names: Iterable[str]) -> Select[tuple[str]]:
        """A select of the given names: any number of them, in one bound value. Its column is `value`."""
        words = json.dumps(sorted(set(names)))
        if self.is_sqlite:
            rows = func.json_each(words).table_valued(column("value", Text))
        else:
            array = sql_cast(type_coerce(words, Text), JSON)
            rows = func.json_array_elements_text(array).table_valued(column("value", Text))
        return cast("Select[tuple[str]]", select(rows.c.value.label("value")))

    def begins(self, name: Any, prefix: str) -> ColumnElement[bool]:
        """A condition that an index helps with, whatever the language that the server sorts by."""
        if self.is_sqlite:
            return cast("ColumnElement[bool]", name.op("GLOB")(re.sub(r"([*?\[])", r"[\1]", prefix) + "*"))
        return cast("ColumnElement[bool]", name.startswith(prefix, autoescape=True))

    def now_ns(self, session: Session) -> int:
        """The time that leases are counted in: the server's where there is one, so that all machines agree."""
        if self.is_sqlite:
            return time.time_ns()
        return int(session.scalar(text("SELECT (extract(epoch FROM clock_timestamp()) * 1e9)::bigint")) or 0)


def _open(url: str) -> Engine:
    parsed = _with_driver(url)
    on_sqlite = parsed.get_backend_name() == "sqlite"
    options: dict[str, Any] = {"hide_parameters": True, "pool_pre_ping": not on_sqlite}
    if on_sqlite and "timeout" not in parsed.query:
        options["connect_args"] = {"timeout": BUSY_TIMEOUT_S}
    try:
        engine = create_engine(parsed, **options)
    except (NoSuchModuleError, ModuleNotFoundError) as error:
        raise CatalogError(
            f"catalog_url={parsed.render_as_string()}: {error}; for Postgres install mapforge[postgres]"
        ) from error
    event.listen(engine, "handle_error", explain)
    if on_sqlite:
        event.listen(engine, "connect", _tune_sqlite)
        event.listen(engine, "begin", _begin_sqlite)
    return engine


def _with_driver(url: str) -> URL:
    """`postgres://` and `postgresql://` mean the driver that MapForge installs."""
    try:
        parsed = make_url(url)
    except ArgumentError as error:
        raise CatalogError(
            f"catalog_url={url!r} is no database URL: write sqlite:///FILE or postgresql://USER@HOST/NAME"
        ) from error
    if parsed.drivername in ("postgres", "postgresql"):
        return parsed.set(drivername="postgresql+psycopg")
    if parsed.get_backend_name() not in ("sqlite", "postgresql"):
        raise CatalogError(f"catalog_url={parsed.render_as_string()}: only SQLite and Postgres are supported")
    return parsed


def _tune_sqlite(connection: Any, _record: Any) -> None:
    connection.isolation_level = None  # the driver's own BEGIN comes too late: not before reads, not before DDL
    cursor = connection.cursor()
    if cursor.execute("PRAGMA journal_mode").fetchone()[0] != "wal":
        _switch_to_wal(cursor)
    for setting in SQLITE_SETTINGS:
        cursor.execute(f"PRAGMA {setting}")
    cursor.close()


def _switch_to_wal(cursor: sqlite3.Cursor) -> None:
    """A file is switched once, when it is new. SQLite does not wait for others here, whatever its timeout."""
    deadline = time.monotonic() + BUSY_TIMEOUT_S
    while True:
        try:
            cursor.execute("PRAGMA journal_mode=WAL")
            return
        except sqlite3.OperationalError as error:
            if error.sqlite_errorcode != sqlite3.SQLITE_BUSY or time.monotonic() > deadline:
                raise
            time.sleep(0.01)


def _begin_sqlite(connection: Connection) -> None:
    """Writers take their place in the queue at once: a reader that starts to write later could only fail."""
    writes = connection.get_execution_options().get("writes", False)
    connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")
