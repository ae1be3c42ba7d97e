"""The settings of one run in one tree, and its keys."""

from __future__ import annotations

import difflib
import typing
from collections.abc import Iterator
from dataclasses import dataclass, field, fields, is_dataclass
from typing import Any

from mapforge.config.evaluation_group import EvaluationConfig
from mapforge.config.run_groups import (
    EngineConfig,
    MapConfig,
    ModelsConfig,
    NightlyConfig,
    RegionConfig,
    TelemetryConfig,
)
from mapforge.fusion.config import FusionConfig
from mapforge.ingest.config import IngestConfig
from mapforge.lane_graph.config import LaneGraphConfig
from mapforge.localization.config import LocalizationConfig
from mapforge.perception.config import PerceptionConfig
from mapforge.rasterization.config import RasterizationConfig
from mapforge.releases.config import ReleasesConfig
from mapforge.simulation.config import SimulationConfig
from mapforge.tiles.config import TilesConfig
from mapforge.training.config import TrainingConfig
from mapforge.validation.config import ValidationConfig
from mapforge.vectorization.config import VectorizationConfig


@dataclass
class Settings:
    """Everything one run depends on."""

    workspace: str = "data/workspace"
    """Folder of the workspace."""
    catalog_url: str | None = None
    """SQLAlchemy URL of the catalog; none = catalog.db in the workspace."""
    region: RegionConfig = field(default_factory=RegionConfig)
    map: MapConfig = field(default_factory=MapConfig)
    engine: EngineConfig = field(default_factory=EngineConfig)
    models: ModelsConfig = field(default_factory=ModelsConfig)
    ingest: IngestConfig = field(default_factory=IngestConfig)
    localization: LocalizationConfig = field(default_factory=LocalizationConfig)
    rasterization: RasterizationConfig = field(default_factory=RasterizationConfig)
    perception: PerceptionConfig = field(default_factory=PerceptionConfig)
    vectorization: VectorizationConfig = field(default_factory=VectorizationConfig)
    fusion: FusionConfig = field(default_factory=FusionConfig)
    lane_graph: LaneGraphConfig = field(default_factory=LaneGraphConfig)
    tiles: TilesConfig = field(default_factory=TilesConfig)
    releases: ReleasesConfig = field(default_factory=ReleasesConfig)
    validation: ValidationConfig = field(default_factory=ValidationConfig)
    nightly: NightlyConfig = field(default_factory=NightlyConfig)
    telemetry: TelemetryConfig = field(default_factory=TelemetryConfig)
    simulation: SimulationConfig = field(default_factory=SimulationConfig)
    training: TrainingConfig = field(default_factory=TrainingConfig)
    evaluation: EvaluationConfig = field(default_factory=EvaluationConfig)


GROUPS = tuple(f.name for f in fields(Settings) if f.name not in ("workspace", "catalog_url"))


def setting_keys() -> dict[str, Any]:
    """Every dotted key with its type."""
    return dict(_walk(Settings, ""))


def nearest_key(key: str, known: list[str]) -> str:
    """` Did you mean ...?` for a typo, or how to list the keys."""
    close = difflib.get_close_matches(key, known, n=1, cutoff=0.5)
    if not close:
        tails = {name.rsplit(".", 1)[-1]: name for name in known}
        close = [tails[tail] for tail in difflib.get_close_matches(key.rsplit(".", 1)[-1], tails, n=1, cutoff=0.6)]
    return f" Did you mean '{close[0]}'?" if close else " `mapforge settings` lists all keys."


def _walk(kind: type, prefix: str) -> Iterator[tuple[str, Any]]:
    hints = typing.get_type_hints(kind)
    for entry in fields(kind):
        hint = hints[entry.name]
        if is_dataclass(hint) and isinstance(hint, type):
            yield from _walk(hint, f"{prefix}{entry.name}.")
        else:
            yield f"{prefix}{entry.name}", hint
