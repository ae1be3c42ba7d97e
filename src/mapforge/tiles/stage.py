"""Map elements become immutable tiles with names that hold over borders."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from functools import lru_cache

import numpy as np

from mapforge.geometry.crs import MapFrame
from mapforge.geometry.tiles import TileId
from mapforge.io.elements import read_elements, write_elements
from mapforge.io.fingerprint import fingerprint_of
from mapforge.io.locks import exclusive
from mapforge.io.parquet import read_metadata
from mapforge.io.workspace import Workspace
from mapforge.schemas.elements import MapElement
from mapforge.tiles.config import TilesConfig
from mapforge.tiles.continuity import Ancestry, KeptNames, PreviousRelease, ancestry_of, kept_names
from mapforge.tiles.name_records import NameRecord, read_record, write_record
from mapforge.tiles.naming import PieceTrace, names_of, traces_of
from mapforge.tiles.references import referred, resolved
from mapforge.tiles.renaming import Affected, Naming, TracesOf, affected_by

BUILD_DIGITS = 12
FINDINGS = ("datum_sigma_m", "outlier_drives", "changes")
"""What fusion says of a tile beside its elements; goes on into the tile's footer."""
TILES_AT_ONCE = 64
"""Changed tiles that are named together; bounds memory."""


@dataclass(frozen=True)
class TilesInputs:
    """tiles: those whose map elements are new; the others of the map are as they were when they were cut last.
    metadata: for the footers, such as `code_version` and `models`. fingerprints: of the new map elements.
    previous: tile -> build of the release whose names are kept; empty = names come from content.
    removed: tiles that are no part of the map any more."""

    workspace: Workspace
    tiles: list[TileId]
    frame: MapFrame
    metadata: dict[str, str]
    fingerprints: dict[TileId, str]
    previous: dict[TileId, str] = field(default_factory=dict)
    removed: list[TileId] = field(default_factory=list)


def run(inputs: TilesInputs, config: TilesConfig) -> dict[TileId, str]:
    """Writes the changed tiles, and those in which the name of an element changed with them; returns their builds.

    Without a previous release the result is that of cutting the whole map at once. Memory: the traces of some tiles,
    and one tile.
    """
    naming = Naming(inputs.frame, config.meet_m, float(np.radians(config.max_turn_deg)))
    changed = sorted({*inputs.tiles, *inputs.removed})
    builds = {}
    with exclusive(inputs.workspace, "tiles"):
        for tile in inputs.tiles:
            _remember_traces(inputs, tile)
        known = lru_cache(maxsize=8 * TILES_AT_ONCE)(lambda tile: _traces(inputs, tile))
        kept = _kept(inputs, changed, known, naming)
        for group in _groups(changed):
            affected = affected_by(group, known, naming)
            names = _names(affected, kept)
            for tile in sorted({*group, *affected.tiles} - set(inputs.removed)):
                if tile in group or tile not in inputs.fingerprints:
                    build = _cut(inputs, tile, names)
                    if build is not None:
                        builds[tile] = build
        for tile in inputs.removed:
            inputs.workspace.tile_names(tile).unlink(missing_ok=True)
    return builds


def _kept(inputs: TilesInputs, changed: list[TileId], known: TracesOf, naming: Naming) -> KeptNames:
    """Names from the previous release of all that the changed tiles may rename: the whole map's elements decide."""
    if not inputs.previous:
        return KeptNames()
    previous = PreviousRelease(inputs.workspace, inputs.frame, inputs.previous)

    def ancestry(tile: TileId) -> Ancestry:
        return ancestry_of(_pieces(inputs, tile), tile, previous)

    def names_now(tile: TileId) -> list[str] | None:
        record = _record(inputs, tile)
        return None if record is None else record.names

    return kept_names((affected_by(group, known, naming) for group in _groups(changed)), ancestry, names_now)


def _names(affected: Affected, kept: KeptNames) -> dict[TileId, dict[int, str]]:
    """Tile -> row -> name, of all pieces that were reached; names of the others are not given again."""
    names = names_of(affected.traces, affected.element, kept.names, kept.taken)
    reached: dict[TileId, dict[int, str]] = {}
    for trace, name, is_reached in zip(affected.traces, names, affected.reached.tolist()):
        if is_reached:
            reached.setdefault(trace.tile, {})[trace.row] = name
    return reached


def _groups(tiles: list[TileId]) -> Iterator[list[TileId]]:
    for start in range(0, len(tiles), TILES_AT_ONCE):
        yield tiles[start : start + TILES_AT_ONCE]


