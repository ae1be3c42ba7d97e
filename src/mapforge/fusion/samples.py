"""Lines of all drives as oriented samples at fixed stations, so that no sample depends on who asks for it."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray
from scipy.spatial import cKDTree

from mapforge.geometry.polylines import arc_length, at_stations
from mapforge.schemas.elements import BOUNDARY_TYPES, COLOURS, MARKING_TYPES, MapElement, content_id

Float = NDArray[np.float64]
Index = NDArray[np.int64]

_SAME_POINT_M = 2e-3
_ORIGIN_STEP_M = 1000.0
_UNSTATED_SIGMA_M = 0.1
_SHARP_RAD = np.radians(20.0)


@dataclass(frozen=True, eq=False)
class LineSamples:
    """Samples of the lines of one class, sorted by line, then station.

    xyz_map: (N, 3); tangent: (N, 2) unit; sigma_m: (N,); station: (N,) number along its line; line: (N,) index into
    the columns below; end_m: (N,) distance along the line to its nearest end where the drive's line really ends.
    Per line: drive (L,) index of the drive; priority (L,), 0 is highest; length_m (L,) of the whole line; confidence
    (L,); seen_ns (L, 2) first and last; label (L,) number of its attribute combination (`label_of`).
    """

    xyz_map: Float
    tangent: Float
    sigma_m: Float
    station: Index
    line: Index
    end_m: Float
    drive: Index
    priority: Index
    length_m: Float
    confidence: Float
    seen_ns: Index
    label: Index

    def __len__(self) -> int:
        return len(self.line)

    @property
    def normal(self) -> Float:
        """(N, 2) to the left."""
        return np.stack([-self.tangent[:, 1], self.tangent[:, 0]], axis=1)

    @property
    def drive_of(self) -> Index:
        """(N,) index of the drive of each sample."""
        return self.drive[self.line]

    def take(self, index: Index | NDArray[np.bool_]) -> LineSamples:
        """Some of the samples, in order; what is known of lines stays as it is."""
        chosen = {name: getattr(self, name)[index] for name in _OF_SAMPLES}
        return replace(self, **chosen)


_OF_SAMPLES = ("xyz_map", "tangent", "sigma_m", "station", "line", "end_m")


def label_of(attributes: dict) -> int:
    """One number for marking type, colour and boundary type together."""
    marking = MARKING_TYPES.index(attributes.get("marking_type", MARKING_TYPES[0]))
    colour = COLOURS.index(attributes.get("colour", COLOURS[0]))
    boundary = BOUNDARY_TYPES.index(attributes.get("boundary_type", BOUNDARY_TYPES[0]))
    return (marking * len(COLOURS) + colour) * len(BOUNDARY_TYPES) + boundary


LABEL_SHAPE = (len(MARKING_TYPES), len(COLOURS), len(BOUNDARY_TYPES))
LABELS = len(MARKING_TYPES) * len(COLOURS) * len(BOUNDARY_TYPES)


def label_parts(label: int) -> tuple[str, str, str]:
    """Marking type, colour and boundary type of a label."""
    rest, boundary = divmod(label, len(BOUNDARY_TYPES))
    return MARKING_TYPES[rest // len(COLOURS)], COLOURS[rest % len(COLOURS)], BOUNDARY_TYPES[boundary]


def mirrored(label: Index) -> Index:
    """The labels as seen from the other direction of the line: solid on the left becomes solid on the right."""
    return np.asarray(_MIRRORED[label])


def _mirror_table() -> Index:
    swapped = {"solid_dashed": "dashed_solid", "dashed_solid": "solid_dashed"}
    parts = [label_parts(label) for label in range(LABELS)]
    return np.array(
        [
            label_of({"marking_type": swapped.get(marking, marking), "colour": colour, "boundary_type": boundary})
            for marking, colour, boundary in parts
        ]
    )


_MIRRORED = _mirror_table()


def sampled(
    lines: list[list[MapElement]], bounds_m: tuple[float, float, float, float], station_m: float
) -> LineSamples:
    """Samples inside `bounds_m` of whole lines; lines[d] are those of drive d, which may reach far outside."""
    flat = [(drive, element) for drive, elements in enumerate(lines) for element in _in_order(elements)]
    free = _free_ends(flat)
    parts = [_of_line(element, ends, bounds_m, station_m) for (_, element), ends in zip(flat, free)]
    counts = [len(part[3]) for part in parts]
    columns = [np.concatenate([part[k] for part in parts]) for k in range(5)] if parts else _nothing()
    keys = [(-round(element.geometry.length, 2), element.confidence, _content(element)) for _, element in flat]
    priority = np.empty(len(flat), dtype=np.int64)
    priority[sorted(range(len(flat)), key=keys.__getitem__)] = np.arange(len(flat))
    return LineSamples(
        xyz_map=columns[0],
        tangent=columns[1],
        sigma_m=columns[2],
        station=columns[3].astype(np.int64),
        line=np.repeat(np.arange(len(flat)), counts),
        end_m=columns[4],
        drive=np.array([drive for drive, _ in flat], dtype=np.int64),
        priority=priority,
        length_m=np.array([element.geometry.length for _, element in flat]),
        confidence=np.array([element.confidence for _, element in flat]),
        seen_ns=np.array([(e.first_seen_ns, e.last_seen_ns) for _, e in flat], dtype=np.int64).reshape(-1, 2),
        label=np.array([label_of(element.attributes) for _, element in flat], dtype=np.int64),
    )


def _nothing() -> list[Float]:
    return [np.zeros((0, 3)), np.zeros((0, 2)), np.zeros(0), np.zeros(0), np.zeros(0)]


def _content(element: MapElement) -> str:
    """Equal for equal lines whatever the frame's origin, which is a whole number of kilometres."""
    return content_id(np.round(element.xyz_map, 3) % _ORIGIN_STEP_M)


