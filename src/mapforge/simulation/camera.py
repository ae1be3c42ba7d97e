"""Pinhole cameras by ray casting: surfaces in daylight with shadows, sign faces, then the chip's own faults."""

from __future__ import annotations

import io
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from mapforge.geometry.se3 import SE3
from mapforge.simulation.daylight import BEAM_COLOUR, Daylight
from mapforge.simulation.lens import blur_behind, smudges
from mapforge.simulation.plate_pictures import draw_plates, visible_plates
from mapforge.simulation.rig import Pinhole
from mapforge.simulation.scene import Hits, Scene
from mapforge.simulation.shading import albedo
from mapforge.simulation.surface import RoadSurface
from mapforge.simulation.wet_look import darken, shine, wet_film
from mapforge.simulation.world import SignPlate

Float32 = NDArray[np.float32]

_OVERCAST = 0.8
_BAND_ROWS = 60
_LIGHT_MAX = 4.0
_BOOST_MAX, _BOOST_NIGHT = 2.5, 7.0
_NOISE_POOL = 1 << 21


@dataclass(frozen=True, eq=False)
class CameraUnit:
    """One device. rays_cam: (H * W, 3) float32 unit directions; vignette: (H, W) float32; exposure: of this car;
    noise: pool of int16 grey levels; tint: (3,) white balance error; dirt: (H, W) share of light that specks on the
    lens keep out, None on a clean one."""

    pinhole: Pinhole
    rays_cam: Float32
    vignette: Float32
    exposure: float
    tint: Float32
    noise: NDArray[np.int16]
    jpeg_quality: int
    dirt: Float32 | None = None


def build_camera(pinhole: Pinhole, jpeg_quality: int, seed: int, number: int, dirt: float = 0.0) -> CameraUnit:
    """Draws one camera's exposure, tint, vignetting and noise. dirt: share of its lens behind specks."""
    rng = np.random.default_rng([seed, 4, number])
    rays = pinhole.directions()
    fall = rng.uniform(0.5, 1.0)
    vignette = (1.0 - fall * (1.0 - rays[:, 2] ** 2)) if fall > 0 else np.ones(len(rays))
    return CameraUnit(
        pinhole=pinhole,
        rays_cam=rays,
        vignette=vignette.reshape(pinhole.height_px, pinhole.width_px).astype(np.float32),
        exposure=float(np.exp(rng.normal(0.0, 0.15))),
        tint=np.exp(rng.normal(0.0, 0.03, 3)).astype(np.float32),
        noise=np.rint(rng.normal(0.0, rng.uniform(1.0, 2.5), _NOISE_POOL)).astype(np.int16),
        jpeg_quality=jpeg_quality,
        dirt=smudges(pinhole, dirt, np.random.default_rng([seed, 9, number])) if dirt else None,
    )


def photograph(
    unit: CameraUnit,
    scene: Scene,
    surface: RoadSurface,
    plates: list[SignPlate],
    style: int,
    light: Daylight,
    map_SE3_cam: SE3,
    rng: np.random.Generator,
    wet_road: float = 0.0,
) -> bytes:
    """One JPEG frame; the scene's traffic stands where it was last put. wet_road: 0 dry .. 1."""
    shape = (unit.pinhole.height_px, unit.pinhole.width_px)
    picture = np.empty((3, len(unit.rays_cam)), dtype=np.float32)
    range_m = np.empty(len(unit.rays_cam), dtype=np.float32)
    map_R_cam = map_SE3_cam.rotation.T.astype(np.float32)
    weights = light.weights(scene.triangles.normals * scene.sides(map_SE3_cam.translation_m)[:, None])
    step = _BAND_ROWS * shape[1]
    for start in range(0, len(range_m), step):
        band = slice(start, min(start + step, len(range_m)))
        rays = np.empty((band.stop - start, 6), dtype=np.float32)
        rays[:, :3] = map_SE3_cam.translation_m
        np.matmul(unit.rays_cam[band], map_R_cam, out=rays[:, 3:])
        hits = scene.cast(rays)
        picture[:, band] = render(scene, surface, light, weights, rays, hits, shape[1], wet_road)
        range_m[band] = hits.range_m
    views = visible_plates(plates, map_SE3_cam, unit.pinhole)
    whole = picture.reshape(3, *shape)
    draw_plates(whole, range_m.reshape(shape), views, unit.pinhole, light, style)
    if light.glare:
        picture += light.dazzle(unit.rays_cam @ map_R_cam)
    if unit.dirt is not None:
        blur_behind(whole, unit.dirt)
    return _develop(unit, whole, light, rng)


