"""Are the poses a log brings good enough to map with?"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from mapforge.geometry.se3 import Float

MIN_POSES = 2


def faults_of_poses(
    timestamps_ns: NDArray[np.int64],
    translation_m: Float,
    sweep_times_ns: NDArray[np.int64],
    max_gap_s: float,
    max_speed_mps: float,
    min_coverage: float,
) -> list[str]:
    """Why the poses cannot be used as they are, in words; empty when they can."""
    if len(timestamps_ns) < MIN_POSES:
        return [f"the log has {len(timestamps_ns)} georeferenced poses"]
    faults = []
    if not np.isfinite(translation_m).all():
        faults.append(f"{int((~np.isfinite(translation_m)).any(axis=1).sum())} poses are not finite")
    inside = (sweep_times_ns >= timestamps_ns[0]) & (sweep_times_ns <= timestamps_ns[-1])
    if len(inside) and inside.mean() < min_coverage:
        faults.append(f"poses cover {inside.mean():.0%} of the sweeps")
    step_s = np.diff(timestamps_ns) * 1e-9
    used = np.ones(len(step_s), dtype=bool)
    if len(inside):
        used = (timestamps_ns[1:] >= sweep_times_ns.min()) & (timestamps_ns[:-1] <= sweep_times_ns.max())
    if used.any() and step_s[used].max() > max_gap_s:
        faults.append(f"poses have a gap of {step_s[used].max():.1f} s")
    speed = np.linalg.norm(np.diff(translation_m, axis=0), axis=1) / step_s
    if used.any() and speed[used].max() > max_speed_mps:
        faults.append(f"poses jump at {speed[used].max():.0f} m/s")
    return faults
