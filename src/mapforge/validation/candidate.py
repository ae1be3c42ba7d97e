"""Judges, without labels, what would be published against what is."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from mapforge.geometry.crs import MapFrame
from mapforge.geometry.tiles import TileId
from mapforge.io.elements import read_elements
from mapforge.schemas.elements import MapElement
from mapforge.validation.config import ValidationConfig
from mapforge.validation.drive_agreement import DriveAgreement
from mapforge.validation.map_change import TileChange, tile_change, total_change
from mapforge.validation.release_gates import (
    GateReading,
    drive_readings,
    held_reading,
    tile_readings,
    whole_readings,
)
from mapforge.validation.stage import ValidationInputs
from mapforge.validation.stage import run as validate

REJECTED = "rejected by its own gates, see the report"


@dataclass(frozen=True)
class CandidateInputs:
    """The tiles in which the candidate differs from the release.

    new: tile -> its newest build; old: tile -> its released build. A tile only in `new` was never released, one only
    in `old` is gone. paths: drive -> trajectory file; drive_elements: drive -> its elements. withdrawn: drives that
    were taken out on purpose. rejected: tiles whose newest build its own gates rejected.
    """

    frame: MapFrame
    new: Mapping[TileId, Path]
    old: Mapping[TileId, Path]
    paths: Mapping[str, Path] = field(default_factory=dict)
    drive_elements: Mapping[str, Path] = field(default_factory=dict)
    withdrawn: frozenset[str] = frozenset()
    rejected: frozenset[TileId] = frozenset()


@dataclass(frozen=True)
class CandidateVerdict:
    """readings: every gate that was read. changes: tile -> against its released build, or nothing; total: of the
    tiles that may be published. held: tiles that keep their released build, or stay out, and why. metrics: class ->
    scores of the drives' agreement."""

    readings: tuple[GateReading, ...]
    changes: dict[TileId, TileChange]
    total: TileChange
    held: dict[TileId, tuple[str, ...]]
    metrics: dict[str, dict[str, float]] = field(default_factory=dict)

    @property
    def blocking(self) -> tuple[GateReading, ...]:
        """Failed gates that hold the whole release: those not of a single tile."""
        return tuple(r for r in self.readings if not r.passed and not r.about.startswith("tile "))


def judge(inputs: CandidateInputs, config: ValidationConfig) -> CandidateVerdict:
    """Reads every gate. Tiles that are held back do not count against the whole: what is released of them stays."""
    result = (
        validate(
            ValidationInputs(inputs.new, inputs.frame, paths=inputs.paths, drive_elements=inputs.drive_elements), config
        )
        if inputs.new
        else None
    )
    scores = {TileId.parse(tile.tile): tile.scores for tile in result.tiles} if result else {}
    changes = {tile: _change(tile, inputs, config.release.moved_m) for tile in sorted({*inputs.old, *inputs.new})}
    by_tile = {
        tile: tile_readings(str(tile), scores[tile], changes[tile], config.release) for tile in sorted(inputs.new)
    }
    held = dict.fromkeys(sorted(inputs.rejected), ("rejected by its own gates, see the report",))
    for tile, readings in by_tile.items():
        failed = tuple(reading.sentence() for reading in readings if not reading.passed)
        if failed:
            held[tile] = (*held.get(tile, ()), *failed)
    total = total_change({tile: change for tile, change in changes.items() if tile not in held})
    agreed = result.agreement.without(held, inputs.frame) if result else DriveAgreement({}, {}, [])
    whole = whole_readings(agreed.values(), total, config.release)
    whole += [reading for offset in agreed.offsets for reading in drive_readings(offset, config.release)]
    whole.append(held_reading(len(held), len({*inputs.new, *inputs.old, *inputs.rejected}), config.release))
    readings = [reading for own in by_tile.values() for reading in own]
    return CandidateVerdict((*readings, *whole), changes, total, dict(sorted(held.items())), agreed.values())


def _change(tile: TileId, inputs: CandidateInputs, moved_m: float) -> TileChange:
    return tile_change(
        _elements(inputs.old.get(tile), inputs.frame),
        _elements(inputs.new.get(tile), inputs.frame),
        moved_m,
        inputs.withdrawn,
    )


def _elements(path: Path | None, frame: MapFrame) -> list[MapElement]:
    return [] if path is None else read_elements(path, frame)[0]
