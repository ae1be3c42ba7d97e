"""Crossings fused side by side."""

from __future__ import annotations

import numpy as np
import pytest
import shapely
import shapely.affinity

from mapforge.fusion.config import FusionConfig
from mapforge.fusion.drives import SeenDrive
from mapforge.fusion.existence import Visibility
from mapforge.fusion.ped_crossings import fused_crossings
from mapforge.schemas.elements import ElementClass, MapElement

WINDOW = (0.0, 0.0, 100.0, 100.0)
TRUE = shapely.affinity.rotate(shapely.box(30, 40, 33.5, 52), 25)


def seen(polygons: list[shapely.Polygon], datum_sigma_m: float = 0.0, z_m: float = 5.0) -> list[SeenDrive]:
    return [
        SeenDrive(
            f"drive{k}",
            [MapElement("x", ElementClass.PED_CROSSING, shapely.force_3d(polygon, z_m), confidence=0.9)],
            k,
            datum_sigma_m,
            None,
        )
        for k, polygon in enumerate(polygons)
    ]


def fused(drives: list[SeenDrive], core: tuple = WINDOW) -> list[MapElement]:
    visibility = Visibility.of([[shapely.box(*WINDOW)]] * len(drives), WINDOW)
    return fused_crossings(drives, visibility, core, FusionConfig())


def jittered(rng: np.random.Generator, sigma_m: float = 0.1) -> shapely.Polygon:
    """Every side moved by itself, in the rectangle's own direction."""
    low, high = rng.normal(0.0, sigma_m, 2), rng.normal(0.0, sigma_m, 2)
    box = shapely.box(30 + low[0], 40 + low[1], 33.5 + high[0], 52 + high[1])
    return shapely.affinity.rotate(box, 25, origin=(31.75, 46.0))


def offsets_m(found: MapElement) -> np.ndarray:
    return shapely.distance(shapely.points(found.xyz_map[:, :2]), TRUE.exterior)


def test_many_drives_find_the_sides_better_than_one() -> None:
    rng = np.random.default_rng(3)
    (found,) = fused(seen([jittered(rng) for _ in range(8)]))
    assert offsets_m(found).max() < 0.1
    assert found.geometry.symmetric_difference(TRUE).area < 0.03 * TRUE.area
    assert found.n_drives == 8
    assert found.xyz_map[:, 2] == pytest.approx(5.0)


def test_who_saw_half_of_it_has_no_say_on_the_far_side() -> None:
    half = shapely.affinity.rotate(shapely.box(30, 40, 33.5, 46), 25, origin=(31.75, 46.0))
    (found,) = fused(seen([TRUE, TRUE, TRUE, half]))
    assert found.geometry.area == pytest.approx(TRUE.area, rel=0.01)


def test_sigma_is_stated_falls_with_drives_and_holds_the_datum() -> None:
    rng = np.random.default_rng(1)
    polygons = [jittered(rng) for _ in range(8)]
    (one,), (eight,) = fused(seen(polygons[:1])), fused(seen(polygons))
    assert len(one.sigma_m) == len(one.xyz_map) and len(eight.sigma_m) == len(eight.xyz_map)
    assert max(eight.sigma_m) < min(one.sigma_m)
    (shifted,) = fused(seen(polygons, datum_sigma_m=0.3))
    assert np.array(shifted.sigma_m) == pytest.approx(np.hypot(eight.sigma_m, 0.3))


def test_neighbours_share_the_cut_and_its_sigma() -> None:
    rng = np.random.default_rng(2)
    drives = seen([jittered(rng) for _ in range(4)])
    west, east = fused(drives, (0.0, 0.0, 32.0, 100.0))[0], fused(drives, (32.0, 0.0, 100.0, 100.0))[0]

    def on_border(piece: MapElement) -> list[tuple]:
        rows = zip(piece.xyz_map[:-1], piece.sigma_m)
        return sorted({(*np.round(v, 6), round(s, 9)) for v, s in rows if v[0] == 32.0})

    assert len(on_border(west)) == 2
    assert on_border(west) == on_border(east)


def test_what_is_no_rectangle_is_put_to_the_vote() -> None:
    wedge = shapely.Polygon([(30, 40), (48, 40), (30, 58)])
    (found,) = fused(seen([wedge, wedge, shapely.affinity.translate(wedge, 0.1, 0.0)]))
    assert found.geometry.symmetric_difference(wedge).area < 0.06 * wedge.area
    assert len(found.sigma_m) == len(found.xyz_map)


def test_crossings_that_some_drives_saw_as_one_are_told_apart() -> None:
    """Around a corner, which one drive of three saw as two."""
    bend = shapely.Polygon([(30, 40), (36, 40), (36, 60), (48, 60), (48, 66), (30, 66)])
    legs = [shapely.box(30, 40, 36, 66), shapely.box(36, 60, 48, 66)]
    whole = seen([bend, shapely.affinity.translate(bend, 0.1, 0.0)])
    apart = [leg.elements[0] for leg in seen(legs)]
    found = fused([*whole, SeenDrive("drive2", apart, 2, 0.0, None)])
    assert len(found) == 2
    assert shapely.union_all([e.geometry for e in found]).symmetric_difference(bend).area < 0.06 * bend.area
    assert all(len(e.sigma_m) == len(e.xyz_map) for e in found)


def test_who_saw_one_leg_is_no_witness_of_the_other() -> None:
    bend = shapely.Polygon([(30, 40), (36, 40), (36, 60), (48, 60), (48, 66), (30, 66)])
    leg = shapely.box(30, 40, 36, 66)
    both, one = sorted(fused(seen([bend, bend, bend, leg, leg])), key=lambda e: e.n_drives)
    assert (both.n_drives, one.n_drives) == (3, 5)
    assert both.geometry.centroid.x > one.geometry.centroid.x
    assert both.confidence < one.confidence
    assert set(both.sources) == {"drive0", "drive1", "drive2"}


def test_a_crossing_under_a_bridge_and_one_on_it_are_two() -> None:
    low, high = seen([TRUE] * 2), seen([TRUE] * 2, z_m=12.0)
    found = fused(low + high)
    assert sorted(round(float(e.xyz_map[0, 2])) for e in found) == [5, 12]
