"""Order, range and calibration checks by themselves."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mapforge.errors import ConfigurationError, DriveRefusedError
from mapforge.geometry.se3 import SE3
from mapforge.ingest.checks import LATEST_NS, Checks, OrderGuard, require_calibration, rotation_from_quaternion
from mapforge.ingest.config import IngestConfig
from mapforge.ingest.quarantine import Quarantine
from mapforge.ingest.records import RowsRecord, SweepRecord


def passed(times: list[int], max_jump_ns: int = 100) -> list[int]:
    guard = OrderGuard(max_jump_ns)
    return [time for time in times if not guard.verdict(time)]


@given(st.lists(st.integers(0, 500), max_size=40))
def test_what_passes_rises_strictly(times: list[int]) -> None:
    kept = passed(times)
    assert all(a < b for a, b in pairwise(kept))


@given(st.lists(st.integers(1, 100), min_size=1, max_size=40))
def test_a_stream_in_order_passes_whole(steps: list[int]) -> None:
    times = np.cumsum(steps).tolist()
    assert passed(times) == times


def test_one_wild_stamp_costs_one_row_and_a_gap_costs_one_row() -> None:
    assert passed([0, 10, 5000, 20, 30]) == [0, 10, 20, 30]
    assert passed([0, 10, 5000, 5010, 5020]) == [0, 10, 5010, 5020]
    assert passed([-5, LATEST_NS, 3]) == [3]


def checks(quarantine: Quarantine) -> Checks:
    return Checks(quarantine, 0.1, 100.0, 2, 60.0)


def test_sweep_points_against_a_plain_loop() -> None:
    rng = np.random.default_rng(0)
    xyz = (rng.normal(0, 1, (3, 500)) * 10.0 ** rng.uniform(-3, 3, 500)).astype(np.float32)
    xyz[0, ::50], xyz[1, 7] = np.nan, np.inf
    place = SE3.from_yaw(0.3, np.array([1.0, 2.0, 3.0]))
    ring = np.arange(500, dtype=np.int16)
    sweep = checks(Quarantine()).sweep(SweepRecord(5, "lidar", xyz, place, xyz[0] * 0, ring=ring))
    assert sweep is not None
    good = [i for i in range(500) if 0.1 <= np.linalg.norm(xyz[:, i].astype(float)) <= 100.0]
    assert sweep["ring"].tolist() == good
    np.testing.assert_allclose(sweep["xyz_ego"], place.transform(xyz[:, good].T), atol=1e-4)
    assert sweep["offset_ns"] is None


def test_a_sweep_with_too_few_points_is_left_out() -> None:
    quarantine = Quarantine()
    one = np.ones((3, 1), dtype=np.float32)
    assert checks(quarantine).sweep(SweepRecord(5, "lidar", one, None, one[0])) is None
    assert quarantine.counts() == {"lidar: sweep: fewer than 2 good points": 1}


def test_each_bad_row_is_counted_once() -> None:
    quarantine = Quarantine()
    columns = {
        "timestamp_ns": [1, 1, 2, 3, 4],
        "lat_deg": [48.0, np.nan, 0.0, np.nan, 95.0],
        "lon_deg": [11.0, np.nan, 0.0, np.nan, 500.0],
        "height_m": [1.0, np.nan, 0.0, np.nan, 1e9],
        "cov_enu_m2": [[0.0] * 9] * 5,
        "fix_type": [0] * 5,
    }
    assert checks(quarantine).rows(RowsRecord("gnss", "a", columns))["lat_deg"] == [48.0]
    assert quarantine.counts() == {
        "gnss: NaN": 1,
        "gnss: duplicate time": 1,
        "gnss: lat_deg out of range": 1,
        "gnss: position 0, 0": 1,
    }


@pytest.mark.parametrize(
    ("place", "pattern"),
    [
        (SE3(np.eye(3), np.array([30.0, 0.0, 0.0])), "30.0 m"),
        (SE3(np.eye(3) * 1.1, np.zeros(3)), "no rotation"),
        (SE3(np.diag([1.0, 1.0, -1.0]), np.zeros(3)), "determinant -1"),
        (SE3(np.eye(3), np.array([np.nan, 0, 0])), "not finite"),
    ],
)
def test_a_calibration_that_cannot_be_true_is_refused(place: SE3, pattern: str) -> None:
    with pytest.raises(DriveRefusedError, match=f"log.*'lidar'.*{pattern}"):
        require_calibration(place, "lidar", 20.0, "log")


def test_a_quaternion_must_have_length_one() -> None:
    with pytest.raises(DriveRefusedError, match="length 0"):
        rotation_from_quaternion(np.zeros(4), np.zeros(3), "log")


def test_settings_that_contradict_are_refused() -> None:
    for settings in ({"min_sweeps": 0}, {"min_range_m": 5.0, "max_range_m": 1.0}, {"max_lever_m": 0.0}):
        with pytest.raises(ConfigurationError, match=next(iter(settings))):
            IngestConfig(**settings)