def _remember_traces(inputs: TilesInputs, tile: TileId) -> None:
    """The changed tile's borders; its names are not known yet."""
    traces = traces_of(_pieces(inputs, tile), tile, inputs.frame)
    record = NameRecord(inputs.fingerprints[tile], traces, None)
    write_record(record, inputs.workspace.tile_names(tile), inputs.workspace.tmp)


def _record(inputs: TilesInputs, tile: TileId) -> NameRecord | None:
    """None where there is no tile. A tile that was never named is recorded as it is."""
    if tile in inputs.removed:
        return None
    record = read_record(inputs.workspace.tile_names(tile), tile)
    path = inputs.workspace.map_elements(tile)
    if record is None and path.exists():
        traces = traces_of(_pieces(inputs, tile), tile, inputs.frame)
        record = NameRecord(read_metadata(path)["fingerprint"], traces, None)
    return record


def _traces(inputs: TilesInputs, tile: TileId) -> list[PieceTrace]:
    record = _record(inputs, tile)
    return record.traces if record is not None else []


def _pieces(inputs: TilesInputs, tile: TileId) -> list[MapElement]:
    """Map elements, then lanes where they were made."""
    files = [inputs.workspace.map_elements(tile), inputs.workspace.lane_graph(tile)]
    return [piece for path in files if path.exists() for piece in read_elements(path, inputs.frame)[0]]


def _cut(inputs: TilesInputs, tile: TileId, changes: Mapping[TileId, dict[int, str]]) -> str | None:
    """The tile with changed names; None when they were these already."""
    record = _record(inputs, tile)
    assert record is not None
    names = _names_now(record, changes.get(tile, {}))
    if names is None or names == record.names:
        return None  # without names: not cut yet, a run that plans it names all its pieces
    pieces = _pieces(inputs, tile)
    named = [replace(piece, element_id=name) for piece, name in zip(pieces, names, strict=True)]
    given = {piece.element_id: name for piece, name in zip(reversed(pieces), reversed(names))}
    elsewhere = _names_elsewhere(inputs, tile, referred(pieces) - set(given), changes)
    named = [resolved(element, {**elsewhere, **given}) for element in named]
    build = _write(inputs, tile, record.fingerprint, named, elsewhere)
    write_record(replace(record, names=names), inputs.workspace.tile_names(tile), inputs.workspace.tmp)
    return build


def _names_now(record: NameRecord, changes: dict[int, str]) -> list[str] | None:
    if record.names is not None:
        return [changes.get(row, name) for row, name in enumerate(record.names)]
    if len(changes) < len(record.traces):
        return None
    return [changes[row] for row in range(len(record.traces))]


def _names_elsewhere(
    inputs: TilesInputs, tile: TileId, wanted: set[str], changes: Mapping[TileId, dict[int, str]]
) -> dict[str, str]:
    """Names of pieces of the neighbouring tiles, by the ids of the pieces."""
    found: dict[str, str] = {}
    for other in tile.neighbours() if wanted else []:
        record = _record(inputs, other)
        names = None if record is None else _names_now(record, changes.get(other, {}))
        if names is not None:
            ids = (piece.element_id for piece in _pieces(inputs, other))
            found.update({piece: name for piece, name in zip(ids, names) if piece in wanted})
    return found


def _write(
    inputs: TilesInputs, tile: TileId, fingerprint: str, named: list[MapElement], elsewhere: Mapping[str, str]
) -> str:
    """A build is named by what made it. That of a changed tile is written even if it is there: it may be damaged."""
    build = fingerprint_of(
        elements=fingerprint,
        names=[element.element_id for element in named],
        elsewhere=dict(elsewhere),
        metadata=inputs.metadata,
        frame=inputs.frame.as_dict(),
    )[:BUILD_DIGITS]
    target = inputs.workspace.tile(tile, build)
    if target.exists() and tile not in inputs.fingerprints:
        return build
    found = read_metadata(inputs.workspace.map_elements(tile))
    footer = {
        **inputs.metadata,
        **{name: found[name] for name in FINDINGS if name in found},
        "tile": str(tile),
        "build": build,
        "fingerprint": fingerprint,
        "origin_m": "{} {}".format(*inputs.frame.origin_m),
        "epoch": str(inputs.frame.epoch),
    }
    write_elements(named, inputs.frame, target, inputs.workspace.tmp, footer)
    return build
