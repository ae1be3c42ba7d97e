"""Map elements become immutable tiles with names that hold over borders."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from mapforge.geometry.crs import MapFrame
from mapforge.geometry.tiles import TileId
from mapforge.io.elements import read_elements, write_elements
from mapforge.io.fingerprint import fingerprint_of
from mapforge.io.workspace import Workspace
from mapforge.schemas.elements import MapElement
from mapforge.tiles.config import TilesConfig
from mapforge.tiles.naming import names_of, traces_of

BUILD_DIGITS = 12


@dataclass(frozen=True)
class TilesInputs:
    """tiles: all tiles of the map whose elements may touch. metadata: for the footers, such as `code_version` and
    `models`. fingerprints: of each tile's map elements."""

    workspace: Workspace
    tiles: list[TileId]
    frame: MapFrame
    metadata: dict[str, str]
    fingerprints: dict[TileId, str]


def run(inputs: TilesInputs, config: TilesConfig) -> dict[TileId, str]:
    """Writes every tile that is not there yet; returns the build of each. Memory: one tile, and names."""
    tiles = sorted(set(inputs.tiles))
    traces = [trace for tile in tiles for trace in traces_of(_pieces(inputs, tile), tile, inputs.frame)]
    names = names_of(traces, config.meet_m, np.radians(config.max_turn_deg))
    return {tile: _write(inputs, tile, names.get(tile, [])) for tile in tiles}


def _pieces(inputs: TilesInputs, tile: TileId) -> list[MapElement]:
    return read_elements(inputs.workspace.map_elements(tile), inputs.frame)[0]


def _write(inputs: TilesInputs, tile: TileId, names: list[str]) -> str:
    """A build is named by what made it: the same build is never written twice."""
    build = fingerprint_of(
        elements=inputs.fingerprints[tile], names=names, metadata=inputs.metadata, frame=inputs.frame.as_dict()
    )[:BUILD_DIGITS]
    target = inputs.workspace.tile(tile, build)
    if target.exists():
        return build
    named = [replace(piece, element_id=name) for piece, name in zip(_pieces(inputs, tile), names, strict=True)]
    footer = {
        **inputs.metadata,
        "tile": str(tile),
        "build": build,
        "fingerprint": inputs.fingerprints[tile],
        "origin_m": "{} {}".format(*inputs.frame.origin_m),
        "epoch": str(inputs.frame.epoch),
    }
    write_elements(named, inputs.frame, target, inputs.workspace.tmp, footer)
    return build
