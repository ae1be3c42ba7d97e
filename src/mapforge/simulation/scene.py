"""What rays can hit: the still part of a world near a drive, and the vehicles that move through it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import open3d as o3d
import shapely
from numpy.typing import NDArray
from scipy.sparse import coo_matrix
from scipy.sparse.csgraph import connected_components

from mapforge.simulation.moving import Track, vehicle_mesh
from mapforge.simulation.sign_faces import outline
from mapforge.simulation.world import Material, MovingVehicle, SignPlate, World

SIGN_FACE = len(Material)
"""Material number of the picture side of a plate."""

_PLATE_BACKING_M = 0.004
_SPHERE_SLACK_M = 1.0
_OBJECT_MATERIALS = [Material.BUILDING, Material.GLASS, Material.VEHICLE, Material.FOLIAGE, Material.TRUNK]


@dataclass(frozen=True, eq=False)
class Hits:
    """What each ray met first. range_m: (N,) float32, inf where nothing; triangle: (N,) int32, -1 where nothing."""

    range_m: NDArray[np.float32]
    triangle: NDArray[np.int32]


@dataclass(frozen=True, eq=False)
class Triangles:
    """A row a triangle. normals: (T, 3) float32 unit; materials: (T,) uint8; tones: (T,) float32, one value an object;
    plates: (T,) int32 number of the sign plate or -1."""

    vertices: NDArray[np.float32]
    corners: NDArray[np.uint32]
    normals: NDArray[np.float32]
    materials: NDArray[np.uint8]
    tones: NDArray[np.float32]
    plates: NDArray[np.int32]

    @classmethod
    def of(
        cls,
        vertices: NDArray[np.floating],
        corners: NDArray[np.integer],
        materials: NDArray[np.uint8],
        tones: NDArray[np.floating],
        plates: NDArray[np.integer] | None = None,
    ) -> Triangles:
        a, b, c = (np.asarray(vertices, dtype=np.float64)[corners[:, k]] for k in range(3))
        normals = np.cross(b - a, c - a)
        normals /= np.maximum(np.linalg.norm(normals, axis=1, keepdims=True), 1e-12)
        none = np.full(len(corners), -1) if plates is None else plates
        return cls(
            np.ascontiguousarray(vertices, dtype=np.float32),
            np.ascontiguousarray(corners, dtype=np.uint32),
            normals.astype(np.float32),
            materials.astype(np.uint8),
            tones.astype(np.float32),
            none.astype(np.int32),
        )

    def raycaster(self) -> o3d.t.geometry.RaycastingScene:
        scene = o3d.t.geometry.RaycastingScene(nthreads=1)
        scene.add_triangles(o3d.core.Tensor.from_numpy(self.vertices), o3d.core.Tensor.from_numpy(self.corners))
        return scene


def join(parts: list[Triangles]) -> Triangles:
    """One table of all parts."""
    offsets = np.cumsum([0] + [len(part.vertices) for part in parts[:-1]])
    return Triangles(
        np.concatenate([part.vertices for part in parts]),
        np.concatenate([part.corners + np.uint32(k) for part, k in zip(parts, offsets)]),
        np.concatenate([part.normals for part in parts]),
        np.concatenate([part.materials for part in parts]),
        np.concatenate([part.tones for part in parts]),
        np.concatenate([part.plates for part in parts]),
    )


class Scene:
    """The still world, and at any time the moving vehicles; answers rays with the nearest triangle.

    `triangles` has the still triangles first, then each moving vehicle's (present or not); `vehicles` names, a row a
    triangle, the moving vehicle or -1.
    """

    def __init__(self, still: Triangles, traffic: tuple[MovingVehicle, ...]) -> None:
        self._raycaster = still.raycaster()
        self._meshes = [vehicle_mesh(v.length_m, v.width_m, v.height_m) for v in traffic]
        self._radii_m = [_SPHERE_SLACK_M + 0.5 * float(np.hypot(v.length_m, v.height_m + v.width_m)) for v in traffic]
        tones = np.random.default_rng(len(traffic)).random(len(traffic))
        moving = [
            Triangles.of(mesh.vertices, mesh.triangles, mesh.materials, np.full(len(mesh.triangles), tone))
            for mesh, tone in zip(self._meshes, tones)
        ]
        counts = [len(still.materials)] + [len(mesh.triangles) for mesh in self._meshes]
        self._first = np.cumsum(counts)[: len(traffic)].astype(np.int32)
        self._local_normals = [part.normals for part in moving]
        self._moving: _Moving | None = None
        self.tracks = [Track(vehicle) for vehicle in traffic]
        self.triangles = join([still, *moving])
        self.vehicles = np.repeat(np.arange(-1, len(traffic), dtype=np.int32), counts)
        self._anchors = still.vertices[still.corners[:, 0]]

    def set_time(self, elapsed_s: float) -> None:
        """Puts the traffic where it is `elapsed_s` after the drive's first instant."""
        present, centres = [], []
        raycaster = o3d.t.geometry.RaycastingScene(nthreads=1)
        for k, (track, mesh) in enumerate(zip(self.tracks, self._meshes)):
            map_SE3_vehicle = track.pose_at(elapsed_s)
            if map_SE3_vehicle is None:
                continue
            present.append(k)
            centres.append(map_SE3_vehicle.translation_m)
            vertices = map_SE3_vehicle.transform(mesh.vertices.astype(np.float64)).astype(np.float32)
            corners = o3d.core.Tensor.from_numpy(mesh.triangles.astype(np.uint32))
            raycaster.add_triangles(o3d.core.Tensor.from_numpy(vertices), corners)
            slot = slice(self._first[k], self._first[k] + len(mesh.triangles))
            self.triangles.normals[slot] = self._local_normals[k] @ map_SE3_vehicle.rotation.T
        self._moving = None
        if present:
            radii = np.array([self._radii_m[k] for k in present], dtype=np.float32)
            self._moving = _Moving(raycaster, self._first[present], np.array(centres, dtype=np.float32), radii)

    def sides(self, viewpoint_m: NDArray[np.float64]) -> NDArray[np.float32]:
        """(T,) +1 where a triangle's normal points to the side the viewpoint is on, else -1."""
        sides = np.ones(len(self.triangles.materials), dtype=np.float32)
        towards = viewpoint_m.astype(np.float32) - self._anchors
        behind = np.einsum("ij,ij->i", towards, self.triangles.normals[: len(self._anchors)]) < 0
        sides[: len(self._anchors)][behind] = -1.0
        return sides

    def cast(self, rays: NDArray[np.float32]) -> Hits:
        """rays: (N, 6) float32 origins, all within a few metres, and unit directions in the map frame."""
        answer = self._raycaster.cast_rays(o3d.core.Tensor.from_numpy(rays), nthreads=1)
        range_m = answer["t_hit"].numpy()
        triangle = answer["primitive_ids"].numpy().view(np.int32)
        if self._moving is not None:
            self._moving.overlay(rays, range_m, triangle)
        return Hits(range_m, triangle)

    def cast_still(self, rays: NDArray[np.float32]) -> Hits:
        """The same without the traffic; origins may lie anywhere."""
        answer = self._raycaster.cast_rays(o3d.core.Tensor.from_numpy(rays), nthreads=1)
        return Hits(answer["t_hit"].numpy(), answer["primitive_ids"].numpy().view(np.int32))

    def occluded(self, origins: NDArray[np.float32], direction: NDArray[np.float32]) -> NDArray[np.bool_]:
        """(N,) bool: something lies on the ray from origins (N, 3) along one unit direction (3,)."""
        rays = np.concatenate([origins, np.broadcast_to(direction, origins.shape)], axis=1)
        blocked = self._raycaster.test_occlusions(o3d.core.Tensor.from_numpy(rays), nthreads=1).numpy()
        if self._moving is not None:
            self._moving.block(rays, blocked)
        return np.asarray(blocked)


