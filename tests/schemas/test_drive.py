"""The drive's contract: names, units and the manifest."""

from __future__ import annotations

import json
import re

import pyarrow as pa
import pytest

from mapforge.errors import ContractError
from mapforge.schemas.drive import DRIVE_TABLES, DriveManifest, StoredFile

UNITLESS = {
    "sensor", "intensity", "ring", "return_index", "image", "encoding", "fix_type", "frame", "source", "model",
    "track_id", "category", "intrinsics", "distortion", "qw", "qx", "qy", "qz",
}  # fmt: skip


@pytest.mark.parametrize("table", sorted(DRIVE_TABLES))
def test_columns_carry_their_units(table: str) -> None:
    for name in DRIVE_TABLES[table].names:
        assert name in UNITLESS or re.search(r"_(m|m2|rad|radps|ns|px|mps|mps2|deg|dbsm)$", name), name


@pytest.mark.parametrize("table", sorted(set(DRIVE_TABLES) - {"calibration"}))
def test_time_comes_first_in_integer_nanoseconds(table: str) -> None:
    assert DRIVE_TABLES[table].field(0).equals(pa.field("timestamp_ns", pa.int64()))


def manifest() -> DriveManifest:
    files = tuple(StoredFile(name, "0" * 64, 10, rows) for name, rows in FILES.items())
    return DriveManifest("d", "mcap", "1" * 64, 5, 2_000_000_005, ("cam", "lidar"), files, {"imu: NaN": 3}, (8.4, 49.0))


FILES = {"lidar-0000.parquet": 7, "lidar-0001.parquet": 5, "imu.parquet": 4}


def test_manifest_round_trip_rows_and_duration() -> None:
    original = manifest()
    assert DriveManifest.from_json(original.to_json(), "here") == original
    assert (original.rows("lidar"), original.rows("imu"), original.rows("gnss")) == (12, 4, 0)
    assert original.duration_s == 2.0


@pytest.mark.parametrize(
    ("change", "pattern"),
    [
        ({"schema_version": 2}, "version 2"),
        ({"files": None}, "no drive manifest"),
        ({"colour": 1}, "no drive manifest"),
    ],
)
def test_other_manifests_are_refused(change: dict[str, object], pattern: str) -> None:
    raw = {**json.loads(manifest().to_json()), **change}
    with pytest.raises(ContractError, match=f"here.*{pattern}"):
        DriveManifest.from_json(json.dumps(raw), "here")
    with pytest.raises(ContractError, match="here is no drive manifest"):
        DriveManifest.from_json("{", "here")
