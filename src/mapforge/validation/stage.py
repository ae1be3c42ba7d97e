"""Tiles in; scores, issues and verdicts out."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from mapforge.geometry.crs import MapFrame
from mapforge.geometry.tiles import TileId
from mapforge.io.elements import read_elements
from mapforge.io.parquet import read_metadata
from mapforge.io.trajectories import read_trajectory
from mapforge.io.workspace import Workspace
from mapforge.schemas.elements import MapElement
from mapforge.schemas.issues import Issue
from mapforge.validation.config import ValidationConfig
from mapforge.validation.coverage import path_lines, tile_coverage
from mapforge.validation.drive_agreement import DriveAgreement, drive_agreement
from mapforge.validation.gates import Gates, TileVerdict, verdict
from mapforge.validation.judgement import Judgement, judgement
from mapforge.validation.map_scores import MapScores, map_scores, tile_values
from mapforge.validation.reference import read_reference
from mapforge.validation.rules.all_rules import check_rules
from mapforge.validation.rules.findings import Piece
from mapforge.validation.tile_files import find_tile_files, read_tiles, whole_map

Float = NDArray[np.float64]


@dataclass(frozen=True)
class ValidationInputs:
    """tile_files: the builds to judge. reference: a labelled map, None = judge without labels. paths: drive ->
    trajectory file, or (N, 3) map frame; empty = unknown. drive_elements: drive -> its own elements, for agreement.
    city: of an AV2 reference whose name does not state it. frame: None = that of the first tile."""

    tile_files: Mapping[TileId, Path]
    frame: MapFrame | None = None
    reference: Path | None = None
    paths: Mapping[str, Path | Float] = field(default_factory=dict)
    drive_elements: Mapping[str, Path] = field(default_factory=dict)
    city: str | None = None


@dataclass(frozen=True, eq=False)
class ValidationResult:
    """scores: None without a reference. agreement: of the drives. predicted, truth: whole elements, map frame."""

    frame: MapFrame
    tiles: list[TileVerdict]
    scores: MapScores | None
    agreement: DriveAgreement
    judgement: Judgement
    predicted: list[MapElement]
    truth: list[MapElement]
    paths: dict[str, Float]

    @property
    def issues(self) -> list[Issue]:
        return [issue for tile in self.tiles for issue in tile.issues]

    @property
    def metrics(self) -> dict[str, dict[str, float]]:
        """Class -> name -> value: against the reference, and the drives' agreement; NaN = undefined."""
        metrics = {name: dict(values) for name, values in (self.scores.values if self.scores else {}).items()}
        for name, values in self.agreement.values().items():
            metrics.setdefault(name, {}).update(values)
        return metrics


def run(inputs: ValidationInputs, config: ValidationConfig) -> ValidationResult:
    """Judges a set of tiles together. Writes nothing: the report does."""
    by_tile, frame = read_tiles(dict(inputs.tile_files), inputs.frame)
    paths = {drive: _path(source, frame) for drive, source in sorted(inputs.paths.items())}
    predicted = whole_map([element for elements in by_tile.values() for element in elements])
    truth = read_reference(inputs.reference, frame, inputs.city) if inputs.reference else []
    ground = judgement(predicted, truth, list(paths.values()), list(by_tile), frame, config)
    scores = map_scores(truth, predicted, ground, _datum_sigma_m(inputs.tile_files)) if inputs.reference else None
    own = {drive: read_elements(path, frame)[0] for drive, path in sorted(inputs.drive_elements.items())}
    agreed = drive_agreement(own, predicted, by_tile, frame, config.shift_window_m)
    lines = path_lines(list(paths.values()))
    pieces = [Piece(tile, element) for tile, elements in by_tile.items() for element in elements]
    issues = check_rules(pieces, frame, list(paths.values()), config)
    verdicts = [
        verdict(
            str(tile),
            agreed.in_tile(tile, frame)
            | tile_coverage(tile, elements, frame, lines)
            | (tile_values(scores, tile, frame) if scores else {}),
            [issue for issue in issues if issue.tile == str(tile)],
            _gates(config),
        )
        for tile, elements in by_tile.items()
    ]
    return ValidationResult(frame, verdicts, scores, agreed, ground, predicted, truth, paths)


def run_on_files(
    tiles: Path, reference: Path | None, config: ValidationConfig, city: str | None = None
) -> ValidationResult:
    """Scores any tiles (a file or a folder) against any reference map, with no run or workspace behind them.

    Driven paths are not known then: what is judged is what the tiles' coverage polygons cover (without any, the tiles'
    squares), in windows along the reference's lanes, dividers or boundaries. Raises MissingInputError without tiles.
    """
    return run(ValidationInputs(find_tile_files(tiles), reference=reference, city=city), config)


def workspace_inputs(
    workspace: Workspace,
    builds: Mapping[TileId, str],
    drives: list[str],
    reference: Path | None,
    city: str | None = None,
) -> ValidationInputs:
    """The inputs for builds of a workspace: its frame, its drives' paths and elements, those that are there."""
    trajectories = {drive: workspace.trajectory(drive) for drive in sorted(drives)}
    elements = {drive: workspace.drive_elements(drive) for drive in sorted(drives)}
    return ValidationInputs(
        {tile: workspace.tile(tile, build) for tile, build in sorted(builds.items())},
        workspace.read_frame(),
        reference,
        {drive: path for drive, path in trajectories.items() if path.exists()},
        {drive: path for drive, path in elements.items() if path.exists()},
        city,
    )


def _datum_sigma_m(files: Mapping[TileId, Path]) -> float:
    """The error of place that all drives share, as the tiles state it; 0 where they do not."""
    stated = [float(read_metadata(path).get("datum_sigma_m", "0")) for path in files.values()]
    return float(np.median(stated)) if stated else 0.0


def _path(source: Path | Float, frame: MapFrame) -> Float:
    return read_trajectory(source, frame).translation_m if isinstance(source, Path) else np.asarray(source)


def _gates(config: ValidationConfig) -> Gates:
    return Gates(
        config.max_rule_errors,
        config.min_coverage,
        config.min_agreement,
        config.min_agreement_length_m,
        config.min_completeness,
        config.min_correctness,
        config.max_lateral_median_m,
        config.min_truth_length_m,
    )
