"""A machine that lets a run down: a clear error, nothing torn, and the next run goes on from there."""

from __future__ import annotations

import os
import resource
import shutil
import sqlite3
import subprocess
import time
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest
from tiny_region import attempts, products, tiny_settings

from mapforge.catalog import Catalog
from mapforge.errors import CatalogError, MapForgeError
from mapforge.pipeline.parking import all_parked
from mapforge.pipeline.run import run_region
from mapforge.pipeline.runners import InlineRunner

SETTING = "vectorization.min_length_m=3.5"
MADE = ("observations", "drive_elements", "map_elements", "tiles")


@pytest.fixture(scope="module")
def expected(mapped_once, tiny_logs, tmp_path_factory):
    """What an undisturbed run makes of the mapped region with the changed setting."""
    workspace = tmp_path_factory.mktemp("undisturbed") / "w"
    shutil.copytree(mapped_once[0], workspace)
    shutil.rmtree(workspace / "tiles")
    run_region(tiny_settings(workspace, tiny_logs, SETTING), InlineRunner())
    return products(workspace, MADE)


@pytest.fixture
def due(mapped):
    """The mapped region, of which observations and all that follows are due once the setting changes."""
    for folder in ("observations/32632", "tiles"):
        shutil.rmtree(mapped / folder)
    return mapped


@contextmanager
def small_disk(folder, source, spare_bytes):
    """A copy of a workspace on a file system of its own with little space left; skipped where mounting is forbidden."""
    folder.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=400m", "tmpfs", str(folder)]
    if os.geteuid() != 0 or subprocess.run(mount, capture_output=True, check=False).returncode != 0:
        pytest.skip("mounting a file system needs root")
    try:
        shutil.copytree(source, folder / "w")
        used = shutil.disk_usage(folder).used
        subprocess.run(["mount", "-o", f"remount,size={used + spare_bytes}", str(folder)], check=True)
        yield folder / "w"
    finally:
        subprocess.run(["umount", "-l", str(folder)], check=True)


@contextmanager
def soft_limit(kind, value):
    before = resource.getrlimit(kind)
    resource.setrlimit(kind, (value, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(kind, before)


@contextmanager
def few_file_handles(left=3):
    """All handles of this process but a few are in use."""
    in_use = max(int(path.name) for path in Path("/proc/self/fd").iterdir())
    taken = []
    try:
        with soft_limit(resource.RLIMIT_NOFILE, in_use + 8):
            with suppress(OSError):
                while True:
                    taken.append(os.open("/dev/null", os.O_RDONLY))
            for _ in range(left):
                os.close(taken.pop())
            yield
    finally:
        for handle in taken:
            os.close(handle)


def what_went_wrong(settings):
    """All that a run says of its failures, whether it raises or reports them."""
    try:
        report = run_region(settings, InlineRunner())
    except (MapForgeError, OSError) as error:
        return f"{type(error).__name__}: {error}"
    said = [tile["error"] or "" for tile in report["tiles"]] + [drive["note"] for drive in report["drives"]]
    return "; ".join(said)


def goes_on(settings, expected):
    """The next run completes, to the bytes of an undisturbed one, and nothing was parked."""
    report = run_region(settings, InlineRunner())
    assert {tile["state"] for tile in report["tiles"]} <= {"valid", "rejected"}
    assert {drive["state"] for drive in report["drives"]} == {"used"}
    assert products(Path(settings.workspace), MADE) == expected


@pytest.mark.parametrize("spare_bytes", [20_000, 400_000])
def test_a_full_disk(due, tiny_logs, expected, tmp_path, spare_bytes):
    with small_disk(tmp_path / "disk", due, spare_bytes) as workspace:
        settings = tiny_settings(workspace, tiny_logs, SETTING, "engine.park_after=1")
        said = what_went_wrong(settings)
        assert any(words in said for words in ("No space left on device", "disk is full", "the space left"))
        torn = [path for path in workspace.rglob("*.parquet") if path.stat().st_size == 0 and "tmp" not in path.parts]
        assert torn == []
        subprocess.run(["mount", "-o", "remount,size=400m", str(workspace.parent)], check=True)
        goes_on(settings, expected)
        assert all_parked(Catalog.of(str(workspace), None)) == ([], [])


def test_a_read_only_workspace(due, tiny_logs, expected, tmp_path):
    with small_disk(tmp_path / "disk", due, 200_000_000) as workspace:
        settings = tiny_settings(workspace, tiny_logs, SETTING)
        subprocess.run(["mount", "-o", "remount,ro", str(workspace.parent)], check=True)
        said = what_went_wrong(settings)
        assert any(words in said.lower() for words in ("read-only", "readonly", "this user may write there"))
        subprocess.run(["mount", "-o", "remount,rw", str(workspace.parent)], check=True)
        goes_on(settings, expected)


def test_files_that_must_not_grow(due, tiny_logs, expected):
    """What a quota does. The catalog's own files are larger than that already, so that the jobs meet it first."""
    settings = tiny_settings(due, tiny_logs, SETTING, "engine.park_after=1")
    settings.catalog_url = f"sqlite:///{due / 'catalog.db'}"
    with soft_limit(resource.RLIMIT_FSIZE, 60_000):
        said = what_went_wrong(settings)
    assert "File too large" in said or "disk is full" in said or "disk I/O error" in said
    goes_on(settings, expected)


def test_a_locked_catalog(due, tiny_logs, expected):
    settings = tiny_settings(due, tiny_logs, SETTING)
    settings.catalog_url = f"sqlite:///{due / 'catalog.db'}?timeout=0.5"
    holder = sqlite3.connect(due / "catalog.db", isolation_level=None)
    holder.execute("BEGIN EXCLUSIVE")
    started = time.monotonic()
    with pytest.raises(CatalogError, match=r"locked|busy"):
        run_region(settings, InlineRunner())
    assert time.monotonic() - started < 20.0
    holder.execute("ROLLBACK")
    holder.close()
    goes_on(settings, expected)


@pytest.mark.parametrize("jump_s", [-86_400 * 400, 86_400 * 400])
def test_a_clock_that_jumps_in_the_middle_of_a_run(due, tiny_logs, expected, monkeypatch, jump_s):
    settings = tiny_settings(due, tiny_logs, SETTING)
    real, begun = time.time_ns, time.monotonic()
    monkeypatch.setattr(time, "time_ns", lambda: real() + (jump_s * 10**9 if time.monotonic() - begun > 1.0 else 0))
    goes_on(settings, expected)
    monkeypatch.undo()
    again = run_region(settings, InlineRunner())
    assert attempts(due, again["run_id"]) == {}
    catalog = Catalog.of(str(due), None)
    assert all(tile.lease_owner is None for tile in catalog.tiles())


def test_out_of_file_handles(due, tiny_logs, expected):
    settings = tiny_settings(due, tiny_logs, SETTING)
    with few_file_handles():
        said = what_went_wrong(settings)
    assert "Too many open files" in said or "too many files are open" in said
    goes_on(settings, expected)
