"""What log readers yield: sweeps in their sensor's frame, and batches of rows of the other tables."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from mapforge.geometry.se3 import SE3
from mapforge.ingest.quarantine import Quarantine


@dataclass(frozen=True, eq=False)
class SweepRecord:
    """One lidar sweep as the sensor saw it.

    xyz_sensor: (3, N) float32, metres, sensor frame; one row a coordinate, because the store wants columns.
    ego_SE3_sensor: None when points are in the ego frame already.
    intensity: (N,) float32, 0..1. ring (int16), offset_ns (int32), return_index (uint8): (N,) or None when unknown.
    """

    timestamp_ns: int
    sensor: str
    xyz_sensor: NDArray[np.float32]
    ego_SE3_sensor: SE3 | None
    intensity: NDArray[np.float32]
    ring: NDArray[np.int16] | None = None
    offset_ns: NDArray[np.int32] | None = None
    return_index: NDArray[np.uint8] | None = None


@dataclass(frozen=True, eq=False)
class RowsRecord:
    """Rows of any other table. stream: what must be in order of time by itself (a topic, a sensor).

    columns: by the names of the table's contract, sequences or arrays of one length.
    """

    table: str
    stream: str
    columns: dict[str, Any]

    @property
    def rows(self) -> int:
        return len(next(iter(self.columns.values())))


class FrameFilter(Protocol):
    """Changes pictures before they are stored. fingerprint: of all that decides what it makes of one."""

    @property
    def fingerprint(self) -> str: ...

    def __call__(self, image: bytes, encoding: str) -> bytes:
        """The picture to store, in the same encoding. Raises LogError when it must not be stored at all."""
        ...


class LogReader(Protocol):
    """A log of one format, opened."""

    motion_compensated: bool

    def records(self, quarantine: Quarantine) -> Iterator[SweepRecord | RowsRecord]:
        """Everything in the log in the order it lies there; what cannot be read goes to `quarantine`."""
        ...

    def reference_lon_lat_deg(self) -> tuple[float, float] | None:
        """A place on the drive in WGS84, None when the log does not know; asked after `records`."""
        ...
