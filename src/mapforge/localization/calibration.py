"""What a drive says of its own calibration: used where it shows it, refused with a reason where it cannot."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from mapforge.geometry.se3 import Float
from mapforge.localization.drive_state import Calibration
from mapforge.schemas.trajectory_quality import CalibrationFinding

OBSERVED_SHARE = 0.5
SIGNIFICANT_SIGMAS = 3.0
UNTOUCHED_SHARE = 0.999
HELD_SIGMA = 1e-9
ALWAYS_USED = tuple(number for number in Calibration if number < Calibration.lever_x_m)
"""Nuisances of motion and tilt: a log's value for them is no better than the drive's own."""

REASONS = {
    "travel": "no stretch of driving shows the direction of travel",
    "distance": "neither lidar nor fixes show how far the car really went",
    "axle": "the car hardly turns, so the place of its rear axle does not show",
    "tilt": "the accelerometer's tilt cannot be told from the road's slope on this drive",
    "lever": "the antenna's lever arm cannot be told from the GNSS bias: the heading changes too little",
    "gnss": "the receiver's clock cannot be told from an offset along the way: speed and heading change too little",
}


@dataclass(frozen=True, eq=False)
class CalibrationEstimate:
    """value, sigma, prior_sigma: (len(Calibration),)."""

    value: Float
    sigma: Float
    prior_sigma: Float

    @property
    def touched(self) -> NDArray[np.bool_]:
        """Some measurement says something of the number."""
        return np.asarray(self.sigma < UNTOUCHED_SHARE * self.prior_sigma)

    @property
    def observed(self) -> NDArray[np.bool_]:
        """The drive knows the number clearly better than the prior."""
        return np.asarray(self.sigma < OBSERVED_SHARE * self.prior_sigma)

    @property
    def significant(self) -> NDArray[np.bool_]:
        """The number is not what the log says."""
        return np.asarray(self.observed & (np.abs(self.value) > SIGNIFICANT_SIGMAS * self.sigma))

    def held(self, lever_known: bool) -> NDArray[np.bool_]:
        """Numbers to be left at the log's value: what does not differ from it clearly would only add noise."""
        free = np.zeros(len(Calibration), dtype=bool)
        free[list(ALWAYS_USED)] = True
        if not lever_known:
            free[Calibration.lever_x_m : Calibration.lever_z_m + 1] = True
        return np.asarray(~free & ~self.significant)

    def findings(self, lever_known: bool) -> tuple[CalibrationFinding, ...]:
        """One a number, in the order of `Calibration`."""
        held = self.held(lever_known)
        return tuple(self._finding(number, bool(held[number])) for number in Calibration)

    def _finding(self, number: Calibration, held: bool) -> CalibrationFinding:
        value, sigma = round(float(self.value[number]), 6), round(float(self.sigma[number]), 6)
        if not self.touched[number]:
            return CalibrationFinding(number.name, 0.0, sigma, "absent", "no sensor of this drive measures it")
        if not self.observed[number]:
            reason = f"{REASONS[number.name.split('_')[0]]} (sigma {sigma:.2g}, {self.prior_sigma[number]:.2g} assumed)"
            return CalibrationFinding(number.name, value, sigma, "refused", reason)
        if held:
            return CalibrationFinding(number.name, value, sigma, "kept", "agrees with the log within its uncertainty")
        return CalibrationFinding(number.name, value, sigma, "estimated", "shown by the drive")
