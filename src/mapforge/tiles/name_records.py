"""What naming remembers of a tile: where its pieces touch the borders and how their elements are called.

With it the names of a whole map are kept right by reading the pieces of changed tiles only.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from mapforge.geometry.tiles import TileId
from mapforge.io.atomic import write_text
from mapforge.tiles.naming import PieceTrace


@dataclass(frozen=True, eq=False)
class NameRecord:
    """One tile. fingerprint: of its map elements. names: of the element of each piece, in order; None = none given."""

    fingerprint: str
    traces: list[PieceTrace]
    names: list[str] | None


def write_record(record: NameRecord, path: Path, tmp: Path) -> None:
    """Atomic; the same record gives the same bytes."""
    pieces = [[t.kind, t.content, t.ends.tolist(), t.sides.tolist()] for t in record.traces]
    document = {"fingerprint": record.fingerprint, "names": record.names, "pieces": pieces}
    write_text(path, json.dumps(document, separators=(",", ":")), tmp)


def read_record(path: Path, tile: TileId) -> NameRecord | None:
    """None when there is none, or it is torn: it is made again from the map elements."""
    try:
        raw = json.loads(path.read_text(encoding="utf-8"))
        traces = [
            PieceTrace(tile, row, kind, content, _table(ends), _table(sides))
            for row, (kind, content, ends, sides) in enumerate(raw["pieces"])
        ]
        return NameRecord(raw["fingerprint"], traces, raw["names"])
    except (FileNotFoundError, ValueError, KeyError, TypeError, AttributeError, OverflowError, RecursionError):
        return None


def _table(rows: list[list[float]]) -> np.ndarray:
    return np.array(rows, dtype=np.float64).reshape(-1, 4)
