"""Gates between a candidate and the release: what was measured, what is allowed, and whether that holds."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

from mapforge.schemas.elements import LINE_CLASSES
from mapforge.validation.config import ReleaseGatesConfig
from mapforge.validation.drive_agreement import DriveOffset
from mapforge.validation.map_change import TileChange

WHOLE = "all changed tiles"


@dataclass(frozen=True)
class GateReading:
    """One gate read once. about: `tile ...`, `drive ...`, or all changed tiles. A value that is NaN passes: unknown."""

    gate: str
    about: str
    value: float
    limit: float
    at_most: bool
    meaning: str

    @property
    def passed(self) -> bool:
        return math.isnan(self.value) or (self.value <= self.limit if self.at_most else self.value >= self.limit)

    def sentence(self) -> str:
        """`removed of lane_divider is 0.42, at most 0.15 (what it means)`."""
        return (
            f"{self.gate} is {self.value:.3g}, {'at most' if self.at_most else 'at least'} {self.limit:.3g}"
            f" ({self.meaning})"
        )


def tile_readings(
    tile: str, scores: Mapping[str, float], change: TileChange, config: ReleaseGatesConfig
) -> list[GateReading]:
    """Gates of one tile. scores: those of validation; change: against its released build."""
    about = f"tile {tile}"
    kept = scores["kept_0.5m"] if scores["kept_length_m"] >= config.min_length_m else math.nan
    readings = [
        GateReading("kept", about, kept, config.min_kept_in_tile, False, "share of what two drives saw that is mapped"),
        GateReading("hole_m2", about, scores["hole_m2"], config.max_hole_m2, True, "beside the path, nothing seen"),
        GateReading(
            "coverage lost", about, change.coverage_lost, config.max_coverage_lost, True, "share of the released area"
        ),
    ]
    for name, lengths in change.lines.items():
        removed = lengths.removed_share if lengths.old_m >= config.min_length_m else math.nan
        meaning = f"share of {lengths.old_m:.0f} m released"
        readings.append(GateReading(f"removed of {name}", about, removed, config.max_removed_in_tile, True, meaning))
    return readings


def whole_readings(
    metrics: Mapping[str, Mapping[str, float]], change: TileChange, config: ReleaseGatesConfig
) -> list[GateReading]:
    """Gates of all changed tiles together. metrics: class -> agreement scores; change: against the release.

    Agreement is asked of lines only: a town has few crossings, and their outlines are less sharp than paint along the
    road; tiles are asked for them.
    """
    readings = []
    for name, values in sorted(metrics.items()):
        if name not in LINE_CLASSES:
            continue
        enough = values["kept_length_m"] >= config.min_total_length_m
        kept, correct, p95, inside = (
            values[key] if enough else math.nan
            for key in (
                "kept_0.5m",
                "left_out_correctness_0.5m",
                "left_out_lateral_p95_m",
                "left_out_interval_95",
            )
        )
        readings += [
            GateReading(
                f"kept of {name}", WHOLE, kept, config.min_kept, False, "share of what two drives saw that is mapped"
            ),
            GateReading(
                f"correctness of {name}",
                WHOLE,
                correct,
                config.min_correctness,
                False,
                "share of the map of the others that a drive left out saw too",
            ),
            GateReading(
                f"lateral p95 of {name}", WHOLE, p95, config.max_lateral_p95_m, True, "m, drive left out to map"
            ),
            GateReading(
                f"interval 95 of {name}", WHOLE, inside, config.min_interval_95, False, "share inside the stated sigma"
            ),
        ]
    for name, lengths in sorted(change.lines.items()):
        enough = lengths.old_m >= config.min_total_length_m
        of = f"share of {lengths.old_m:.0f} m released"
        removed, moved = (lengths.removed_share, lengths.moved_share) if enough else (math.nan, math.nan)
        readings += [
            GateReading(f"removed of {name}", WHOLE, removed, config.max_removed, True, of),
            GateReading(f"moved of {name}", WHOLE, moved, config.max_moved, True, of),
        ]
    return readings


def drive_readings(offset: DriveOffset, config: ReleaseGatesConfig) -> list[GateReading]:
    """Gates of one drive: does it lie where the others do?"""
    about, enough = f"drive {offset.drive_id}", offset.length_m >= config.min_length_m
    shift, found = (offset.shift_m, offset.found) if enough else (math.nan, math.nan)
    meaning = f"m to the other drives: {offset.east_m:+.2f} east, {offset.north_m:+.2f} north"
    return [
        GateReading("shift", about, shift, config.max_drive_shift_m, True, meaning),
        GateReading("found", about, found, config.min_drive_found, False, "share of what it saw that others have too"),
    ]


def held_reading(held: int, changed: int, config: ReleaseGatesConfig) -> GateReading:
    """Share of the changed tiles that are held back; a few bad tiles do not hold the others."""
    share = held / changed if changed else math.nan
    return GateReading("held tiles", WHOLE, share, config.max_held_share, True, f"{held} of {changed} changed tiles")
