"""The stage as a whole: once a log, whole or not at all."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from ingest_logs import Ingest, lidar_message, write_av2, write_kitti, write_mcap

from mapforge.errors import DriveRefusedError
from mapforge.ingest import source_index
from mapforge.ingest.config import IngestConfig
from mapforge.ingest.discovery import find_logs
from mapforge.ingest.stage import IngestInputs, run
from mapforge.io.drive_store import DriveReader
from mapforge.io.workspace import Workspace


def write_log(path: Path, first: int = 0, sweeps: int = 3) -> Path:
    return write_mcap(path, [lidar_message(first + i) for i in range(sweeps)])


def test_a_log_already_there_is_left_as_it_is(tmp_path: Path, ingest: Ingest, monkeypatch: pytest.MonkeyPatch) -> None:
    log = write_log(tmp_path / "a.mcap")
    first = ingest(log)
    written = (first.folder / "lidar.parquet").stat().st_mtime_ns
    monkeypatch.setattr(source_index, "sha256_of_file", lambda path: pytest.fail(f"hashed {path} again"))
    again = ingest(log)
    assert again.manifest == first.manifest
    assert (again.folder / "lidar.parquet").stat().st_mtime_ns == written


def test_the_same_content_elsewhere_is_the_same_drive(tmp_path: Path, ingest: Ingest, workspace: Workspace) -> None:
    first = ingest(write_log(tmp_path / "a.mcap"))
    shutil.copy(tmp_path / "a.mcap", tmp_path / "renamed.mcap")
    assert ingest(tmp_path / "renamed.mcap").manifest == first.manifest
    (workspace.root / "sources.json").unlink()
    assert ingest(tmp_path / "a.mcap").manifest == first.manifest
    assert len(list(workspace.drives.iterdir())) == 1


@pytest.mark.parametrize("write", [write_av2, write_kitti])
def test_folders_are_known_by_names_and_content(tmp_path: Path, ingest: Ingest, workspace: Workspace, write) -> None:  # type: ignore[no-untyped-def]
    ingest(write(tmp_path / "one"))
    ingest(write(tmp_path / "other" / "one"))
    assert len(list(workspace.drives.iterdir())) == 1


def test_another_log_of_the_same_name_is_another_drive(tmp_path: Path, ingest: Ingest, workspace: Workspace) -> None:
    (tmp_path / "car 1").mkdir()
    (tmp_path / "car 2").mkdir()
    first = ingest(write_log(tmp_path / "car 1" / "log =~ 7.mcap"))
    second = ingest(write_log(tmp_path / "car 2" / "log =~ 7.mcap", first=9))
    assert first.manifest.drive_id == "log-7"
    assert second.manifest.drive_id == f"log-7-{second.manifest.source_sha256[:8]}"
    assert DriveReader(workspace.drive("log-7")).manifest == first.manifest


def test_same_names_at_the_same_time(tmp_path: Path, workspace: Workspace) -> None:
    for i in range(4):
        (tmp_path / str(i)).mkdir()
        write_log(tmp_path / str(i) / "log.mcap", first=10 * (i % 3))
    config = IngestConfig(min_points_per_sweep=1)
    logs = [log for i in range(4) for log in find_logs(tmp_path / str(i))]
    with ThreadPoolExecutor(4) as pool:
        manifests = list(pool.map(lambda log: run(IngestInputs(log, workspace), config), logs))
    assert len({m.drive_id for m in manifests}) == 3
    assert manifests[0] == manifests[3]


def test_other_settings_or_a_damaged_drive_make_it_again(tmp_path: Path, ingest: Ingest) -> None:
    log = write_log(tmp_path / "a.mcap")
    first = ingest(log)
    other = ingest(log, max_range_m=30.0)
    assert other.manifest.drive_id == first.manifest.drive_id
    assert other.manifest.quarantined["lidar: point out of range"] > 0
    (other.folder / "lidar.parquet").write_bytes(b"")
    assert len(ingest(log, max_range_m=30.0).sweep_index()) == 3


def test_same_bytes_in_any_workspace(tmp_path: Path) -> None:
    log = write_log(tmp_path / "a.mcap")
    written = []
    for name in ("one", "two"):
        workspace = Workspace(tmp_path / name)
        (source,) = find_logs(log)
        run(IngestInputs(source, workspace), IngestConfig(min_points_per_sweep=1))
        written.append({p.name: p.read_bytes() for p in sorted(workspace.drive("a").iterdir())})
    assert written[0] == written[1]


def test_a_refused_drive_leaves_nothing(tmp_path: Path, ingest: Ingest, workspace: Workspace) -> None:
    with pytest.raises(DriveRefusedError):
        ingest(write_log(tmp_path / "a.mcap"), min_sweeps=50)
    assert not list(workspace.drives.glob("*"))
    assert not [p for p in workspace.tmp.iterdir() if p.is_dir()]


def test_a_configured_origin_is_marked(tmp_path: Path, workspace: Workspace) -> None:
    (source,) = find_logs(write_kitti(tmp_path))
    manifest = run(IngestInputs(source, workspace, origin_lon_lat_deg=(8.4, 49.0)), IngestConfig())
    assert manifest.reference_lon_lat_deg == (8.4, 49.0)
    assert any("configured" in warning for warning in manifest.warnings)


SLOW_INGEST = """
import sys, time
from pathlib import Path
from mapforge.ingest.config import IngestConfig
from mapforge.ingest.discovery import find_logs
from mapforge.ingest.stage import IngestInputs, run
from mapforge.io import drive_writer
from mapforge.io.workspace import Workspace

add = drive_writer.DriveWriter.add_sweep
def slow(self, *args, **kwargs):
    add(self, *args, **kwargs)
    print("sweep", flush=True)
    time.sleep(0.05)
drive_writer.DriveWriter.add_sweep = slow
run(IngestInputs(find_logs(Path(sys.argv[1]))[0], Workspace(Path(sys.argv[2]))), IngestConfig(min_points_per_sweep=1))
"""


def test_killed_half_way_no_half_drive_is_visible_and_a_rerun_completes(
    tmp_path: Path, ingest: Ingest, workspace: Workspace
) -> None:
    log = write_log(tmp_path / "a.mcap", sweeps=40)
    process = subprocess.Popen(
        [sys.executable, "-c", SLOW_INGEST, str(log), str(workspace.root)],
        stdout=subprocess.PIPE,
        env={**os.environ, "OMP_NUM_THREADS": "1"},
    )
    assert process.stdout is not None
    for _ in range(5):
        assert process.stdout.readline() == b"sweep\n"
    assert not list(workspace.drives.glob("*"))
    process.send_signal(signal.SIGKILL)
    process.wait()
    assert not list(workspace.drives.glob("*"))
    started = time.monotonic()
    assert len(ingest(log).sweep_index()) == 40
    assert time.monotonic() - started < 30, "a dead process's lock held the run up"
