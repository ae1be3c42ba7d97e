"""sensor_msgs/PointCloud2 to arrays, whatever its fields are called and typed."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from mapforge.errors import LogError
from mapforge.ingest.cdr import CdrReader

_KINDS = {1: "i1", 2: "u1", 3: "i2", 4: "u2", 5: "i4", 6: "u4", 7: "f4", 8: "f8"}
_INTENSITY = ("intensity", "reflectivity", "intensities", "i")
_RING = ("ring", "channel", "line", "laser_number", "laser_id")
_TIME = ("t", "time", "timestamp", "time_stamp", "offset_time", "time_offset")
_RETURN = ("return_index", "return_type", "return_id", "return")
_RADIAL_VELOCITY = ("radial_velocity", "doppler_velocity", "doppler", "velocity", "vr")
_RCS = ("rcs", "rcs_dbsm")
_INTENSITY_SCALES = (1.0, 255.0, 4095.0, 65535.0)
_MOST_OFFSET_NS = 1_000_000_000


@dataclass(frozen=True, eq=False)
class PointCloud:
    """A decoded message. points: structured array of N points, a view of the message."""

    timestamp_ns: int
    frame: str
    points: NDArray

    def field(self, names: tuple[str, ...]) -> NDArray | None:
        """The first of these fields that the cloud has."""
        present = self.points.dtype.names or ()
        return next((self.points[name] for name in names if name in present), None)

    @property
    def is_radar(self) -> bool:
        return self.field(_RADIAL_VELOCITY) is not None and self.field(_RING) is None

    @property
    def is_lidar(self) -> bool:
        """Whether it has what lidars have; coloured clouds of depth cameras have not."""
        return not self.is_radar and (self.field(_INTENSITY) is not None or self.field(_RING) is not None)

    def xyz(self) -> NDArray[np.float32]:
        """(3, N) metres, sensor frame."""
        xyz = np.empty((3, len(self.points)), dtype=np.float32)
        for row, name in enumerate("xyz"):
            xyz[row] = self.points[name]
        return xyz

    def intensity(self, scale: float) -> NDArray[np.float32]:
        """(N,) divided by `scale` and clipped to 0..1; zeros when the cloud has none."""
        raw = self.field(_INTENSITY)
        if raw is None:
            return np.zeros(len(self.points), dtype=np.float32)
        scaled = np.multiply(raw, np.float32(1.0 / scale), dtype=np.float32)
        if not (scaled.size and scaled.min() >= 0.0 and scaled.max() <= 1.0):
            np.clip(np.nan_to_num(scaled, copy=False), 0.0, 1.0, out=scaled)
        return scaled

    def intensity_scale(self) -> float:
        """What full intensity is: 255 for bytes, else the smallest of 1, 255, 4095, 65535 that holds the values."""
        raw = self.field(_INTENSITY)
        if raw is None or len(raw) == 0:
            return 1.0
        if raw.dtype.itemsize == 1:
            return 255.0
        most = float(raw.max())
        if not math.isfinite(most):
            most = float(np.max(raw, where=np.isfinite(raw), initial=0.0))
        return next((scale for scale in _INTENSITY_SCALES if most <= scale * 1.001), _INTENSITY_SCALES[-1])

    def ring(self) -> NDArray[np.int16] | None:
        raw = self.field(_RING)
        return None if raw is None else raw.astype(np.int16)

    def return_index(self) -> NDArray[np.uint8] | None:
        raw = self.field(_RETURN)
        return None if raw is None else raw.astype(np.uint8)

    def offset_ns(self) -> NDArray[np.int32] | None:
        """(N,) time of each point after the header's stamp; None when the cloud does not say.

        Absolute times (seconds or nanoseconds since 1970) are told by their size. Relative ones are integer
        nanoseconds or float seconds, unless a sweep would then last far too short or long: then the unit of
        seconds, milli-, micro- or nanoseconds that makes it last a plausible time.
        """
        raw = self.field(_TIME)
        if raw is None or len(raw) == 0:
            return None
        low, high = float(raw.min()), float(raw.max())
        if not (math.isfinite(low) and math.isfinite(high)):
            return None
        if high > 1e8 and raw.dtype.itemsize == 8:
            offsets, low, high = self._since_stamp(raw)
        else:
            unit = _unit_ns(high - low, raw.dtype)
            low, high = low * unit, high * unit
            offsets = raw if unit == 1.0 else np.multiply(raw, unit, dtype=np.float64)
        if max(-low, high) > _MOST_OFFSET_NS:
            offsets, high = offsets - offsets.min(), high - low
        return None if high > _MOST_OFFSET_NS else offsets.astype(np.int32)

    def _since_stamp(self, absolute: NDArray) -> tuple[NDArray, float, float]:
        """Absolute times, seconds or nanoseconds, as nanoseconds after the stamp; their least and greatest."""
        unit = 1.0 if absolute.max() > 1e17 else 1e9
        start = absolute[0]
        lead = round(float(start) * unit) if unit > 1 else int(start)
        offsets = np.round((absolute - start) * unit) + (lead - self.timestamp_ns)
        return offsets, float(offsets.min()), float(offsets.max())

    def radar_columns(self) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        """(N,) radial velocity and radar cross-section (NaN when not given)."""
        velocity, rcs = self.field(_RADIAL_VELOCITY), self.field(_RCS)
        assert velocity is not None
        missing = np.full(len(self.points), np.nan, dtype=np.float32)
        return velocity.astype(np.float32), missing if rcs is None else rcs.astype(np.float32)


def read_pointcloud(message: memoryview) -> PointCloud:
    """Decodes a CDR message without copying its points.

    Raises LogError when fields, steps and bytes do not fit together, or x, y, z are missing.
    """
    cdr = CdrReader(message)
    stamp_ns, frame = cdr.header()
    height, width = cdr.integer("I"), cdr.integer("I")
    fields = [_field(cdr) for _ in range(cdr.count(13))]
    big_endian = bool(cdr.integer("B"))
    point_step, row_step = cdr.integer("I"), cdr.integer("I")
    data = cdr.array("B")
    dtype = _point_type(fields, point_step, ">" if big_endian else "<")
    rows = width * point_step
    if height * width == 0:
        return PointCloud(stamp_ns, frame, np.zeros(0, dtype=dtype))
    row_step = row_step or rows
    if row_step < rows or (height - 1) * row_step + rows > len(data):
        raise LogError(f"point cloud of {height} x {width} points of {point_step} bytes has only {len(data)} bytes")
    points = np.ndarray((height, width), dtype, data, strides=(row_step, point_step))
    return PointCloud(stamp_ns, frame, points.reshape(-1))


def _field(cdr: CdrReader) -> tuple[str, int, int, int]:
    return cdr.string(), cdr.integer("I"), cdr.integer("B"), cdr.integer("I")


def _point_type(fields: list[tuple[str, int, int, int]], point_step: int, order: str) -> np.dtype:
    single = {name: (kind, offset) for name, offset, kind, count in fields if count <= 1 and kind in _KINDS}
    missing = [name for name in "xyz" if name not in single]
    if missing:
        raise LogError(f"point cloud without field {', '.join(missing)} (it has {', '.join(f[0] for f in fields)})")
    formats = [order + _KINDS[kind] for kind, _ in single.values()]
    offsets = [offset for _, offset in single.values()]
    if any(at + np.dtype(kind).itemsize > point_step for at, kind in zip(offsets, formats)):
        raise LogError(f"point cloud field lies outside its point of {point_step} bytes")
    return np.dtype({"names": list(single), "formats": formats, "offsets": offsets, "itemsize": point_step})


def _unit_ns(span: float, kind: np.dtype) -> float:
    """Nanoseconds a unit of a relative time field, by how long the sweep would last."""
    if kind.kind == "f":
        return next((unit for limit, unit in ((2.0, 1e9), (2e3, 1e6), (2e6, 1e3)) if span <= limit), 1.0)
    return 1.0 if span > 1e6 or span == 0 else 1e3