@dataclass(frozen=True, eq=False)
class _Moving:
    """The vehicles at one time, each in a sphere that tells which rays can meet it.

    first: (V,) number of a vehicle's first triangle; centres: (V, 3), radii_m: (V,) float32.
    """

    raycaster: o3d.t.geometry.RaycastingScene
    first: NDArray[np.int32]
    centres: NDArray[np.float32]
    radii_m: NDArray[np.float32]

    def overlay(self, rays: NDArray[np.float32], range_m: NDArray[np.float32], triangle: NDArray[np.int32]) -> None:
        """Puts nearer hits on vehicles in place of those on the still world."""
        to_centre = self.centres - rays[len(rays) // 2, :3]
        distance = np.sqrt((to_centre * to_centre).sum(axis=1))
        sine = np.minimum(self.radii_m / np.maximum(distance, 1e-3), 1.0)
        cosine = np.where(sine < 1.0, np.sqrt(1.0 - sine * sine), -1.0)
        towards = (to_centre / np.maximum(distance, 1e-3)[:, None]) @ rays[:, 3:].T
        candidates = np.flatnonzero((towards > cosine[:, None]).any(axis=0))
        if not len(candidates):
            return
        answer = self.raycaster.cast_rays(o3d.core.Tensor.from_numpy(rays[candidates]), nthreads=1)
        closer = np.flatnonzero(answer["t_hit"].numpy() < range_m[candidates])
        chosen = candidates[closer]
        range_m[chosen] = answer["t_hit"].numpy()[closer]
        vehicle = answer["geometry_ids"].numpy()[closer]
        triangle[chosen] = self.first[vehicle] + answer["primitive_ids"].numpy().view(np.int32)[closer]

    def block(self, rays: NDArray[np.float32], blocked: NDArray[np.bool_]) -> None:
        """Marks rays (N, 6), all of one direction, that a vehicle stands in the way of."""
        direction = rays[0, 3:] if len(rays) else np.array([0.0, 0.0, 1.0], dtype=np.float32)
        across = np.linalg.svd(direction[None])[2][1:].T.astype(np.float32)
        x, y = across.T @ rays[:, :3].T
        near = np.zeros(len(rays), dtype=bool)
        for (centre_x, centre_y), radius_m in zip(self.centres @ across, self.radii_m):
            near |= (x - centre_x) ** 2 + (y - centre_y) ** 2 < radius_m**2
        candidates = np.flatnonzero(near & ~blocked)
        if len(candidates):
            tensor = o3d.core.Tensor.from_numpy(rays[candidates])
            blocked[candidates] = self.raycaster.test_occlusions(tensor, nthreads=1).numpy()


def build_scene(
    world: World, region: shapely.Geometry, traffic: tuple[MovingVehicle, ...], style: int
) -> tuple[Scene, list[int]]:
    """The scene of a drive; region: geometry of the map plane outside of which nothing is kept.

    Also returns the numbers of the plates that stand in the region. style: of the sign faces.
    """
    shapely.prepare(region)
    tones = _object_tones(world)
    parts, start = [], 0
    for mesh in world.meshes:
        end = start + len(mesh.triangles)
        keep = _near(mesh.vertices, mesh.triangles, region)
        if keep.any():
            used, corners = np.unique(mesh.triangles[keep], return_inverse=True)
            corners = corners.reshape(-1, 3)
            parts.append(Triangles.of(mesh.vertices[used], corners, mesh.materials[keep], tones[start:end][keep]))
        start = end
    plates = [k for k, plate in enumerate(world.plates) if region.contains(shapely.Point(plate.centre_m[:2]))]
    parts.extend(_plate_triangles(world.plates[k], k, style) for k in plates)
    return Scene(join(parts), traffic), plates


def _near(vertices: NDArray[np.float32], triangles: NDArray[np.int32], region: shapely.Geometry) -> NDArray[np.bool_]:
    """(T,) bool: triangles with a corner in the region's bounding boxes, or so large that they may reach into it."""
    inside = shapely.contains_xy(region, vertices[:, 0].astype(np.float64), vertices[:, 1].astype(np.float64))
    near = inside[triangles].any(axis=1)
    corners = vertices[triangles]
    large = np.ptp(corners[..., :2], axis=1).max(axis=1) > 30.0
    return np.asarray(near | large)


def _object_tones(world: World) -> NDArray[np.float32]:
    """(T,) one random value in 0..1 an object of the world, over the triangles of all meshes in order."""
    materials = np.concatenate([mesh.materials for mesh in world.meshes])
    offsets = np.cumsum([0] + [len(mesh.vertices) for mesh in world.meshes[:-1]])
    triangles = np.concatenate([mesh.triangles + int(k) for mesh, k in zip(world.meshes, offsets)])
    vertices = np.concatenate([mesh.vertices for mesh in world.meshes])
    millimetres = np.round(vertices.astype(np.float64) * 1000.0).astype(np.int64)
    keys = (millimetres[:, 0] * 1_000_003 + millimetres[:, 1]) * 1_000_033 + millimetres[:, 2]
    welded = np.unique(keys, return_inverse=True)[1][triangles]
    edges = welded[np.isin(materials, _OBJECT_MATERIALS)]
    count = int(welded.max()) + 1
    rows = np.concatenate([edges[:, 0], edges[:, 1]])
    columns = np.concatenate([edges[:, 1], edges[:, 2]])
    graph = coo_matrix((np.ones(len(rows), dtype=bool), (rows, columns)), shape=(count, count))
    labels = connected_components(graph, directed=False)[1]
    tones = np.random.default_rng([world.seed, 17]).random(int(labels.max()) + 1).astype(np.float32)
    return np.asarray(tones[labels[welded[:, 0]]])


def plate_axes(plate: SignPlate) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]]:
    """Unit vectors in the map frame: to the reader's right, up, and out of the face."""
    out = np.array([np.cos(plate.heading_rad), np.sin(plate.heading_rad), 0.0])
    up = np.array([0.0, 0.0, 1.0])
    return np.cross(up, out), up, out


