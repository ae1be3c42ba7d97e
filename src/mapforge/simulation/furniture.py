"""Posts with signs and traffic lights, and lamp posts: bodies, faces and truth."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np
import shapely
from numpy.typing import NDArray

from mapforge.schemas.elements import ElementClass
from mapforge.simulation.ledger import TruthLedger
from mapforge.simulation.shapes import box, cylinder
from mapforge.simulation.world import Material, Mesh, SignPlate

Float = NDArray[np.float64]

CLEAR_OF_OTHERS_M = 1.1
CLEAR_OF_ROAD_M = 0.2


@dataclass(eq=False)
class Furniture:
    """What stands beside the road so far. height: of the ground there, by (N, 2); road_height: of the asphalt.

    road: where nothing may stand.
    """

    height: Callable[[Float], Float]
    ledger: TruthLedger
    rng: np.random.Generator
    road_height: Callable[[Float], Float] = field(kw_only=True)
    road: shapely.Geometry = field(default_factory=shapely.Polygon, kw_only=True)
    meshes: list[Mesh] = field(default_factory=list)
    plates: list[SignPlate] = field(default_factory=list)
    places: list[Float] = field(default_factory=list)

    def is_free(self, xy: Float) -> bool:
        """No other post is near, and it is not on the road."""
        if self.road.dwithin(shapely.Point(*xy), CLEAR_OF_ROAD_M):
            return False
        return not self.places or float(np.abs(np.array(self.places) - xy).max(axis=1).min()) > CLEAR_OF_OTHERS_M

    def add_sign(self, xy: Float, heading_rad: float, sign_type: str, picture: str = "") -> None:
        """A sign on a post of its own. xy: (2,) of the plate; heading_rad: where it faces.

        picture: which of several an "unknown" sign carries.
        """
        width = round(float(self.rng.uniform(0.6, 0.8)), 3)
        height = round(width * (0.45 if sign_type == "one_way" else 1.0), 3)
        above = round(float(self.rng.uniform(2.0, 2.7)), 3)
        heading = float(heading_rad + np.deg2rad(self.rng.uniform(-5.0, 5.0)))
        ground = float(self.height(xy[None])[0])
        facing = np.array([np.cos(heading), np.sin(heading)])
        self.places.append(xy)
        self._post(xy - 0.09 * facing, ground, above + height / 2)
        self.meshes.append(
            box(
                _at(xy - 0.03 * facing, ground + above - height / 2), (0.02, width, height), heading, Material.SIGN_BACK
            )
        )
        self._face(ElementClass.TRAFFIC_SIGN, xy, ground, above, heading, width, height, sign_type, picture)

    def add_light(self, xy: Float, heading_rad: float, above_m: float, state: str) -> None:
        """A traffic-light head; its post or mast is added by itself. above_m: of its centre over the ground."""
        width, height = 0.34, 0.95
        ground = float(self.height(xy[None])[0])
        facing = np.array([np.cos(heading_rad), np.sin(heading_rad)])
        body = (0.22, width + 0.08, height + 0.1)
        foot = _at(xy - 0.13 * facing, ground + above_m - height / 2 - 0.05)
        self.meshes.append(box(foot, body, heading_rad, Material.LIGHT_HOUSING))
        self._face(ElementClass.TRAFFIC_LIGHT, xy, ground, above_m, heading_rad, width, height, "traffic_light", state)

    def add_mast(self, xy: Float, to_xy: Float, height_m: float) -> None:
        """A post with an arm over the road, from xy to to_xy."""
        ground = float(self.height(xy[None])[0])
        self.places.append(xy)
        self.meshes.append(cylinder(_at(xy, ground - 0.1), 0.09, height_m + 0.2, Material.POLE))
        reach = to_xy - xy
        length = float(np.linalg.norm(reach))
        yaw = float(np.arctan2(reach[1], reach[0]))
        self.meshes.append(box(_at((xy + to_xy) / 2, ground + height_m), (length, 0.1, 0.1), yaw, Material.POLE))

    def add_pole(self, xy: Float, height_m: float, radius_m: float) -> None:
        """A plain post."""
        self._post(xy, float(self.height(xy[None])[0]), height_m, radius_m)
        self.places.append(xy)

    def _post(self, xy: Float, ground_m: float, height_m: float, radius_m: float = 0.035) -> None:
        self.meshes.append(cylinder(_at(xy, ground_m - 0.1), radius_m, height_m + 0.1, Material.POLE, sides=6))

    def _face(
        self,
        kind: ElementClass,
        xy: Float,
        ground_m: float,
        above_m: float,
        heading_rad: float,
        width_m: float,
        height_m: float,
        sign_type: str,
        state: str,
    ) -> None:
        heading = float((heading_rad + np.pi) % (2 * np.pi) - np.pi)
        centre = (float(xy[0]), float(xy[1]), ground_m + above_m)
        self.plates.append(SignPlate(centre, heading, width_m, height_m, sign_type, state))
        named = {"sign_type": sign_type} if kind == ElementClass.TRAFFIC_SIGN else {}
        self.ledger.draw(kind, shapely.Point(*centre), heading_rad=heading, height_m=above_m, width_m=width_m, **named)


def _at(xy: Float, z_m: float) -> Float:
    return np.array([xy[0], xy[1], z_m])
