"""Which places may be trained on: the split by place, and the gate against leakage."""

from __future__ import annotations

import math
from collections.abc import Iterable
from itertools import product

from mapforge.errors import LeakageError

FIRST_TRAINING_SEED = 1000
"""Worlds and generator seeds below are for tests, demo and validation; training takes those from here on."""
APART_M = 1000.0
"""Worlds of real maps whose middles are nearer than this share streets."""
_MAP = "map:"
_METRES_A_DEGREE = 111_320.0


def generated_place(seed: int) -> str:
    """Name of the place that a generator seed stands for."""
    return f"generated:{seed}"


def require_training_seed(seed: int) -> None:
    """Raises LeakageError for seeds that are kept for tests, demo and validation."""
    if seed < FIRST_TRAINING_SEED:
        raise LeakageError(
            f"seed {seed} is kept for tests, demo and validation; train with seeds from {FIRST_TRAINING_SEED} on"
        )


def require_apart(training: Iterable[str], evaluation: Iterable[str]) -> None:
    """The leakage gate: raises LeakageError naming places that are in both, or of real maps as good as in both."""
    trained, scored = set(training), set(evaluation)
    shared = sorted(trained & scored)
    if shared:
        raise LeakageError(
            f"{len(shared)} places are in training and in evaluation, for example {shared[:3]}; keep them apart"
        )
    for (a, here), (b, there) in product(_on_earth(trained), _on_earth(scored)):
        if _distance_m(here, there) < APART_M:
            raise LeakageError(
                f"training has {a} and evaluation {b}, {_distance_m(here, there):.0f} m from each other; real maps "
                f"must be {APART_M:.0f} m apart: take another map, or a seed that gives another place of it"
            )


def world_place(name: str) -> str:
    """Name of the place that a simulated world is; the same world driven twice is one place."""
    return f"world:{name}"


def map_place(lon_lat_deg: tuple[float, float] | None, content: str) -> str:
    """Name of the place that a world made from a real map is: its middle, else the map file's content (a digest).

    Without georeference nothing else can be known: the same streets in a file that differs by one byte are another.
    """
    if lon_lat_deg is None:
        return f"{_MAP}{content}"
    return f"{_MAP}{lon_lat_deg[0]:.5f},{lon_lat_deg[1]:.5f}"


def _on_earth(places: Iterable[str]) -> list[tuple[str, tuple[float, float]]]:
    """Places of real maps with their longitude and latitude, in order."""
    found = []
    for place in sorted(places):
        lon, comma, lat = place.removeprefix(_MAP).partition(",")
        if place.startswith(_MAP) and comma:
            found.append((place, (float(lon), float(lat))))
    return found


def _distance_m(a: tuple[float, float], b: tuple[float, float]) -> float:
    """Exact to a percent over a few kilometres."""
    east = ((b[0] - a[0] + 180.0) % 360.0 - 180.0) * math.cos(math.radians((a[1] + b[1]) / 2))
    return math.hypot(east, b[1] - a[1]) * _METRES_A_DEGREE
