"""Triangles of simple bodies: boxes, prisms, cylinders, foliage, vehicles."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from mapforge.simulation.world import Material, Mesh

Float = NDArray[np.float64]

_BOX_CORNERS = np.array([[x, y, z] for z in (0.0, 1.0) for y in (-0.5, 0.5) for x in (-0.5, 0.5)])
_BOX_FACES = np.array(
    [
        [0, 2, 3], [0, 3, 1], [4, 5, 7], [4, 7, 6], [0, 1, 5], [0, 5, 4],
        [2, 6, 7], [2, 7, 3], [0, 4, 6], [0, 6, 2], [1, 3, 7], [1, 7, 5],
    ]
)  # fmt: skip


def mesh_of(vertices: Float, triangles: NDArray, material: Material | NDArray) -> Mesh:
    """A mesh from (V, 3) vertices and (T, 3) indices, of one material or one a triangle."""
    triangles = np.asarray(triangles, dtype=np.int32).reshape(-1, 3)
    materials = np.broadcast_to(np.asarray(material, dtype=np.uint8), len(triangles))
    return Mesh(np.asarray(vertices, dtype=np.float32).reshape(-1, 3), triangles, np.ascontiguousarray(materials))


def merge(meshes: Sequence[Mesh]) -> Mesh:
    """All meshes as one."""
    if not meshes:
        return mesh_of(np.zeros((0, 3)), np.zeros((0, 3)), Material.ASPHALT)
    starts = np.cumsum([0, *(len(m.vertices) for m in meshes[:-1])])
    return Mesh(
        np.concatenate([m.vertices for m in meshes]),
        np.concatenate([m.triangles + np.int32(s) for m, s in zip(meshes, starts)]),
        np.concatenate([m.materials for m in meshes]),
    )


def box(foot_m: Float, size_m: tuple[float, float, float], yaw_rad: float, material: Material) -> Mesh:
    """An upright box. foot_m: (3,) centre of its bottom; size_m: length along yaw, width, height."""
    return _placed(_BOX_CORNERS * size_m, foot_m, yaw_rad, _BOX_FACES, material)


def prism(outline_xy: Float, bottom_m: float, top_m: float, material: Material) -> Mesh:
    """Walls and a flat roof over a convex outline (N, 2), counter-clockwise, not closed."""
    n = len(outline_xy)
    vertices = np.vstack(
        [np.column_stack([outline_xy, np.full(n, bottom_m)]), np.column_stack([outline_xy, np.full(n, top_m)])]
    )
    i = np.arange(n)
    j = (i + 1) % n
    walls = np.vstack([np.column_stack([i, j, j + n]), np.column_stack([i, j + n, i + n])])
    roof = np.column_stack([np.full(n - 2, n), n + np.arange(1, n - 1), n + np.arange(2, n)])
    return mesh_of(vertices, np.vstack([walls, roof]), material)


def cylinder(foot_m: Float, radius_m: float, height_m: float, material: Material, sides: int = 8) -> Mesh:
    """An upright cylinder with a lid. foot_m: (3,) centre of its bottom."""
    angle = np.arange(sides) * (2 * np.pi / sides)
    outline = np.stack([np.cos(angle), np.sin(angle)], axis=1) * radius_m + np.asarray(foot_m)[:2]
    return prism(outline, float(foot_m[2]), float(foot_m[2]) + height_m, material)


def foliage(centre_m: Float, radii_m: Float, leaves: int, rng: np.random.Generator) -> Mesh:
    """Loose triangles in an ellipsoid: rays pass between some of them, as between leaves."""
    direction = rng.normal(size=(leaves, 3))
    direction /= np.linalg.norm(direction, axis=1, keepdims=True)
    place = centre_m + direction * radii_m * rng.uniform(0.5, 1.0, (leaves, 1)) ** (1 / 3)
    corners = place[:, None] + rng.normal(0.0, 0.28, (leaves, 3, 3))
    return mesh_of(corners.reshape(-1, 3), np.arange(leaves * 3).reshape(-1, 3), Material.FOLIAGE)


def vehicle(foot_m: Float, yaw_rad: float, length_m: float, width_m: float, height_m: float) -> Mesh:
    """A car, van or lorry: body, cabin with glass, wheels. foot_m: (3,) ground point of its centre."""
    floor = 0.22
    waist = floor + (height_m - floor) * 0.52
    body = _tapered(length_m, length_m, width_m, width_m, floor, waist, 0.0)
    cabin = _tapered(
        length_m * 0.62, length_m * 0.44, width_m * 0.94, width_m * 0.78, waist, height_m, -0.06 * length_m
    )
    wheels = [
        _placed(_BOX_CORNERS * (0.62, 0.22, 0.5), np.array([x, y, 0.0]), 0.0, _BOX_FACES, Material.VEHICLE)
        for x in (-0.31 * length_m, 0.31 * length_m)
        for y in (-0.42 * width_m, 0.42 * width_m)
    ]
    roof = np.array([2, 3])  # the cabin's lid stays metal
    glass = np.full(12, int(Material.GLASS), dtype=np.uint8)
    glass[roof] = Material.VEHICLE
    local = merge([mesh_of(body, _BOX_FACES, Material.VEHICLE), mesh_of(cabin, _BOX_FACES, glass), *wheels])
    placed = _rotate(local.vertices.astype(np.float64), yaw_rad) + np.asarray(foot_m)
    return Mesh(placed.astype(np.float32), local.triangles, local.materials)


def _tapered(bottom_l: float, top_l: float, bottom_w: float, top_w: float, z0: float, z1: float, shift: float) -> Float:
    corners = _BOX_CORNERS.copy()
    top = corners[:, 2] > 0.5
    corners[:, 0] *= np.where(top, top_l, bottom_l)
    corners[:, 1] *= np.where(top, top_w, bottom_w)
    corners[:, 0] += shift
    corners[:, 2] = np.where(top, z1, z0)
    return corners


def _placed(corners: Float, foot_m: Float, yaw_rad: float, faces: NDArray, material: Material) -> Mesh:
    return mesh_of(_rotate(corners, yaw_rad) + np.asarray(foot_m), faces, material)


def _rotate(xyz: Float, yaw_rad: float) -> Float:
    c, s = np.cos(yaw_rad), np.sin(yaw_rad)
    return np.stack([xyz[:, 0] * c - xyz[:, 1] * s, xyz[:, 0] * s + xyz[:, 1] * c, xyz[:, 2]], axis=1)
