"""What decides each product: inputs, settings, weights and code, hashed. The planner needs nothing else."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from mapforge.config import Settings
from mapforge.errors import MissingInputError
from mapforge.geometry.crs import MapFrame
from mapforge.geometry.tiles import TileId
from mapforge.io.fingerprint import code_version, fingerprint_of, sha256_of_file
from mapforge.models.device import resolve_device
from mapforge.models.shipped import BEV_SEGMENTER, SIGN_DETECTOR, weights_path

GROUND = ("mapforge.geometry", "mapforge.schemas", "mapforge.io")
"""Packages every stage stands on."""


@dataclass(frozen=True)
class Fingerprints:
    """Fingerprints of the products of one region under given settings. Weights are known by their content."""

    settings: Settings
    bev_weights: Path
    sign_weights: Path
    device: str

    @classmethod
    def of(cls, settings: Settings) -> Fingerprints:
        """Finds the weights and the device. Raises MissingInputError when weights are not there."""
        bev = weights_path(settings.models.bev, BEV_SEGMENTER)
        signs = weights_path(settings.models.signs, SIGN_DETECTOR)
        for path in (bev, signs):
            if not path.is_file():
                raise MissingInputError(f"model weights {path} are missing; set models.bev and models.signs")
        return cls(settings, bev, signs, resolve_device(settings.engine.device))

    @cached_property
    def model_ids(self) -> dict[str, str]:
        """The weights by a short hash of their content."""
        return {"bev": sha256_of_file(self.bev_weights)[:12], "signs": sha256_of_file(self.sign_weights)[:12]}

    def unaligned(self, manifest: Path, frame: MapFrame, origin: tuple[float, float] | None) -> str:
        return fingerprint_of(
            drive=sha256_of_file(manifest),
            frame=frame,
            origin=origin,
            config=self.settings.localization,
            code=code_version("mapforge.localization", *GROUND),
        )

    def alignment(self, unaligned: Mapping[str, str]) -> str:
        return fingerprint_of(
            unaligned=dict(unaligned),
            config=self.settings.localization,
            code=code_version("mapforge.localization", *GROUND),
        )

    def rasters(self, trajectory: str) -> str:
        return fingerprint_of(
            trajectory=trajectory,
            config=self.settings.rasterization,
            code=code_version("mapforge.rasterization", *GROUND),
        )

    def observation(self, rasters: str) -> str:
        return fingerprint_of(
            rasters=rasters,
            weights=self.model_ids["bev"],
            device=self.device,
            config=self.settings.perception,
            code=code_version("mapforge.perception", "mapforge.models", *GROUND),
        )

    def detections(self, trajectory: str) -> str:
        return fingerprint_of(
            trajectory=trajectory,
            weights=self.model_ids["signs"],
            device=self.device,
            config=self.settings.perception,
            code=code_version("mapforge.perception", "mapforge.models", *GROUND),
        )

    def elements(self, trajectory: str, observations: Mapping[TileId, str]) -> str:
        return fingerprint_of(
            trajectory=trajectory,
            observations={str(tile): text for tile, text in observations.items()},
            config=self.settings.vectorization,
            code=code_version("mapforge.vectorization", *GROUND),
        )

    def map_elements(self, tile: TileId, drives: Mapping[str, list[str]]) -> str:
        return fingerprint_of(
            tile=str(tile),
            drives=drives,
            config=self.settings.fusion,
            code=code_version("mapforge.fusion", *GROUND),
        )

    def tiles(self, pieces: Mapping[TileId, str], metadata: Mapping[str, str]) -> str:
        return fingerprint_of(
            metadata=dict(metadata),
            pieces={str(tile): text for tile, text in pieces.items()},
            config=self.settings.tiles,
            code=code_version("mapforge.tiles", *GROUND),
        )
