"""What fusion noticed beside the map itself: drives that err, and what changed; goes into the footer of a tile."""

from __future__ import annotations

import json
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from mapforge.fusion.history import History
from mapforge.geometry.crs import MapFrame
from mapforge.schemas.elements import ElementClass

_LEAST_M = 10.0
_OUTLYING_SHARE = 0.5
_LIKELY = 0.5


@dataclass(frozen=True)
class Change:
    """A stretch of road on which lines of one class came, went, moved or were repainted.

    kind: appeared, removed, moved or repainted. after_ns: start of the last drive before it. x_m, y_m: its middle,
    map frame.
    """

    element_class: ElementClass
    kind: str
    length_m: float
    after_ns: int
    x_m: float
    y_m: float


def outlier_drives(histories: list[History], names: list[str], station_m: float) -> dict[str, float]:
    """Share of each drive's lines that lie far from where the others agree; of drives where that is the most part."""
    if not histories:
        return {}
    there = np.sum([history.there.sum(axis=0) for history in histories], axis=0) * station_m
    out = np.sum([history.outlying.sum(axis=0) for history in histories], axis=0) * station_m
    share = out / np.maximum(there, 1e-9)
    return {
        names[d]: round(float(share[d]), 3)
        for d in np.argsort(names)
        if there[d] >= _LEAST_M and share[d] > _OUTLYING_SHARE
    }


def changes_of(
    element_class: ElementClass, history: History, repainted: NDArray[np.int64], starts_ns: list[int], station_m: float
) -> list[Change]:
    """Changes on at least some metres of guides. repainted: (N,) first drive that saw the new paint, 0 = none."""
    n_drives = history.there.shape[1]
    last_seen = np.where(history.there, np.arange(n_drives)[None], 0).max(axis=1)
    first_seen = np.where(history.there, np.arange(n_drives)[None], n_drives).min(axis=1)
    on_map = history.exists >= _LIKELY
    since = {
        "removed": np.where(history.gone > _LIKELY, last_seen + 1, 0),
        "appeared": np.where((history.came > _LIKELY) & on_map, first_seen, 0),
        "moved": np.where(on_map, history.moved, 0),
        "repainted": np.where(on_map, repainted, 0),
    }
    found = []
    for kind, first in since.items():
        for k in range(1, n_drives):
            own = first == k
            if own.sum() * station_m >= _LEAST_M:
                x_m, y_m = history.xy_map[own].mean(axis=0)
                found.append(
                    Change(element_class, kind, float(own.sum() * station_m), starts_ns[k - 1], float(x_m), float(y_m))
                )
    return found


def footer(outliers: dict[str, float], changes: list[Change], datum_sigma_m: float, frame: MapFrame) -> dict[str, str]:
    """As strings for a file's metadata; places in projected metres."""
    placed = frame.to_projected(np.array([(change.x_m, change.y_m, 0.0) for change in changes]).reshape(-1, 3))
    listed = [
        {
            "class": str(change.element_class),
            "kind": change.kind,
            "length_m": round(change.length_m, 1),
            "after_ns": change.after_ns,
            "x_m": round(float(x_m), 1),
            "y_m": round(float(y_m), 1),
        }
        for change, (x_m, y_m, _) in zip(changes, placed)
    ]
    return {
        "datum_sigma_m": f"{datum_sigma_m:.4f}",
        "outlier_drives": json.dumps(outliers, sort_keys=True),
        "changes": json.dumps(listed, sort_keys=True),
    }
