"""Names kept right by looking at changed tiles only are those of naming the whole map at once."""

from __future__ import annotations

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from mapforge.geometry.crs import MapFrame
from mapforge.geometry.tiles import TileId
from mapforge.tiles.naming import PieceTrace, elements_of, names_of
from mapforge.tiles.renaming import Naming, affected_by

FRAME = MapFrame(32617, (586000.0, 4475000.0), 2020.0)
NAMING = Naming(FRAME, 0.01, np.radians(40.0))
COLUMNS, ROWS = 5, 3
TILES = [TileId(32617, 5860 + c, 44750 + r) for c in range(COLUMNS) for r in range(ROWS)]
POSITIONS = (20.0, 50.0, 80.0)
DIRECTIONS = {"west": (-1.0, 0.0), "east": (1.0, 0.0), "south": (0.0, -1.0), "north": (0.0, 1.0)}


def end_of(tile: TileId, side: str, position: float) -> list[float]:
    """A line end on a side of the tile: x, y, outward direction."""
    x0, y0, x1, y1 = tile.bounds_map(FRAME)
    x = {"west": x0, "east": x1}.get(side, x0 + position)
    y = {"south": y0, "north": y1}.get(side, y0 + position)
    return [x, y, *DIRECTIONS[side]]


def side_of(tile: TileId, side: str, position: float) -> list[float]:
    """A polygon's edge on a side of the tile: axis, border, from, to."""
    x0, y0, x1, y1 = tile.bounds_map(FRAME)
    if side in ("west", "east"):
        return [0.0, x0 if side == "west" else x1, y0 + position, y0 + position + 8.0]
    return [1.0, y0 if side == "south" else y1, x0 + position, x0 + position + 8.0]


places = st.tuples(st.sampled_from(sorted(DIRECTIONS)), st.sampled_from(POSITIONS))
piece = st.tuples(
    st.sampled_from(["divider", "boundary", "crossing"]), st.integers(0, 5), st.lists(places, max_size=2, unique=True)
)
tile_pieces = st.lists(piece, max_size=4)
whole_map = st.lists(tile_pieces, min_size=len(TILES), max_size=len(TILES))


def traces_of(tile: TileId, pieces: list) -> list[PieceTrace]:
    traces = []
    for row, (kind, content, where) in enumerate(pieces):
        ends = [] if kind == "crossing" else [end_of(tile, *place) for place in where]
        sides = [side_of(tile, *place) for place in where] if kind == "crossing" else []
        name = f"{content} {row} {where}"
        traces.append(PieceTrace(tile, row, kind, name, np.array(ends).reshape(-1, 4), np.array(sides).reshape(-1, 4)))
    return traces


def named_at_once(traces: dict[TileId, list[PieceTrace]]) -> dict[tuple[TileId, int], str]:
    every = [trace for tile in sorted(traces) for trace in traces[tile]]
    names = names_of(every, elements_of(every, NAMING.meet_m, NAMING.max_turn_rad))
    return {(trace.tile, trace.row): name for trace, name in zip(every, names)}


def renamed(changed: set[TileId], traces: dict, before: dict) -> dict[tuple[TileId, int], str]:
    """Names after a change of some tiles: others keep theirs unless they were reached."""
    found = affected_by(changed, lambda tile: traces.get(tile, []), NAMING)
    names = {key: name for key, name in before.items() if key[0] not in changed}
    given_now = names_of(found.traces, found.element)
    for trace, name, reached in zip(found.traces, given_now, found.reached.tolist()):
        if reached:
            names[trace.tile, trace.row] = name
    return names


@settings(max_examples=150, deadline=None)
@given(whole_map, st.dictionaries(st.integers(0, len(TILES) - 1), tile_pieces, min_size=1, max_size=4))
def test_changes_of_some_tiles_give_the_names_of_the_whole_map(start: list, changes: dict) -> None:
    old = {tile: traces_of(tile, pieces) for tile, pieces in zip(TILES, start)}
    new = {**old, **{TILES[k]: traces_of(TILES[k], pieces) for k, pieces in changes.items()}}
    changed = {TILES[k] for k in changes}
    assert renamed(changed, new, named_at_once(old)) == named_at_once(new)


@settings(max_examples=60, deadline=None)
@given(whole_map, st.sets(st.integers(0, len(TILES) - 1), min_size=1, max_size=3))
def test_tiles_that_go_take_their_part_of_the_names_with_them(start: list, gone: set) -> None:
    old = {tile: traces_of(tile, pieces) for tile, pieces in zip(TILES, start)}
    left = {tile: traces for tile, traces in old.items() if tile not in {TILES[k] for k in gone}}
    assert renamed({TILES[k] for k in gone}, left, named_at_once(old)) == named_at_once(left)


def test_far_tiles_are_not_looked_at() -> None:
    lone = [("divider", 1, [("east", 50.0)])]
    traces = {tile: traces_of(tile, lone) for tile in TILES}
    asked: list[TileId] = []

    def look(tile: TileId) -> list[PieceTrace]:
        asked.append(tile)
        return traces.get(tile, [])

    affected_by({TILES[0]}, look, NAMING)
    assert max(tile.column for tile in asked) <= TILES[0].column + 2


def test_a_long_element_is_followed_to_its_end_and_takes_the_name_of_a_new_first_piece() -> None:
    row = [TileId(32617, 5860 + c, 44750) for c in range(COLUMNS)]
    through = [("divider", 1, [("west", 50.0), ("east", 50.0)])]
    traces = {tile: traces_of(tile, through) for tile in row}
    before = named_at_once(traces)
    assert len(set(before.values())) == 1
    traces[row[0]] = traces_of(row[0], [("divider", 2, [("west", 50.0), ("east", 50.0)])])
    after = renamed({row[0]}, traces, before)
    assert len(set(after.values())) == 1
    assert set(after.values()) != set(before.values())
