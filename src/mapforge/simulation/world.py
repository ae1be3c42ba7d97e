"""A simulated place: what sensors can hit, what a map of it must contain, where cars can drive."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import IntEnum, StrEnum

import numpy as np
import shapely
from numpy.typing import NDArray

from mapforge.geometry.crs import MapFrame
from mapforge.geometry.grid import BevGrid
from mapforge.schemas.elements import MapElement


class Material(IntEnum):
    """What a triangle is made of; decides reflectivity and colour."""

    ASPHALT = 0
    SIDEWALK = 1
    CURB = 2
    GRASS = 3
    BUILDING = 4
    POLE = 5
    TRUNK = 6
    FOLIAGE = 7
    VEHICLE = 8
    GLASS = 9
    SIGN_BACK = 10
    LIGHT_HOUSING = 11
    CONE = 12
    CONCRETE = 13


@dataclass(frozen=True, eq=False)
class Mesh:
    """Triangles. vertices: (V, 3) float32 map frame; triangles: (T, 3) int32; materials: (T,) uint8 (Material)."""

    vertices: NDArray[np.float32]
    triangles: NDArray[np.int32]
    materials: NDArray[np.uint8]


@dataclass(frozen=True)
class PaintMark:
    """One painted area: a polygon in the map plane (2D), e.g. one dash.

    wear: 0 fresh .. 1 gone; the texture is patchy in between. colour: of COLOURS.
    """

    area: shapely.Polygon
    colour: str
    wear: float


class FeatureKind(StrEnum):
    """What else lies in the road and looks different from plain asphalt."""

    RAIL = "rail"
    GROOVE = "groove"
    LIGHT_BED = "light_bed"
    DARK_BED = "dark_bed"
    GHOST = "ghost"
    """Where paint was taken off."""


@dataclass(frozen=True)
class RoadFeature:
    """A part of the road's surface of another kind: a polygon in the map plane (2D)."""

    area: shapely.Polygon
    kind: FeatureKind


@dataclass(frozen=True)
class SignPlate:
    """A sign or light face: an upright rectangle that carries a picture.

    centre_m: map frame. heading_rad: direction its face points to. sign_type: of SIGN_TYPES, or
    "traffic_light" (then `state` is red, yellow or green).
    """

    centre_m: tuple[float, float, float]
    heading_rad: float
    width_m: float
    height_m: float
    sign_type: str
    state: str = ""


@dataclass(frozen=True, eq=False)
class RouteLane:
    """A lane a car can follow. centreline: (N, 3) map frame in travel direction; successors: indices of lanes."""

    centreline: NDArray[np.float64]
    successors: tuple[int, ...]
    speed_limit_mps: float
    width_m: float


@dataclass(frozen=True, eq=False)
class Heightfield:
    """Height of the drivable ground over the map plane. z_m: (rows, columns) float32 at cell centres."""

    grid: BevGrid
    z_m: NDArray[np.float32]

    def at(self, xy_map: NDArray[np.float64]) -> NDArray[np.float64]:
        """(N,) bilinear height at points (N, >=2), clamped to the grid."""
        xy = np.asarray(xy_map, dtype=np.float64)
        column = np.clip((xy[:, 0] - self.grid.x0_m) / self.grid.resolution_m - 0.5, 0, self.grid.columns - 1.001)
        row = np.clip((xy[:, 1] - self.grid.y0_m) / self.grid.resolution_m - 0.5, 0, self.grid.rows - 1.001)
        c, r = column.astype(np.int64), row.astype(np.int64)
        u, v = column - c, row - r
        z = self.z_m
        return np.asarray(
            (z[r, c] * (1 - u) + z[r, c + 1] * u) * (1 - v) + (z[r + 1, c] * (1 - u) + z[r + 1, c + 1] * u) * v
        )


@dataclass(frozen=True, eq=False)
class MovingVehicle:
    """A vehicle on its way. path_m: (N, 3) ground points of its centre; speed_mps constant; box size in metres.

    It starts at path station `start_station_m` at the drive's first instant and leaves the world at the path's end.
    """

    path_m: NDArray[np.float64]
    speed_mps: float
    start_station_m: float
    length_m: float
    width_m: float
    height_m: float


@dataclass(frozen=True, eq=False)
class World:
    """Everything there is.

    meshes: static, including ground, curbs, sidewalks, buildings, poles, trees, parked vehicles, sign backs
    (sign and light faces come from `plates`). truth: the map elements (map frame) a perfect map would contain.
    """

    name: str
    seed: int
    frame: MapFrame
    meshes: tuple[Mesh, ...]
    paint: tuple[PaintMark, ...]
    plates: tuple[SignPlate, ...]
    lanes: tuple[RouteLane, ...]
    ground: Heightfield
    truth: tuple[MapElement, ...]
    metadata: dict[str, str] = field(default_factory=dict)
    features: tuple[RoadFeature, ...] = ()


@dataclass(frozen=True, eq=False)
class DrivePlan:
    """One car's way through a world, before sensors look.

    timestamps_ns: (N,) int64 at 100 Hz. translation_m (N, 3), quaternion_wxyz (N, 4): true map_SE3_ego, ego = rear
    axle centre at ground height. seed: of everything random in this drive's sensors. traffic: what else moves.
    """

    drive_id: str
    seed: int
    timestamps_ns: NDArray[np.int64]
    translation_m: NDArray[np.float64]
    quaternion_wxyz: NDArray[np.float64]
    traffic: tuple[MovingVehicle, ...] = ()
