"""A fresh catalog on each kind of database."""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from mapforge.catalog import Catalog
from mapforge.catalog.owner import LEASE_NS
from mapforge.schemas.drive import DriveManifest

sys.path.insert(0, str(Path(__file__).parent))  # postgres_server, old_schema

from postgres_server import FOUND, MISSING, postgres_server


@pytest.fixture(scope="session")
def postgres_folder() -> Iterator[Path]:
    if not FOUND:
        pytest.skip(MISSING)
    with postgres_server() as folder:
        yield folder


@pytest.fixture
def postgres_url(postgres_folder: Path) -> str:
    """The server's database, emptied."""
    import psycopg

    with psycopg.connect(host=str(postgres_folder), user="mapforge", dbname="postgres", autocommit=True) as server:
        server.execute("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE pid <> pg_backend_pid()")
        server.execute("DROP SCHEMA public CASCADE")
        server.execute("CREATE SCHEMA public")
    return f"postgresql://mapforge@/postgres?host={postgres_folder}"


@pytest.fixture(params=["sqlite", pytest.param("postgres", marks=pytest.mark.server)])
def url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """An empty database of each kind."""
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path / 'my catalog.db'}"
    return str(request.getfixturevalue("postgres_url"))


@pytest.fixture
def catalog(url: str) -> Iterator[Catalog]:
    """With one run that is under way: r1, of the region `town`."""
    catalog = Catalog(url)
    catalog.start_run("r1", "town", {"workspace": "w"})
    yield catalog
    catalog.close()


@pytest.fixture(scope="session")
def dead_owner() -> str:
    """A process of this machine that has ended."""
    code = "from mapforge.catalog.owner import this_process; print(this_process())"
    return subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.strip()


@pytest.fixture
def as_owner(monkeypatch: pytest.MonkeyPatch) -> Callable[[str | None], None]:
    """Lets this process act under another name, or under its own again."""

    def act(owner: str | None) -> None:
        monkeypatch.undo()
        if owner is not None:
            monkeypatch.setattr("mapforge.catalog.leases.this_process", lambda: owner)
            monkeypatch.setattr("mapforge.catalog.runs.this_process", lambda: owner)

    return act


@pytest.fixture
def at(monkeypatch: pytest.MonkeyPatch) -> Callable[[float], None]:
    """Sets the clock that leases are counted by, in hours from now."""
    now = time.time_ns()

    def set_clock(hours: float) -> None:
        monkeypatch.setattr(Catalog, "now_ns", lambda *_: now + int(hours * LEASE_NS))

    return set_clock


@pytest.fixture
def manifest() -> Callable[[str], DriveManifest]:
    """The manifest of a drive."""

    def make(drive_id: str) -> DriveManifest:
        return DriveManifest(drive_id, "mcap", "0" * 64, 1, 2, ("lidar",), (), quarantined={"lidar: NaN": 3})

    return make
