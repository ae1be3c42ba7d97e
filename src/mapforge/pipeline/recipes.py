"""What decides each product: inputs, settings, weights and code. The planner needs nothing else."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from enum import Enum
from functools import cached_property
from pathlib import Path
from typing import Any

from mapforge import __version__
from mapforge.config import EngineConfig, EngineKind, Settings
from mapforge.errors import MissingInputError
from mapforge.geometry.crs import MapFrame
from mapforge.geometry.tiles import TileId
from mapforge.io.fingerprint import code_version, fingerprint_of, sha256_of_file
from mapforge.localization.config import PoseSource
from mapforge.models.device import resolve_device
from mapforge.models.shipped import BEV_SEGMENTER, SIGN_DETECTOR, weights_path
from mapforge.pipeline.stamps import Recipe
from mapforge.pipeline.standing import DRIVE, SETTINGS

GROUND = ("mapforge.geometry", "mapforge.schemas", "mapforge.io")
"""Packages every stage stands on."""
STAGES_WITH_SETTINGS = (
    "localization",
    "rasterization",
    "perception",
    "vectorization",
    "fusion",
    "lane_graph",
    "tiles",
    "validation",
)


@dataclass(frozen=True)
class Recipes:
    """Recipes of the products of one region under given settings. Weights are known by their content."""

    settings: Settings
    bev_weights: Path
    sign_weights: Path
    device: str

    @classmethod
    def of(cls, settings: Settings) -> Recipes:
        """Finds the weights and the device. Raises MissingInputError when weights are not there."""
        bev = weights_path(settings.models.bev, BEV_SEGMENTER)
        signs = weights_path(settings.models.signs, SIGN_DETECTOR)
        for path in (bev, signs):
            if not path.is_file():
                raise MissingInputError(f"model weights {path} are missing; set models.bev and models.signs")
        return cls(settings, bev, signs, _device(settings.engine))

    @cached_property
    def model_ids(self) -> dict[str, str]:
        """The weights by a short hash of their content."""
        return {"bev": sha256_of_file(self.bev_weights)[:12], "signs": sha256_of_file(self.sign_weights)[:12]}

    @cached_property
    def metadata(self) -> dict[str, str]:
        """What the footer of every tile says of how it was made."""
        return {"code_version": __version__, "models": json.dumps(self.model_ids, sort_keys=True)}

    @cached_property
    def build(self) -> str:
        """Hash of all settings, weights and code a tile depends on, drives left out."""
        stages = [stage for stage in STAGES_WITH_SETTINGS if stage != "validation"]
        parts = [self._own(stage, *(("mapforge.models",) if stage == "perception" else ())) for stage in stages]
        return fingerprint_of(parts=parts, models=self.model_ids, device=self.device)

    def trajectory(
        self, drive_id: str, manifest_sha256: str, frame: MapFrame, origin: tuple[float, float] | None
    ) -> Recipe:
        """Of one drive by itself."""
        place = json.dumps([frame.as_dict(), origin], sort_keys=True)
        parts = {"the drive's data": manifest_sha256, "the map's frame": place, **self._own("localization")}
        folder = self.settings.localization.given_folder
        if self.settings.localization.source is PoseSource.given and folder is not None:
            given = Path(folder).expanduser() / f"{drive_id}.parquet"
            parts["the given trajectory"] = sha256_of_file(given) if given.is_file() else ""
        return Recipe(parts)

    def aligned(self, unaligned: str) -> Recipe:
        """Of one drive among the others; which others there were is settled when it is aligned first."""
        return Recipe({"its own trajectory": unaligned, **self._own("localization")})

    def rasters(self, path: str) -> Recipe:
        return Recipe({"the trajectory": path, **self._own("rasterization")})

    def observations(self, rasters: str) -> Recipe:
        return Recipe(
            {
                "the rasters": rasters,
                "weights of the BEV network": self.model_ids["bev"],
                "the device": self.device,
                **self._own("perception", "mapforge.models"),
            }
        )

    def detections(self, path: str) -> Recipe:
        return Recipe(
            {
                "the trajectory": path,
                "weights of the sign detector": self.model_ids["signs"],
                "the device": self.device,
                **self._own("perception", "mapforge.models"),
            }
        )

    def elements(self, path: str, observations: str, missing: Iterable[TileId]) -> Recipe:
        """missing: tiles of the drive without an observation."""
        left_out = ",".join(str(tile) for tile in sorted(missing))
        return Recipe(
            {
                "the trajectory": path,
                "the observations": observations,
                "tiles without observation": left_out,
                **self._own("vectorization"),
            }
        )

    def map_elements(self, drives: Mapping[str, str]) -> Recipe:
        """drives: of all that touch the tile or its halo -> hash of their elements and detections."""
        return Recipe({**{f"{DRIVE}{drive}": value for drive, value in drives.items()}, **self._own("fusion")})

    def lanes(self, map_elements: Mapping[TileId, str], drives: Mapping[str, str]) -> Recipe:
        """map_elements: of the tile and its neighbours -> fingerprint. drives: those around -> hash of their ways."""
        return Recipe(
            {
                **{f"map elements of {tile}": value for tile, value in map_elements.items()},
                **{f"{DRIVE}{drive}": value for drive, value in drives.items()},
                **self._own("lane_graph"),
            }
        )

    def tile(self, map_elements: str, lanes: str) -> Recipe:
        return Recipe({"map elements": map_elements, "lanes": lanes, **self.metadata, **self._own("tiles")})

    def verdict(self, builds: Mapping[TileId, str], drives: Mapping[str, str], reference: str) -> Recipe:
        """Of the report on a set of builds. drives: -> hash of what validation reads of them."""
        return Recipe(
            {
                "tiles": fingerprint_of(builds={str(tile): build for tile, build in builds.items()}),
                "drives": fingerprint_of(drives=dict(drives)),
                "the reference": reference,
                **self._own("validation", "mapforge.metrics"),
            }
        )

    def _own(self, stage: str, *more_code: str) -> dict[str, str]:
        """A stage's settings and code."""
        return {
            f"{SETTINGS}{stage}": self._settings_of[stage],
            f"code of {stage}": code_version(f"mapforge.{stage}", *more_code, *GROUND),
        }

    @cached_property
    def _settings_of(self) -> dict[str, str]:
        """Stage -> its settings as JSON, without those that only say what to do in this run."""
        of_stages = {stage: asdict(getattr(self.settings, stage)) for stage in STAGES_WITH_SETTINGS}
        of_stages["localization"]["alignment"].pop("readjust")
        of_stages["localization"].pop("given_folder")  # what lies there decides, not where it lies
        return {stage: json.dumps(plain, sort_keys=True, default=_plain) for stage, plain in of_stages.items()}


def _device(engine: EngineConfig) -> str:
    """Where the GPUs are elsewhere, this machine need not have one."""
    if engine.device == "cuda" and engine.kind is EngineKind.dask and engine.gpu_resource:
        return engine.device
    return resolve_device(engine.device)


def _plain(value: Any) -> Any:
    if isinstance(value, Enum):
        return value.value
    if isinstance(value, Path):
        return str(value)
    raise TypeError(f"a setting of type {type(value).__name__} cannot be part of a recipe: {value!r}")
