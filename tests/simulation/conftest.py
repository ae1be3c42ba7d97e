"""A hand-made world that needs no town: a straight flat road with paint, curbs, a wall, a sign and a light."""

import numpy as np
import pytest
import shapely

from mapforge.geometry.crs import MapFrame
from mapforge.geometry.grid import BevGrid
from mapforge.simulation.world import (
    DrivePlan,
    Heightfield,
    Material,
    Mesh,
    MovingVehicle,
    PaintMark,
    RouteLane,
    SignPlate,
    World,
)

X0, Y0 = 400.0, 300.0
SPEED_MPS = 10.0


def _quad(corners: list[tuple[float, float, float]], material: Material) -> Mesh:
    triangles = np.array([[0, 1, 2], [0, 2, 3]], np.int32)
    return Mesh(np.array(corners, np.float32), triangles, np.full(2, material, np.uint8))


def _box(x0: float, x1: float, y0: float, y1: float, z0: float, z1: float, material: Material) -> Mesh:
    vertices = np.array([(x, y, z) for z in (z0, z1) for x, y in ((x0, y0), (x1, y0), (x1, y1), (x0, y1))], np.float32)
    faces = [[0, 2, 1], [0, 3, 2], [4, 5, 6], [4, 6, 7]]
    faces += [face for a, b in ((0, 1), (1, 2), (2, 3), (3, 0)) for face in ([a, b, b + 4], [a, b + 4, a + 4])]
    return Mesh(vertices, np.array(faces, np.int32), np.full(12, material, np.uint8))


@pytest.fixture(scope="session")
def flat_world() -> World:
    """Road along x from X0 - 100 to X0 + 100, 14 m wide, centred on Y0; wall at y = Y0 + 15; sign at X0 + 30."""
    ground = _quad(
        [(X0 - 100, Y0 - 100, 0), (X0 + 100, Y0 - 100, 0), (X0 + 100, Y0 + 100, 0), (X0 - 100, Y0 + 100, 0)],
        Material.ASPHALT,
    )
    curbs = [
        _box(X0 - 100, X0 + 100, Y0 + side - 0.15, Y0 + side + 0.15, 0.0, 0.15, Material.CURB) for side in (-7.15, 7.15)
    ]
    wall = _box(X0 - 60, X0 + 60, Y0 + 15.0, Y0 + 16.0, 0.0, 6.0, Material.BUILDING)
    pole = _box(X0 + 30.05, X0 + 30.13, Y0 - 8.04, Y0 - 7.96, 0.0, 3.0, Material.POLE)
    dashes = [
        PaintMark(shapely.box(x, Y0 - 0.075, x + 3.0, Y0 + 0.075), "white", 0.0)
        for x in np.arange(X0 - 99, X0 + 97, 9.0)
    ]
    edge = PaintMark(shapely.box(X0 - 100, Y0 - 6.3, X0 + 100, Y0 - 6.15), "yellow", 0.3)
    signs = (
        SignPlate((X0 + 30.0, Y0 - 8.0, 2.5), np.pi, 0.7, 0.7, "stop"),
        SignPlate((X0 + 40.0, Y0 + 3.5, 5.0), np.pi, 0.4, 1.0, "traffic_light", "red"),
    )
    line = np.stack([np.linspace(X0 - 90, X0 + 90, 91), np.full(91, Y0 - 3.5), np.zeros(91)], axis=1)
    return World(
        name="flat",
        seed=3,
        frame=MapFrame.at(8.4, 49.0),
        meshes=(ground, *curbs, wall, pole),
        paint=(*dashes, edge),
        plates=signs,
        lanes=(RouteLane(line, (), 13.9, 3.5),),
        ground=Heightfield(BevGrid(X0 - 100, Y0 - 100, 1.0, 200, 200), np.zeros((200, 200), np.float32)),
        truth=(),
    )


@pytest.fixture(scope="session")
def straight_plan() -> DrivePlan:
    """One second along +x at SPEED_MPS in the right lane, an oncoming car ahead."""
    seconds = np.arange(101) * 0.01
    start_ns = 1_750_000_000_000_000_000
    translation = np.stack([X0 + SPEED_MPS * seconds, np.full(101, Y0 - 3.5), np.zeros(101)], axis=1)
    oncoming = MovingVehicle(
        np.array([[X0 + 90.0, Y0 + 3.5, 0.0], [X0 - 90.0, Y0 + 3.5, 0.0]]), 8.0, 60.0, 4.4, 1.8, 1.5
    )
    return DrivePlan(
        "flat-0",
        11,
        start_ns + np.round(seconds * 1e9).astype(np.int64),
        translation,
        np.tile([1.0, 0.0, 0.0, 0.0], (101, 1)),
        (oncoming,),
    )
