"""What is known of a drive's trajectory beside its poses: rates, gaps, residuals, calibration, and what is odd."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, field

from mapforge.errors import ContractError

SCHEMA_VERSION = 1


@dataclass(frozen=True)
class SensorRate:
    """count: samples. rate_hz: of the median step. longest_gap_s: between two samples."""

    count: int
    rate_hz: float
    longest_gap_s: float


@dataclass(frozen=True)
class ResidualSummary:
    """Residuals of one kind of measurement in its own sigmas. outlier_share: beyond where they lose weight."""

    count: int
    median_sigmas: float
    outlier_share: float


@dataclass(frozen=True)
class CalibrationFinding:
    """One number of a drive's calibration, as an error against what the log says.

    state: estimated (used), kept (the drive confirms the log's value), refused (the drive cannot show it; the log's
    value is used) or absent (no sensor). reason: why, in words.
    """

    name: str
    value: float
    sigma: float
    state: str
    reason: str


@dataclass(frozen=True)
class TrajectoryQuality:
    """The quality record of a drive. flags: sentences for a person, empty when nothing is odd."""

    drive_id: str
    source: str
    duration_s: float
    length_m: float
    sigma_xy_median_m: float = 0.0
    sigma_xy_max_m: float = 0.0
    sigma_yaw_median_rad: float = 0.0
    lost_sweeps: int = 0
    converged: bool = True
    rates: dict[str, SensorRate] = field(default_factory=dict)
    residuals: dict[str, ResidualSummary] = field(default_factory=dict)
    calibration: tuple[CalibrationFinding, ...] = ()
    flags: tuple[str, ...] = ()
    schema_version: int = SCHEMA_VERSION

    def to_json(self) -> str:
        return json.dumps(asdict(self), indent=1, sort_keys=True) + "\n"

    @classmethod
    def from_json(cls, text: str | bytes, where: str) -> TrajectoryQuality:
        """Raises ContractError when the text is not such a record of this version."""
        try:
            raw = json.loads(text)
            if raw["schema_version"] != SCHEMA_VERSION:
                raise ContractError(
                    f"{where} has version {raw['schema_version']}, not {SCHEMA_VERSION}: localise again"
                )
            raw["rates"] = {name: SensorRate(**value) for name, value in raw["rates"].items()}
            raw["residuals"] = {name: ResidualSummary(**value) for name, value in raw["residuals"].items()}
            raw["calibration"] = tuple(CalibrationFinding(**value) for value in raw["calibration"])
            raw["flags"] = tuple(raw["flags"])
            return cls(**raw)
        except (KeyError, TypeError, ValueError, AttributeError, RecursionError) as error:
            raise ContractError(f"{where} is no quality record: {error}; localise the drive again") from error
