"""Draws sign and light faces into a picture, smooth at their edges and at any distance."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from mapforge.geometry.se3 import SE3
from mapforge.simulation.daylight import BEAM_COLOUR, Daylight
from mapforge.simulation.rig import Pinhole
from mapforge.simulation.scene import plate_axes, plate_scale_m
from mapforge.simulation.sign_canvas import FACE_PX
from mapforge.simulation.sign_faces import face
from mapforge.simulation.world import SignPlate

Float32 = NDArray[np.float32]

RANGE_MAX_M = 90.0
_SAMPLES = 3
_LAMP_LIGHT = 2.5
_DEPTH_SLACK_M = 0.08


@dataclass(frozen=True, eq=False)
class PlateView:
    """A plate as one camera sees it. u, v: pixel range [first, last)."""

    plate: SignPlate
    cam_SE3_plate: SE3
    columns: tuple[int, int]
    rows: tuple[int, int]


def visible_plates(plates: list[SignPlate], map_SE3_cam: SE3, pinhole: Pinhole) -> list[PlateView]:
    """Plates that face the camera, within range and at least partly inside the picture; the furthest first."""
    if not plates:
        return []
    centres = np.array([plate.centre_m for plate in plates])
    headings = np.array([plate.heading_rad for plate in plates])
    to_camera = map_SE3_cam.translation_m - centres
    distance = np.linalg.norm(to_camera, axis=1)
    facing = to_camera[:, 0] * np.cos(headings) + to_camera[:, 1] * np.sin(headings)
    cam_SE3_map = map_SE3_cam.inverse()
    ahead = cam_SE3_map.transform(centres)[:, 2]
    good = np.flatnonzero((distance < RANGE_MAX_M) & (facing > 0.1 * distance) & (ahead > 1.0))
    views = [_view(plates[k], cam_SE3_map, pinhole) for k in good[np.argsort(-distance[good], kind="stable")]]
    return [view for view in views if view is not None]


def _view(plate: SignPlate, cam_SE3_map: SE3, pinhole: Pinhole) -> PlateView | None:
    right, up, out = plate_axes(plate)
    map_SE3_plate = SE3(np.stack([right, up, out], axis=1), np.asarray(plate.centre_m))
    cam_SE3_plate = cam_SE3_map @ map_SE3_plate
    half = np.array([plate.width_m, plate.height_m]) / 2
    corners = np.array([[x, y, 0.0] for x in (-half[0], half[0]) for y in (-half[1], half[1])])
    xyz_cam = cam_SE3_plate.transform(corners)
    if xyz_cam[:, 2].min() < 0.5:
        return None
    pixels = pinhole.project(xyz_cam)
    low = np.maximum(np.floor(pixels.min(axis=0)) - 1, 0).astype(int)
    high = np.minimum(np.ceil(pixels.max(axis=0)) + 2, [pinhole.width_px, pinhole.height_px]).astype(int)
    if (high <= low).any():
        return None
    return PlateView(plate, cam_SE3_plate, (int(low[0]), int(high[0])), (int(low[1]), int(high[1])))


def draw_plates(
    picture: Float32, range_m: Float32, views: list[PlateView], pinhole: Pinhole, light: Daylight, style: int
) -> None:
    """Lays the faces over `picture` (3, H, W; linear light, changed in place) where nothing stands before them.

    range_m: (H, W) distance along each pixel's ray to the first surface.
    """
    for view in views:
        rows, columns = slice(*view.rows), slice(*view.columns)
        colour, cover, distance = _sample(view, pinhole, light, style)
        free = range_m[rows, columns] > distance - _DEPTH_SLACK_M
        window = picture[:, rows, columns]
        window += cover * free * (np.moveaxis(colour, -1, 0) - window)


def _sample(
    view: PlateView, pinhole: Pinhole, light: Daylight, style: int
) -> tuple[Float32, Float32, NDArray[np.float64]]:
    """Colour (h, w, 3), share covered (h, w) and distance (h, w) of the plate in its window of the picture.

    Each pixel is the mean of a grid of rays that meet the plate's plane.
    """
    sub = (np.arange(_SAMPLES) + 0.5) / _SAMPLES - 0.5
    u = (np.arange(*view.columns)[:, None] + sub).ravel() - pinhole.centre_px[0]
    v = (np.arange(*view.rows)[:, None] + sub).ravel() - pinhole.centre_px[1]
    rays = np.empty((len(v), len(u), 3))
    rays[..., 0], rays[..., 1], rays[..., 2] = u[None] / pinhole.focal_px, v[:, None] / pinhole.focal_px, 1.0
    rotation, centre = view.cam_SE3_plate.rotation, view.cam_SE3_plate.translation_m
    depth = (rotation[:, 2] @ centre) / (rays @ rotation[:, 2])
    local = (rays * depth[..., None] - centre) @ rotation[:, :2]
    scale = plate_scale_m(view.plate, style)
    texels_a_sample = FACE_PX / scale * centre[2] / pinhole.focal_px / _SAMPLES
    level = int(np.clip(np.round(np.log2(max(texels_a_sample, 1.0))), 0, 5))
    texture = _textures(view.plate.sign_type, view.plate.state, style)[level]
    size = len(texture)
    at = np.floor((local / scale * (1.0, -1.0) + 0.5) * size).astype(int)
    inside = np.asarray(((at >= 0) & (at < size)).all(axis=-1))
    at = np.clip(at, 0, size - 1)
    texel = texture[at[..., 1], at[..., 0]] * inside[..., None]
    h, w = len(v) // _SAMPLES, len(u) // _SAMPLES
    mean = texel.reshape(h, _SAMPLES, w, _SAMPLES, 7).mean(axis=(1, 3))
    cover = mean[..., 6]
    _, _, out = plate_axes(view.plate)
    on_face = light.on(out[None].astype(np.float32))[0]
    if light.beam is not None:
        on_face = on_face + light.beam.returned(np.asarray(view.plate.centre_m)) * BEAM_COLOUR
    colour = (mean[..., :3] * on_face + mean[..., 3:6] * _LAMP_LIGHT) / np.maximum(cover, 1e-6)[..., None]
    middle = slice(_SAMPLES // 2, None, _SAMPLES)
    distance = depth[middle, middle] * np.linalg.norm(rays[middle, middle], axis=-1)
    return colour.astype(np.float32), cover.astype(np.float32), distance


@lru_cache(maxsize=128)
def _textures(sign_type: str, state: str, style: int) -> list[Float32]:
    """Square pictures, each half as large as the one before: colour * alpha, own light * alpha, alpha."""
    picture = face(sign_type, state, style).astype(np.float32) / 255.0
    height, width = picture.shape[:2]
    square = np.zeros((FACE_PX, FACE_PX, 4), dtype=np.float32)
    top, left = (FACE_PX - height) // 2, (FACE_PX - width) // 2
    square[top : top + height, left : left + width] = picture
    alpha = square[..., 3:]
    linear = square[..., :3] ** 2.2
    lamp = (square[..., :3].max(axis=-1, keepdims=True) > 0.9) & (sign_type == "traffic_light")
    base = np.concatenate([0.75 * linear * alpha * ~lamp, linear * alpha * lamp, alpha], axis=-1).astype(np.float32)
    levels = [base]
    for _ in range(5):
        size = len(levels[-1]) // 2
        levels.append(levels[-1].reshape(size, 2, size, 2, 7).mean(axis=(1, 3)))
    return levels
