"""Settings of perception: the BEV network, signs and lights in camera frames, and moving vehicles."""

from __future__ import annotations

from dataclasses import dataclass, field

from mapforge.perception.bev_config import BevConfig
from mapforge.perception.sign_config import SignConfig
from mapforge.perception.traffic_config import TrafficConfig


@dataclass
class PerceptionConfig:
    """How rasters become probabilities, camera frames sign detections, and sweeps the ways of other vehicles."""

    bev: BevConfig = field(default_factory=BevConfig)
    """Roads from rasters."""
    signs: SignConfig = field(default_factory=SignConfig)
    """Signs and lights."""
    traffic: TrafficConfig = field(default_factory=TrafficConfig)
    """Moving vehicles."""
