"""What goes wrong with databases, and what is said about it."""

import os
import resource
import sqlite3
import subprocess
import sys
from pathlib import Path

import pytest
from sqlalchemy import text
from sqlalchemy.exc import IntegrityError

from mapforge.catalog import Catalog
from mapforge.catalog.tables import TileState
from mapforge.errors import CatalogError

TILE = "32617/1/1"


@pytest.fixture
def file(tmp_path) -> Path:
    path = tmp_path / "catalog.db"
    catalog = Catalog(f"sqlite:///{path}")
    catalog.start_run("r1", "town", {})
    catalog.claim([TILE], "r1")
    catalog.close()
    return path


def test_a_catalog_locked_for_too_long_says_so_and_goes_on_afterwards(file):
    catalog = Catalog(f"sqlite:///{file}?timeout=0.2")
    holder = sqlite3.connect(file, isolation_level=None)
    holder.execute("BEGIN IMMEDIATE")
    with pytest.raises(CatalogError, match=r"catalog\.db.*: database is locked; another process.*try again"):
        catalog.set_tile(TILE, TileState.VALID)
    assert catalog.tile(TILE).state == "building", "reading goes on meanwhile"
    holder.execute("ROLLBACK")
    catalog.set_tile(TILE, TileState.VALID)
    assert catalog.tile(TILE).state == "valid"
    catalog.close()


def test_a_writer_waits_for_another_to_finish(file):
    """Both begin as writers: neither can find at its end that it read something old."""
    first, second = Catalog(f"sqlite:///{file}"), Catalog(f"sqlite:///{file}?timeout=0.2")
    with first.writing() as session:
        session.execute(text("SELECT 1"))
        with pytest.raises(CatalogError, match="locked"), second.writing() as other:
            other.execute(text("SELECT 1"))
    first.close()
    second.close()


def test_a_read_only_catalog_can_be_looked_at_but_not_written(file):
    catalog = Catalog(f"sqlite:///file:{file}?mode=ro&uri=true")
    assert catalog.tile(TILE).state == "building"
    with pytest.raises(CatalogError, match=r"readonly database; .* read-only: give this user write access"):
        catalog.set_tile(TILE, TileState.VALID)
    catalog.close()


@pytest.mark.skipif(os.geteuid() != 0, reason="needs root, to become somebody who may not write")
def test_a_workspace_that_somebody_else_owns_is_named(tmp_path_factory):
    import tempfile

    with tempfile.TemporaryDirectory() as folder:
        Path(folder).chmod(0o755)
        code = f"from mapforge.catalog import Catalog\nCatalog.of({folder!r}, None)"
        words = [sys.executable, "-c", f"import os\nimport mapforge.catalog.store\nos.setuid(65534)\n{code}"]
        done = subprocess.run(words, capture_output=True, text=True, check=False)
    assert "CatalogError" in done.stderr
    assert "unable to open database file; make sure that its folder exists" in done.stderr


def test_a_file_that_is_no_database_is_left_alone(tmp_path):
    path = tmp_path / "catalog.db"
    path.write_text("this is not a database " * 100)
    with pytest.raises(CatalogError, match=r"catalog\.db: file is not a database; .*move it away"):
        Catalog(f"sqlite:///{path}")
    assert path.read_text().startswith("this is not")


@pytest.mark.parametrize("part", ["tail", "middle"])
def test_a_damaged_catalog_is_called_damaged(file, part):
    catalog = Catalog(f"sqlite:///{file}")
    catalog.claim([f"32617/2/{n}" for n in range(5000)], "r1")
    with catalog.writing() as session:
        session.execute(text("SELECT 1"))
    catalog.close()
    with sqlite3.connect(file) as plain:
        plain.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    plain.close()
    content = bytearray(file.read_bytes())
    assert len(content) > 100_000
    if part == "tail":
        del content[len(content) // 3 :]
    else:
        content[8192 : len(content) - 8192] = os.urandom(len(content) - 16384)
    file.write_bytes(content)
    with pytest.raises(CatalogError, match="malformed; the file is damaged: put a backup"):
        Catalog(f"sqlite:///{file}").tiles()


def test_a_full_disk_loses_nothing_that_was_committed(file):
    """SQLite's own limit of pages stands for the disk: the same error at the same place."""
    catalog = Catalog(f"sqlite:///{file}")
    with pytest.raises(CatalogError, match="full; the disk is full: free some space"), catalog.writing() as session:
        pages = session.scalar(text("PRAGMA page_count"))
        session.connection().exec_driver_sql(f"PRAGMA max_page_count = {pages}")
        for number in range(100):
            session.execute(
                text("INSERT INTO builds VALUES (:t, :b, 'f', 'r', 1, NULL)"), {"t": number, "b": "x" * 999}
            )
    assert catalog.tile(TILE).state == "building"
    assert catalog.builds("0") == []
    catalog.close()
    again = Catalog(f"sqlite:///{file}")
    again.set_tile(TILE, TileState.VALID)
    again.close()


def test_out_of_file_handles_is_said_and_does_not_last(file):
    catalog = Catalog(f"sqlite:///{file}")
    catalog.close()
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    with Path(os.devnull).open() as lowest_free:
        limit = lowest_free.fileno()
    resource.setrlimit(resource.RLIMIT_NOFILE, (limit, hard))
    try:
        with pytest.raises(CatalogError, match="not too many files are open"):
            catalog.tiles()
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
    assert len(catalog.tiles()) == 1
    catalog.close()


def test_what_is_no_fault_of_the_database_keeps_its_name(file):
    catalog = Catalog(f"sqlite:///{file}")
    with pytest.raises(IntegrityError), catalog.writing() as session:
        session.execute(text("INSERT INTO tiles SELECT * FROM tiles"))
    catalog.close()


@pytest.mark.parametrize(
    ("url", "message"),
    [
        ("not a url", "is no database URL: write sqlite:///FILE"),
        ("mysql+pymysql://u:secret@h/d", "only SQLite and Postgres"),
        ("postgresql+nodriver://u:secret@h/d", r"install mapforge\[postgres\]"),
        ("sqlite:////no/such/folder/c.db", "unable to open database file; make sure that its folder exists"),
        ("postgresql://u:secret@localhost:1/d?connect_timeout=2", "make sure that the server runs"),
    ],
)
def test_a_wrong_url_says_what_to_do_and_no_password(url, message):
    with pytest.raises(CatalogError, match=message) as caught:
        Catalog(url)
    assert "secret" not in str(caught.value)


@pytest.mark.server
def test_a_server_that_went_away_and_came_back_is_used_again(postgres_url):
    """The connections in the pool are dead then; the next call opens a new one."""
    import psycopg

    catalog = Catalog(postgres_url)
    catalog.start_run("r1", "town", {})
    with psycopg.connect(postgres_url, autocommit=True) as server:
        server.execute("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE pid <> pg_backend_pid()")
    assert catalog.run("latest").run_id == "r1"
    catalog.close()


@pytest.mark.server
def test_a_database_that_is_not_there_is_named(postgres_url):
    with pytest.raises(CatalogError, match=r'"nowhere" does not exist; make sure that the server runs'):
        Catalog(postgres_url.replace("/postgres?", "/nowhere?"))
