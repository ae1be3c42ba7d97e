"""The drive store: what is written comes back bit for bit, read piece by piece, and nothing unfinished is visible."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from mapforge.errors import ContractError, MissingInputError
from mapforge.io.drive_store import DriveReader
from mapforge.io.drive_writer import DriveWriter
from mapforge.io.workspace import Workspace
from mapforge.schemas.drive import DRIVE_TABLES, DriveManifest

STEP_NS = 100_000_000


def make_sweep(seed: int, rows: int = 500) -> dict[str, np.ndarray]:
    rng = np.random.default_rng(seed)
    return {
        "xyz_ego": rng.normal(0.0, 30.0, (rows, 3)).astype(np.float32),
        "intensity": (rng.integers(0, 256, rows) / 255).astype(np.float32),
        "ring": rng.integers(0, 64, rows).astype(np.int16),
        "offset_ns": np.sort(rng.integers(0, STEP_NS, rows)).astype(np.int32),
    }


def write_drive(
    workspace: Workspace, sweeps: int = 6, part_bytes: int = 2**28, drive_id: str = "town-1"
) -> DriveManifest:
    with DriveWriter(workspace, "town-1", part_bytes) as writer:
        for i in range(sweeps):
            writer.add_sweep(i * STEP_NS, "lidar_top", **make_sweep(i))
            writer.add_rows(
                "camera",
                {
                    "timestamp_ns": [i * STEP_NS + 7],
                    "sensor": ["cam_front" if i % 2 else "cam_left"],
                    "image": [b"jpeg" * i],
                    "encoding": ["jpeg"],
                    "width_px": [960],
                    "height_px": [600],
                },
            )
        times = np.arange(10) * STEP_NS
        imu = {name: np.linspace(0, 1, 10) for name in DRIVE_TABLES["imu"].names[1:]}
        writer.add_rows("imu", {"timestamp_ns": times[::-1], **imu})
        writer.add_rows(
            "calibration",
            {
                "sensor": ["lidar_top"],
                **{name: [value] for name, value in zip(("tx_m", "ty_m", "tz_m"), (1.0, 2.0, 3.0))},
                **{name: [value] for name, value in zip(("qw", "qx", "qy", "qz"), (1.0, 0.0, 0.0, 0.0))},
                "intrinsics": [[]],
                "distortion": [[]],
                "model": ["lidar"],
                "width_px": [0],
                "height_px": [0],
            },
        )
        return writer.finish("test", "0" * 64, quarantined={"imu: NaN": 2})


@pytest.fixture
def workspace(tmp_path: Path) -> Workspace:
    return Workspace(tmp_path / "work, space")


@pytest.mark.parametrize("part_bytes", [2**28, 20_000])
def test_sweeps_come_back_bit_for_bit(workspace: Workspace, part_bytes: int) -> None:
    write_drive(workspace, part_bytes=part_bytes)
    drive = DriveReader(workspace.drive("town-1"))
    assert sorted(p.name for p in drive.folder.glob("lidar*"))[0] == (
        "lidar.parquet" if part_bytes > 20_000 else "lidar-0000.parquet"
    )
    index = drive.sweep_index()
    assert index.timestamps_ns.tolist() == [i * STEP_NS for i in range(6)]
    assert set(index.sensors) == {"lidar_top"}
    for i in (3, 0, 5):
        sweep, expected = drive.sweep(i), make_sweep(i)
        for name, array in expected.items():
            got = getattr(sweep, name)
            assert got.dtype == array.dtype
            np.testing.assert_array_equal(got, array)


def test_parts_are_cut_by_size_and_counted(workspace: Workspace) -> None:
    manifest = write_drive(workspace, part_bytes=20_000)
    parts = [f for f in manifest.files if f.name.startswith("lidar-")]
    assert len(parts) >= 2
    assert manifest.rows("lidar") == 3000
    DriveReader(workspace.drive("town-1")).verify(full=True)


def test_a_window_reads_only_its_row_groups(workspace: Workspace, monkeypatch: pytest.MonkeyPatch) -> None:
    write_drive(workspace)
    drive = DriveReader(workspace.drive("town-1"))
    read: list[int] = []
    original = pq.ParquetFile.read_row_group
    monkeypatch.setattr(
        pq.ParquetFile, "read_row_group", lambda self, i, **kw: (read.append(i), original(self, i, **kw))[1]
    )
    drive.sweep_index()
    assert read == []
    times = [s.timestamp_ns for s in drive.sweeps(2 * STEP_NS, 3 * STEP_NS)]
    assert times == [2 * STEP_NS, 3 * STEP_NS]
    assert read == [2, 3]


def test_one_sweep_needs_no_other_bytes(workspace: Workspace) -> None:
    write_drive(workspace)
    folder = workspace.drive("town-1")
    expected = DriveReader(folder).sweep(4)
    path = folder / "lidar.parquet"
    column = pq.ParquetFile(path).metadata.row_group(1).column(2)
    raw = bytearray(path.read_bytes())
    at = column.data_page_offset
    raw[at : at + column.total_compressed_size] = bytes(column.total_compressed_size)
    path.write_bytes(raw)
    np.testing.assert_array_equal(DriveReader(folder).sweep(4).xyz_ego, expected.xyz_ego)
    with pytest.raises(ContractError, match=r"lidar\.parquet"):
        DriveReader(folder).verify(full=True)


def test_tables_are_in_order_of_time_and_empty_when_absent(workspace: Workspace) -> None:
    write_drive(workspace)
    drive = DriveReader(workspace.drive("town-1"))
    assert drive.table("imu")["timestamp_ns"].to_pylist() == [i * STEP_NS for i in range(10)]
    assert drive.table("imu", STEP_NS, 2 * STEP_NS).num_rows == 2
    assert drive.table("radar").num_rows == 0
    assert drive.table("radar").schema == DRIVE_TABLES["radar"]
    assert drive.table("lidar").schema == DRIVE_TABLES["lidar"]


def test_camera_frames_by_sensor_and_time(workspace: Workspace) -> None:
    write_drive(workspace)
    frames = list(DriveReader(workspace.drive("town-1")).camera_frames(STEP_NS, sensor="cam_front"))
    assert [f.timestamp_ns for f in frames] == [i * STEP_NS + 7 for i in (1, 3, 5)]
    assert frames[1].image == b"jpeg" * 3
    assert (frames[1].encoding, frames[1].width_px, frames[1].height_px) == ("jpeg", 960, 600)


def test_calibration_by_sensor(workspace: Workspace) -> None:
    write_drive(workspace)
    calibration = DriveReader(workspace.drive("town-1")).calibration()["lidar_top"]
    assert calibration.model == "lidar"
    np.testing.assert_array_equal(calibration.ego_SE3_sensor.translation_m, [1, 2, 3])


def test_manifest_round_trips_and_names_span_sensors_quarantine(workspace: Workspace) -> None:
    written = write_drive(workspace)
    read = DriveReader(workspace.drive("town-1")).manifest
    assert read == written
    assert read.sensors == ("cam_front", "cam_left", "lidar_top")
    assert (read.start_ns, read.end_ns) == (0, 9 * STEP_NS)
    assert read.quarantined == {"imu: NaN": 2}


def test_same_input_same_bytes(tmp_path: Path) -> None:
    first, second = Workspace(tmp_path / "a"), Workspace(tmp_path / "b")
    assert write_drive(first) == write_drive(second)
    for path in sorted(first.drive("town-1").iterdir()):
        assert path.read_bytes() == (second.drive("town-1") / path.name).read_bytes()


def test_nothing_is_left_by_an_error_or_without_finish(workspace: Workspace) -> None:
    with pytest.raises(RuntimeError), DriveWriter(workspace, "half") as writer:
        writer.add_sweep(0, "lidar", **make_sweep(0))
        raise RuntimeError
    with pytest.raises(ContractError, match="finish"), DriveWriter(workspace, "half") as writer:
        writer.add_sweep(0, "lidar", **make_sweep(0))
    assert not workspace.drive("half").exists()
    assert list(workspace.tmp.iterdir()) == []


def test_refuses_wrong_columns_missing_files_and_other_versions(workspace: Workspace) -> None:
    with pytest.raises(ContractError, match="imu"), DriveWriter(workspace, "x") as writer:
        writer.add_rows("imu", {"timestamp_ns": [1]})
    with pytest.raises(MissingInputError, match=r"manifest\.json"):
        _ = DriveReader(workspace.drive("nobody")).manifest
    write_drive(workspace)
    folder = workspace.drive("town-1")
    pq.write_table(pa.table({"timestamp_ns": pa.array([1], pa.int32())}), folder / "imu.parquet")
    with pytest.raises(ContractError, match=r"missing column 'ax_mps2'.*int32"):
        DriveReader(folder).table("imu")
    raw = json.loads((folder / "manifest.json").read_text())
    (folder / "manifest.json").write_text(json.dumps({**raw, "schema_version": 99}))
    with pytest.raises(ContractError, match="version 99"):
        _ = DriveReader(folder).manifest
