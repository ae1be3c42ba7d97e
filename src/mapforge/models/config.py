"""Sizes of the networks; free of torch, so that settings are composed without loading it."""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass
class BevSegmenterConfig:
    """Size of the network."""

    widths: list[int] = field(default_factory=lambda: [24, 48, 72, 96])
    """Channels at 0.2, 0.4, 0.8 and 1.6 m."""

    head_width: int = 32
    """Channels of the last shared layer."""
