"""Settings of perception: the BEV network, and signs and lights in camera frames."""

from __future__ import annotations

from dataclasses import dataclass, field

from mapforge.perception.bev_config import BevConfig
from mapforge.perception.sign_config import SignConfig


@dataclass
class PerceptionConfig:
    """How rasters become probabilities and camera frames become sign detections."""

    bev: BevConfig = field(default_factory=BevConfig)
    """Roads from rasters."""
    signs: SignConfig = field(default_factory=SignConfig)
    """Signs and lights."""
