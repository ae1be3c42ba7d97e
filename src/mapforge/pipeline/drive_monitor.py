"""Data-quality monitors: a drive's vital signs against those of the fleet before it, looked at before it is mapped."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass, fields

import numpy as np

from mapforge.errors import MapForgeError
from mapforge.io.atomic import write_text
from mapforge.io.drive_store import DriveReader
from mapforge.io.workspace import Workspace

LEAST_FLEET = 5
"""Drives with the same sensors that must be known before one can be odd among them."""

_SWEEPS_LOOKED_AT = 8
_MAD_TO_SIGMA = 1.4826
_ODD_SIGMAS = 6.0
_ODD_SHARE = 0.3
"""However alike the fleet is, a value within this of its middle is not odd."""


@dataclass(frozen=True)
class DriveVitals:
    """sensors: of the lidar. The rest: a number each, that a healthy fleet holds steady."""

    drive_id: str
    sensors: tuple[str, ...]
    sweep_rate_hz: float
    longest_gap_s: float
    points_per_sweep: float
    intensity_median: float
    intensity_p95: float
    range_median_m: float
    camera_frames_per_s: float
    gnss_fixes_per_s: float
    quarantined_share: float


_FOLLOWED = {
    "sweep_rate_hz": "lidar sweeps a second",
    "longest_gap_s": "seconds without a sweep",
    "points_per_sweep": "returns a sweep",
    "intensity_median": "median intensity",
    "intensity_p95": "95th percentile of intensity",
    "range_median_m": "metres of median range",
    "camera_frames_per_s": "camera frames a second",
    "gnss_fixes_per_s": "GNSS fixes a second",
    "quarantined_share": "of the rows quarantined",
}
_ONLY_HIGH_IS_ODD = {"longest_gap_s": 1.0, "quarantined_share": 0.01}
"""What is small is healthy; values below these are never odd."""


def vitals_of(workspace: Workspace, drive_id: str) -> DriveVitals:
    """Measured once from a few sweeps and the footers, then kept beside the stamps."""
    reader = DriveReader(workspace.drive(drive_id))
    kept = workspace.drive_vitals(drive_id)
    source = reader.manifest.source_sha256
    try:
        known = json.loads(kept.read_text(encoding="utf-8"))
        if known["source_sha256"] == source:
            values = {**known["vitals"], "sensors": tuple(known["vitals"]["sensors"])}
            return DriveVitals(**values)
    except (OSError, ValueError, KeyError, TypeError):
        pass  # not measured yet, or by other code
    vitals = _measured(reader)
    text = json.dumps({"source_sha256": source, "vitals": asdict(vitals)}, indent=1, sort_keys=True)
    write_text(kept, text + "\n", workspace.tmp)
    return vitals


def oddities(vitals: DriveVitals, fleet: Sequence[DriveVitals]) -> list[str]:
    """What is unlike the other drives with the same lidar sensors, in words; nothing while these are too few.

    Median and median absolute deviation of the others (Iglewicz and Hoaglin 1993), so that bad drives among them do not
    hide the next.
    """
    alike = [other for other in fleet if other.sensors == vitals.sensors and other.drive_id != vitals.drive_id]
    if len(alike) < LEAST_FLEET:
        return []
    found = []
    for name, words in _FOLLOWED.items():
        others = np.array([getattr(other, name) for other in alike])
        own, middle = float(getattr(vitals, name)), float(np.median(others))
        spread = _MAD_TO_SIGMA * float(np.median(np.abs(others - middle)))
        allowed = max(_ODD_SIGMAS * spread, _ODD_SHARE * abs(middle), _ONLY_HIGH_IS_ODD.get(name, 0.0))
        off = own - middle if name in _ONLY_HIGH_IS_ODD else abs(own - middle)
        if off > allowed:
            found.append(f"{own:.3g} {words}, the fleet's {len(alike)} others have {middle:.3g}")
    return found


def look_over(workspace: Workspace, drives: Sequence[str]) -> dict[str, list[str]]:
    """Oddities by drive, for those that have any. A drive that cannot be read is somebody else's error."""
    vitals = []
    for drive in sorted(drives):
        try:
            vitals.append(vitals_of(workspace, drive))
        except MapForgeError:
            continue
    odd = {own.drive_id: oddities(own, vitals) for own in vitals}
    return {drive: words for drive, words in odd.items() if words}


def _measured(reader: DriveReader) -> DriveVitals:
    manifest, index = reader.manifest, reader.sweep_index()
    times = np.unique(index.timestamps_ns)
    step_s = np.diff(times) * 1e-9
    chosen = times[np.linspace(0, len(times) - 1, min(_SWEEPS_LOOKED_AT, len(times))).astype(int)]
    sweeps = [sweep for time_ns in chosen.tolist() for sweep in reader.sweeps(time_ns, time_ns)]
    intensity = np.concatenate([sweep.intensity for sweep in sweeps]) if sweeps else np.zeros(1)
    ranges = np.concatenate([np.linalg.norm(sweep.xyz_ego, axis=1) for sweep in sweeps]) if sweeps else np.zeros(1)
    rows = sum(file.rows for file in manifest.files)
    left_out = sum(manifest.quarantined.values())
    duration_s = max(manifest.duration_s, 1e-3)
    vitals = DriveVitals(
        drive_id=manifest.drive_id,
        sensors=tuple(sorted(set(index.sensors))),
        sweep_rate_hz=1.0 / float(np.median(step_s)) if len(step_s) else 0.0,
        longest_gap_s=float(step_s.max()) if len(step_s) else 0.0,
        points_per_sweep=float(np.median(index.rows)) if len(index) else 0.0,
        intensity_median=float(np.median(intensity)),
        intensity_p95=float(np.quantile(intensity, 0.95)),
        range_median_m=float(np.median(ranges)),
        camera_frames_per_s=manifest.rows("camera") / duration_s,
        gnss_fixes_per_s=manifest.rows("gnss") / duration_s,
        quarantined_share=left_out / max(rows + left_out, 1),
    )
    rounded = {
        field.name: round(value, 5)
        for field in fields(vitals)
        if isinstance(value := getattr(vitals, field.name), float)
    }
    return DriveVitals(**{**vitals.__dict__, **rounded})
