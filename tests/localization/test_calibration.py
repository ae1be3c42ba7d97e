"""What is estimated, kept, refused and absent."""

from __future__ import annotations

import numpy as np
import pytest

from mapforge.localization.calibration import CalibrationEstimate
from mapforge.localization.drive_state import Calibration

PRIOR = np.full(len(Calibration), 0.1)


def _estimate(number: Calibration, value: float, sigma: float) -> CalibrationEstimate:
    values, sigmas = np.zeros(len(Calibration)), PRIOR.copy()
    values[number], sigmas[number] = value, sigma
    return CalibrationEstimate(values, sigmas, PRIOR)


@pytest.mark.parametrize(
    ("value", "sigma", "state"),
    [
        (0.09, 0.01, "estimated"),  # nine sigmas from the log's value
        (0.02, 0.01, "kept"),  # two
        (0.3, 0.08, "refused"),  # hardly better known than before
        (0.0, 0.1, "absent"),  # nothing measures it
    ],
)
def test_state_of_the_receivers_clock(value: float, sigma: float, state: str) -> None:
    estimate = _estimate(Calibration.gnss_clock_s, value, sigma)
    finding = estimate.findings(lever_known=True)[Calibration.gnss_clock_s]
    assert finding.state == state and finding.reason
    assert bool(estimate.held(lever_known=True)[Calibration.gnss_clock_s]) is (state != "estimated")


def test_an_unknown_lever_arm_is_never_held() -> None:
    estimate = _estimate(Calibration.lever_x_m, 0.01, 0.02)
    assert estimate.held(lever_known=True)[Calibration.lever_x_m]
    assert not estimate.held(lever_known=False)[Calibration.lever_x_m]


def test_a_refusal_says_what_is_missing_and_how_unsure_it_is() -> None:
    estimate = _estimate(Calibration.lever_y_m, 0.0, 0.09)
    finding = estimate.findings(lever_known=True)[Calibration.lever_y_m]
    assert "heading" in finding.reason and "0.09" in finding.reason