def plate_scale_m(plate: SignPlate, style: int) -> float:
    """Length in metres of the longer edge of the picture, so that it fits into the plate's rectangle."""
    extent = np.ptp(outline(plate.sign_type, style), axis=0)
    return float(min(plate.width_m / extent[0], plate.height_m / extent[1]))


def _plate_triangles(plate: SignPlate, number: int, style: int) -> Triangles:
    """The plate's outline twice: the face, and close behind it the back."""
    right, up, out = plate_axes(plate)
    shape = outline(plate.sign_type, style) * plate_scale_m(plate, style)
    face = np.asarray(plate.centre_m) + shape[:, :1] * right + shape[:, 1:] * up
    n = len(face)
    fan = np.array([[0, k, k + 1] for k in range(1, n - 1)])
    vertices = np.concatenate([face, face - _PLATE_BACKING_M * out])
    back = Material.LIGHT_HOUSING if plate.sign_type == "traffic_light" else Material.SIGN_BACK
    materials = np.repeat(np.array([SIGN_FACE, back], dtype=np.uint8), n - 2)
    numbers = np.repeat([number, -1], n - 2)
    return Triangles.of(vertices, np.concatenate([fan, fan[:, ::-1] + n]), materials, np.full(2 * n - 4, 0.5), numbers)
