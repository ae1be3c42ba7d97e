"""Data-quality monitors: a drive's vital signs against those of the fleet before it, looked at before it is mapped."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, fields
from typing import Any

import numpy as np

from mapforge.errors import MapForgeError
from mapforge.io.atomic import write_text
from mapforge.io.drive_store import DriveReader
from mapforge.io.workspace import Workspace
from mapforge.schemas.drive import DriveManifest

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
            return _from_plain(known["vitals"])
    except (OSError, ValueError, KeyError, TypeError):
        pass  # not measured yet, or by other code
    vitals = _measured(reader)
    text = json.dumps({"source_sha256": source, "vitals": asdict(vitals)}, indent=1, sort_keys=True)
    write_text(kept, text + "\n", workspace.tmp)
    return vitals


def look_over(workspace: Workspace, manifests: Mapping[str, DriveManifest]) -> dict[str, list[str]]:
    """Oddities by drive, for those that have any. A drive that cannot be read is somebody else's error."""
    return oddities(_fleet(workspace, manifests))


def oddities(fleet: Sequence[DriveVitals]) -> dict[str, list[str]]:
    """Drive -> what is unlike the others with the same lidar sensors, in words; nothing while these are too few.

    Median and median absolute deviation of the others (Iglewicz and Hoaglin 1993), so that bad drives among them do not
    hide the next.
    """
    by_sensors: dict[tuple[str, ...], list[DriveVitals]] = {}
    for own in fleet:
        by_sensors.setdefault(own.sensors, []).append(own)
    found: dict[str, list[str]] = {}
    for alike in by_sensors.values():
        if len(alike) <= LEAST_FLEET:
            continue
        for name, words in _FOLLOWED.items():
            values = np.array([getattr(own, name) for own in alike], dtype=np.float64)
            middles, spreads = _of_the_others(values)
            allowed = np.maximum(_ODD_SIGMAS * _MAD_TO_SIGMA * spreads, _ODD_SHARE * np.abs(middles))
            allowed = np.maximum(allowed, _ONLY_HIGH_IS_ODD.get(name, 0.0))
            off = values - middles if name in _ONLY_HIGH_IS_ODD else np.abs(values - middles)
            for at in np.flatnonzero(off > allowed):
                text = f"{values[at]:.3g} {words}, the fleet's {len(alike) - 1} others have {middles[at]:.3g}"
                found.setdefault(alike[at].drive_id, []).append(text)
    return dict(sorted(found.items()))


def _of_the_others(values: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """For each value (N), the median of the others and the median of their absolute deviations from that (N, N)."""
    middles = _median_of_others(values)
    spreads = np.empty_like(middles)
    for middle in np.unique(middles):  # three at most
        mine = middles == middle
        spreads[mine] = _median_of_others(np.abs(values - middle))[mine]
    return middles, spreads


def _median_of_others(values: np.ndarray) -> np.ndarray:
    """For each of N > 1 values the median of the N - 1 others: which two of the sorted ones it lies between."""
    order = np.argsort(values, kind="stable")
    rank = np.empty(len(values), dtype=np.intp)
    rank[order] = np.arange(len(values))
    low, high = (len(values) - 2) // 2, (len(values) - 1) // 2
    ascending = values[order]
    return 0.5 * (ascending[low + (rank <= low)] + ascending[high + (rank <= high)])


def _fleet(workspace: Workspace, manifests: Mapping[str, DriveManifest]) -> list[DriveVitals]:
    """Of all drives that can be read, from one summary; only those it does not know are looked at."""
    known = _summary(workspace)
    fleet: dict[str, tuple[str, DriveVitals]] = {}
    for drive, manifest in sorted(manifests.items()):
        sha256, vitals = known.get(drive, ("", None))
        try:
            vitals = vitals if sha256 == manifest.source_sha256 and vitals else vitals_of(workspace, drive)
        except MapForgeError:
            continue
        fleet[drive] = (manifest.source_sha256, vitals)
    if fleet != known:
        plain = {drive: {"source_sha256": sha256, "vitals": asdict(own)} for drive, (sha256, own) in fleet.items()}
        write_text(workspace.fleet_vitals, json.dumps(plain, sort_keys=True) + "\n", workspace.tmp)
    return [own for _, own in fleet.values()]


def _summary(workspace: Workspace) -> dict[str, tuple[str, DriveVitals]]:
    """Drive -> its log and its vital signs; empty when there is none, or other code wrote it."""
    try:
        plain = json.loads(workspace.fleet_vitals.read_text(encoding="utf-8"))
        return {drive: (entry["source_sha256"], _from_plain(entry["vitals"])) for drive, entry in plain.items()}
    except (OSError, ValueError, KeyError, TypeError, AttributeError, RecursionError):
        return {}


def _from_plain(vitals: Mapping[str, Any]) -> DriveVitals:
    return DriveVitals(**{**vitals, "sensors": tuple(vitals["sensors"])})


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