def render(
    scene: Scene,
    surface: RoadSurface,
    light: Daylight,
    weights: tuple[Float32, Float32],
    rays: Float32,
    hits: Hits,
    width_px: int,
    wet_road: float = 0.0,
) -> Float32:
    """(3, N) linear light along rays (N, 6) of whole rows of a picture.

    weights: (T,) share of sun and (T,) of ambient light that each triangle of the scene gets on its near side.
    """
    direction = rays[:, 3:]
    nothing = np.flatnonzero(hits.triangle < 0)
    if len(nothing) == len(rays):
        return light.sky(direction, surface.stain)
    seen = np.flatnonzero(hits.triangle >= 0) if len(nothing) else slice(None)
    triangle, range_m = hits.triangle[seen], hits.range_m[seen]
    xyz = np.stack([rays[seen, k] + rays[seen, k + 3] * range_m for k in range(3)])
    sun = np.take(weights[0], triangle) * _sunny(scene, light, weights[0], rays, hits, width_px)[seen]
    ambient = np.take(weights[1], triangle)
    solid = albedo(scene.triangles, surface, triangle, xyz)
    lamps = None if light.beam is None else light.beam.on(xyz, scene.triangles.normals[triangle])
    film = wet_film(scene.triangles, surface, triangle, xyz, wet_road) if wet_road else None
    if film is not None:
        darken(solid, film)
    clear = np.exp(range_m * np.float32(-1.0 / light.clear_m))
    haze = light.haze
    for k, plane in enumerate(solid):
        received = sun * light.sun[k] + ambient * light.ambient[k]
        plane *= received if lamps is None else received + lamps * BEAM_COLOUR[k]
    if film is not None:
        shine(solid, film, direction[seen], light, surface)
    for k, plane in enumerate(solid):
        plane -= haze[k]
        plane *= clear
        plane += haze[k]
    if not len(nothing):
        return solid
    colour = np.empty((3, len(rays)), dtype=np.float32)
    colour[:, seen] = solid
    colour[:, nothing] = light.sky(direction[nothing], surface.stain)
    return colour


def _sunny(scene: Scene, light: Daylight, sun_weight: Float32, rays: Float32, hits: Hits, width_px: int) -> Float32:
    """(N,) share of sun, from shadow rays of every second pixel of every second row."""
    if light.cover > _OVERCAST:
        return np.ones(len(rays), dtype=np.float32)
    rows = len(rays) // width_px
    grid = np.arange(len(rays)).reshape(rows, width_px)[::2, ::2]
    triangle = hits.triangle[grid.ravel()]
    towards = np.flatnonzero((triangle >= 0) & (sun_weight[triangle] > 0))
    pixel = grid.ravel()[towards]
    to_sun = light.to_sun.astype(np.float32)
    origins = rays[pixel, :3] + rays[pixel, 3:] * (hits.range_m[pixel, None] - 0.01) + 0.03 * to_sun
    sunny = np.ones(grid.size, dtype=np.float32)
    sunny[towards] = ~scene.occluded(origins, to_sun)
    return np.repeat(np.repeat(sunny.reshape(grid.shape), 2, axis=0), 2, axis=1)[:rows, :width_px].reshape(-1)


def _develop(unit: CameraUnit, picture: Float32, light: Daylight, rng: np.random.Generator) -> bytes:
    """Automatic exposure, vignetting, tone curve, noise, JPEG. picture: (3, H, W) linear light.

    In the dark the chip amplifies more, and its noise with it.
    """
    brightness = float(picture[:, ::8, ::8].mean())
    most = _BOOST_MAX if light.day == 1.0 else _BOOST_NIGHT
    boost = float(np.clip(0.42 / max(brightness, 1e-3), 0.5, most))
    exposure = unit.exposure * boost
    levels = np.empty((*picture.shape[1:], 3), dtype=np.uint8)
    for k, plane in enumerate(picture):
        gain = np.float32(exposure * unit.tint[k] * 65535 / _LIGHT_MAX)
        index = np.minimum(plane * unit.vignette * gain, np.float32(65535)).astype(np.uint16)
        grain = np.resize(unit.noise[int(rng.integers(0, _NOISE_POOL // 2)) :], index.size).reshape(index.shape)
        grain = grain if light.day == 1.0 else np.rint(grain * (1.0 + 0.15 * boost)).astype(np.int16)
        levels[..., k] = np.clip(np.take(_TONE_CURVE, index) + grain, 0, 255)
    stream = io.BytesIO()
    Image.fromarray(levels).save(stream, "JPEG", quality=unit.jpeg_quality)
    return stream.getvalue()


def _tone_curve() -> NDArray[np.int16]:
    light = np.arange(65536) / 65535 * _LIGHT_MAX
    soft = 1.0 - np.exp(-1.6 * light)
    return np.rint(255.0 * np.clip(soft, 0.0, 1.0) ** (1 / 2.2)).astype(np.int16)


_TONE_CURVE = _tone_curve()