def _in_order(elements: list[MapElement]) -> list[MapElement]:
    return sorted(elements, key=lambda element: (element.xyz_map[0].tolist(), _content(element)))


def _free_ends(flat: list[tuple[int, MapElement]]) -> list[tuple[bool, bool]]:
    """Whether the first and the last vertex of each line is an end: no other line of its drive goes on there."""
    if not flat:
        return []
    ends = np.array([[element.xyz_map[0, :2], element.xyz_map[-1, :2]] for _, element in flat]).reshape(-1, 2)
    drive = np.repeat([drive for drive, _ in flat], 2)
    pairs = cKDTree(ends).query_pairs(_SAME_POINT_M, output_type="ndarray")
    same = pairs[drive[pairs[:, 0]] == drive[pairs[:, 1]]]
    free = np.ones(len(ends), dtype=bool)
    free[same.ravel()] = False
    return [(bool(a), bool(b)) for a, b in free.reshape(-1, 2)]


def _of_line(
    element: MapElement, free: tuple[bool, bool], bounds_m: tuple[float, float, float, float], station_m: float
) -> tuple[Float, Float, Float, Float, Float]:
    """xyz, tangent, sigma, station number and distance to the nearest free end of the samples inside the bounds."""
    xyz = element.xyz_map
    along = arc_length(xyz)
    stations = _stations(xyz, along, station_m)
    points = at_stations(xyz, stations)
    ahead = at_stations(xyz, np.minimum(stations + station_m, along[-1]))[:, :2]
    behind = at_stations(xyz, np.maximum(stations - station_m, 0.0))[:, :2]
    chord = ahead - behind
    tangent = chord / np.maximum(np.linalg.norm(chord, axis=1, keepdims=True), 1e-9)
    stated = element.sigma_m if len(element.sigma_m) == len(xyz) else (_UNSTATED_SIGMA_M,) * len(xyz)
    sigma = np.interp(stations, along, stated)
    end = np.minimum(stations if free[0] else np.inf, along[-1] - stations if free[1] else np.inf)
    xmin, ymin, xmax, ymax = bounds_m
    inside = (points[:, 0] >= xmin) & (points[:, 0] <= xmax) & (points[:, 1] >= ymin) & (points[:, 1] <= ymax)
    number = np.arange(len(stations), dtype=np.float64)
    return points[inside], tangent[inside], sigma[inside], number[inside], np.broadcast_to(end, len(stations))[inside]


def _stations(xyz: Float, along: Float, station_m: float) -> Float:
    """Regular stations, both ends, and the sharp corners, which regular stations would cut."""
    step = np.diff(xyz[:, :2], axis=0)
    cross = step[:-1, 0] * step[1:, 1] - step[:-1, 1] * step[1:, 0]
    turn = np.abs(np.arctan2(cross, (step[:-1] * step[1:]).sum(axis=1)))
    fixed = np.concatenate([[0.0], along[1:-1][turn > _SHARP_RAD], along[-1:]])
    regular = np.arange(0.0, along[-1], station_m)
    after = np.searchsorted(fixed, regular).clip(1, len(fixed) - 1)
    distance = np.minimum(np.abs(regular - fixed[after - 1]), np.abs(fixed[after] - regular))
    return np.unique(np.concatenate([fixed, regular[distance > 0.3 * station_m]]))
