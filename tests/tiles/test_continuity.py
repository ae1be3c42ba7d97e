"""Names kept from the previous release: what stays the same, what is new, and that the whole element decides."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
import shapely
import shapely.affinity
from hypothesis import given, settings
from hypothesis import strategies as st

from mapforge.geometry.tiles import TileId
from mapforge.io.elements import read_elements
from mapforge.io.workspace import Workspace
from mapforge.schemas.elements import ElementClass, MapElement
from mapforge.tiles.continuity import Ancestry, kept_names
from mapforge.tiles.naming import PieceTrace, first_pieces
from mapforge.tiles.renaming import Affected

Names = Callable[[dict[TileId, str]], dict[str, set[str]]]


@pytest.fixture
def names(workspace: Workspace) -> Names:
    """Class -> ids, of all tiles."""

    def found(builds: dict[TileId, str]) -> dict[str, set[str]]:
        ids: dict[str, set[str]] = {}
        for tile, build in builds.items():
            for element in read_elements(workspace.tile(tile, build))[0]:
                ids.setdefault(str(element.element_class), set()).add(element.element_id)
        return ids

    return found


def moved(elements: list[MapElement], dx: float, dy: float) -> list[MapElement]:
    return [e.with_geometry(shapely.affinity.translate(e.geometry, dx, dy)) for e in elements]


def divider(*xy: tuple[float, float], marking: str = "dashed") -> MapElement:
    line = shapely.LineString([(x, y, 0.0) for x, y in xy])
    return MapElement("", ElementClass.LANE_DIVIDER, line, {"marking_type": marking})


def test_an_unchanged_map_keeps_names_builds_and_bytes(build, names, whole) -> None:
    first = build(whole)
    assert build(whole, previous=first) == first
    assert build(whole, previous=first, fingerprint="other code, same result").keys() == first.keys()
    assert names(build(whole, previous=first, fingerprint="other code, same result")) == names(first)


def test_a_little_further_is_the_same_element(build, names, whole) -> None:
    first = build(whole)
    nudged = moved(whole, 0.06, -0.08)
    assert not any(names(first)[kind] & found for kind, found in names(build(nudged, fingerprint="b")).items())
    second = build(nudged, previous=first, fingerprint="b")
    assert names(second) == names(first)
    third = build(moved(nudged, 0.2, 0.2), previous=second, fingerprint="c")
    assert names(third) == names(first)


def test_two_metres_further_is_another(build, names, whole) -> None:
    first = build(whole)
    lines = build(moved(whole[:2], 0.0, 2.0), previous=first, fingerprint="b")
    assert not names(lines)["lane_divider"] & names(first)["lane_divider"]
    assert not names(lines)["road_boundary"] & names(first)["road_boundary"]


def test_another_class_at_the_same_place_is_another(build, names) -> None:
    first = build([divider((5, 50), (250, 50))])
    curb = MapElement("", ElementClass.ROAD_BOUNDARY, shapely.LineString([(5, 50, 0), (250, 50, 0)]))
    assert not names(build([curb], previous=first, fingerprint="b"))["road_boundary"] & names(first)["lane_divider"]


def test_of_a_split_the_largest_part_keeps_the_name_in_all_its_tiles(build, names, tiles) -> None:
    first = build([divider((5, 50), (295, 50))])
    (old,) = names(first)["lane_divider"]
    parts = [divider((5, 50), (120, 50)), divider((120, 50), (295, 50), marking="solid")]
    second = build(parts, previous=first, fingerprint="b")
    west, east = (names({tiles[k]: second[tiles[k]]})["lane_divider"] for k in (0, 2))
    assert east == {old} and old not in west
    assert names({tiles[1]: second[tiles[1]]})["lane_divider"] == west | east


@pytest.mark.parametrize("tiles_at_once", [1, 2, 64])
def test_tiles_far_apart_decide_together(build, names, tiles, monkeypatch, tiles_at_once) -> None:
    """The middle is gone; the parts never meet in one group of tiles, and still only the longer one keeps the name."""
    monkeypatch.setattr("mapforge.tiles.stage.TILES_AT_ONCE", tiles_at_once)
    first = build([divider((5, 50), (295, 50))])
    second = build([divider((5, 50), (95, 50)), divider((201, 50), (295, 50))], previous=first, fingerprint="b")
    assert names({tiles[2]: second[tiles[2]]}) == names(first)
    assert not names({tiles[0]: second[tiles[0]]})["lane_divider"] & names(first)["lane_divider"]


def test_of_a_merge_the_largest_part_names_the_whole(build, names) -> None:
    first = build([divider((5, 50), (120, 50)), divider((122, 50), (295, 50))])
    (east,) = names({TileId(32617, 5862, 44750): first[TileId(32617, 5862, 44750)]})["lane_divider"]
    second = build([divider((5, 50), (295, 50))], previous=first, fingerprint="b")
    assert names(second)["lane_divider"] == {east}


def test_a_line_that_slips_over_a_border_keeps_its_name(build, names, tiles) -> None:
    first = build([divider((99.9, 5), (99.9, 95))])
    second = build([divider((100.1, 5), (100.1, 95))], previous=first, fingerprint="b")
    assert names({tiles[0]: first[tiles[0]]}) == names({tiles[1]: second[tiles[1]]})


def test_two_parallels_do_not_swap(build, workspace, tiles) -> None:
    old = [divider((5, 50), (95, 50)), divider((5, 50.3), (95, 50.3), marking="solid")]
    first = build(old)
    new = [divider((5, 50.05), (95.5, 50.05)), divider((5, 50.35), (94.5, 50.35), marking="solid")]
    second = build(new, previous=first, fingerprint="b")

    def by_marking(builds: dict[TileId, str]) -> dict[str, str]:
        elements = read_elements(workspace.tile(tiles[0], builds[tiles[0]]))[0]
        return {e.attributes["marking_type"]: e.element_id for e in elements}

    assert by_marking(first) == by_marking(second)


def test_a_name_that_another_kept_is_not_given_again(build, names, tiles) -> None:
    """The western piece is as it was, and content alone would name it as before; the longer east has that name now."""
    first = build([divider((5, 50), (295, 50))])
    parts = [divider((5, 50), (100, 50)), divider((100, 50), (295, 50), marking="solid")]
    second = build(parts, previous=first, fingerprint="b")
    assert len(names(second)["lane_divider"]) == 2
    assert names(second)["lane_divider"] > names(first)["lane_divider"]
    third = build(parts, previous=second, fingerprint="c")
    assert names(third) == names(second)


def test_the_order_of_rows_changes_no_name(build, names, whole) -> None:
    first = build(whole)
    nudged = moved(whole, 0.1, 0.1)
    assert names(build(nudged, previous=first, fingerprint="b")) == names(
        build(nudged[::-1], previous=first, fingerprint="c")
    )


def test_a_tile_the_release_does_not_have_is_named_from_its_content(build, names, tiles, whole) -> None:
    first = build(whole[3:4], only=tiles[:1])
    second = build(whole, previous=first, fingerprint="b")
    assert names(second)["traffic_sign"] == names(first)["traffic_sign"]
    assert names(second)["lane_divider"] == names(build(whole, fingerprint="c"))["lane_divider"]


@settings(max_examples=60, deadline=None)
@given(st.data())
def test_names_are_kept_one_to_one(data: st.DataObject) -> None:
    """However pieces, tiles and shares fall: no name twice, none that an element beside them holds."""
    tiles = [TileId(32617, column, 0) for column in range(data.draw(st.integers(1, 4)))]
    ancestries, traces, elements = {}, [], []
    for tile in tiles:
        count = data.draw(st.integers(0, 4))
        elements += data.draw(st.lists(st.integers(0, 4), min_size=count, max_size=count))
        traces += [PieceTrace(tile, row, "", f"{row}", np.zeros((0, 4)), np.zeros((0, 4))) for row in range(count)]
        pairs = data.draw(st.lists(st.tuples(st.integers(0, 3), st.sampled_from("abcd")), max_size=6, unique=True))
        pairs = [pair for pair in pairs if pair[0] < count]
        shared = np.array(data.draw(st.lists(st.floats(0, 10), min_size=len(pairs), max_size=len(pairs))))
        piece = np.array([pair[0] for pair in pairs], dtype=np.int64)
        old = dict.fromkeys((pair[1] for pair in pairs), 12.0)
        ancestries[tile] = Ancestry(np.full(count, 10.0), piece, [pair[1] for pair in pairs], shared, shared, old)
    element = np.array(elements, dtype=np.int64)
    near = Affected(traces, element, element != 0)
    kept = kept_names([near, near], ancestries.__getitem__, lambda tile: ["a"] * 4)
    assert len(set(kept.names.values())) == len(kept.names)
    assert "a" not in kept.names.values() or 0 not in elements
    assert set(kept.names) <= set(first_pieces(traces, element).values())
    assert set(kept.names.values()) <= kept.taken
