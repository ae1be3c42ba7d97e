"""A tile before and after: per class, per tile, together."""

from __future__ import annotations

from dataclasses import replace

import pytest
import shapely

from mapforge.geometry.tiles import TileId
from mapforge.metrics.change import LengthChange
from mapforge.schemas.elements import ElementClass, MapElement
from mapforge.validation.map_change import PointChange, tile_change, total_change


def without(elements: list[MapElement], name: str) -> list[MapElement]:
    return [e for e in elements if e.element_id != name]


def test_the_same_map_has_not_changed(make_road) -> None:  # type: ignore[no-untyped-def]
    change = tile_change(make_road(0.0), make_road(0.0), 0.2)
    assert all(c.kept_m == pytest.approx(c.old_m) and not c.added_m for c in change.lines.values())
    assert change.points == {"traffic_sign": PointChange(1, 0, 0)}
    assert (change.coverage_lost, change.length_m) == (0.0, 0.0)


def test_what_went_and_what_came_are_told_apart(make_road) -> None:  # type: ignore[no-untyped-def]
    there = tile_change(make_road(0.0), without(without(make_road(0.0), "divider"), "sign"), 0.2)
    assert there.lines["lane_divider"] == LengthChange(190.0, 0.0, 0.0, 190.0, 0.0)
    assert there.points["traffic_sign"] == PointChange(1, 1, 0)
    back = tile_change(without(make_road(0.0), "divider"), make_road(0.0), 0.2)
    assert back.lines["lane_divider"] == LengthChange(0.0, 0.0, 0.0, 0.0, 190.0)


def test_moved_is_neither(make_road) -> None:  # type: ignore[no-untyped-def]
    change = tile_change(make_road(0.0), make_road(0.5), 0.2)
    assert change.lines["lane_divider"].moved_m == pytest.approx(190.0)
    assert change.lines["lane_divider"].removed_m == change.lines["lane_divider"].added_m == 0.0


def test_coverage_that_went(make_road) -> None:  # type: ignore[no-untyped-def]
    half = shapely.force_3d(shapely.box(0.0, 25.0, 100.0, 75.0), 200.0)
    less = [e.with_geometry(half) if e.element_class is ElementClass.COVERAGE else e for e in make_road(0.0)]
    assert tile_change(make_road(0.0), less, 0.2).coverage_lost == pytest.approx(0.5)
    assert tile_change(make_road(0.0), [], 0.2).coverage_lost == 1.0


def test_only_what_every_source_of_was_withdrawn_is_expected_to_go(make_road) -> None:  # type: ignore[no-untyped-def]
    alone = [replace(e, sources=("a",)) for e in make_road(0.0)]
    both = [replace(e, sources=("a", "b")) for e in make_road(0.0)]
    assert tile_change(alone, [], 0.2, {"a"}).lines == {}
    assert tile_change(both, [], 0.2, {"a"}).lines["lane_divider"].removed_m == pytest.approx(190.0)


def test_tiles_add_up(make_road) -> None:  # type: ignore[no-untyped-def]
    one = tile_change(make_road(0.0), without(make_road(0.0), "divider"), 0.2)
    two = tile_change([], make_road(0.0), 0.2)
    total = total_change({TileId(1, 1, 1): one, TileId(1, 1, 2): two})
    assert total.lines["lane_divider"] == LengthChange(190.0, 0.0, 0.0, 190.0, 190.0)
    assert total.points["traffic_sign"] == PointChange(1, 0, 1)
