"""The quality record: what it says, and that it comes back from its file."""

from __future__ import annotations

import numpy as np
import pytest

from mapforge.errors import ContractError, MissingInputError
from mapforge.io.trajectory_quality import read_quality, write_quality
from mapforge.io.workspace import Workspace
from mapforge.localization.config import QualityConfig
from mapforge.localization.quality import flags_of, rates_of_sensors, residual_summaries
from mapforge.schemas.trajectory_quality import CalibrationFinding, TrajectoryQuality

SECOND = 10**9


def test_rates_and_gaps() -> None:
    times = np.concatenate([np.arange(0, 20), np.arange(100, 110)]) * (SECOND // 10)
    rates = rates_of_sensors({"gnss": times, "imu": times[:0]})
    assert list(rates) == ["gnss"]
    assert rates["gnss"].rate_hz == 10.0 and rates["gnss"].longest_gap_s == pytest.approx(8.1)


def test_flags_name_what_is_odd_and_only_that() -> None:
    norms = {"gnss": np.array([0.5] * 60 + [50.0] * 40), "odometry": np.ones(50), "anywhere": np.zeros(9)}
    residuals = residual_summaries(norms, 2.0)
    assert set(residuals) == {"gnss", "odometry"} and residuals["gnss"].outlier_share == 0.4
    mount = CalibrationFinding("travel_yaw_rad", 0.03, 0.002, "estimated", "")
    refused = CalibrationFinding("gnss_clock_s", 0.3, 0.2, "refused", "")
    flags = flags_of((mount, refused), residuals, {}, 0.0, QualityConfig())
    assert len(flags) == 2
    assert "1.72 deg in yaw" in flags[0] and "40% of the gnss" in flags[1]
    assert flags_of((), {}, {}, 0.0, QualityConfig()) == ()
    assert "10% of the sweeps" in flags_of((), {}, {}, 0.1, QualityConfig())[0]


def test_records_come_back_and_foreign_ones_are_refused(tmp_path: object) -> None:
    workspace = Workspace(tmp_path)  # type: ignore[arg-type]
    finding = CalibrationFinding("gnss_clock_s", 0.01, 0.002, "estimated", "shown by the drive")
    rates = rates_of_sensors({"gnss": np.arange(5) * SECOND})
    quality = TrajectoryQuality("a", "lidar+gnss", 4.0, 20.0, rates=rates, calibration=(finding,), flags=("odd",))
    with pytest.raises(MissingInputError):
        read_quality(workspace, "a")
    write_quality(quality, workspace)
    assert read_quality(workspace, "a") == quality
    workspace.trajectory_quality("a").write_text('{"schema_version": 99}')
    with pytest.raises(ContractError, match="99"):
        read_quality(workspace, "a")
