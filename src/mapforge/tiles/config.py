"""Settings of tile cutting."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass
class TilesConfig:
    """How pieces are named and written."""

    meet_m: float = 0.01
    """Ends of pieces this close together on a border belong to one element."""
    max_turn_deg: float = 40.0
    """Pieces that turn more than this where they meet are different elements."""
    previous_release: str | None = "current"
    """Release whose element ids are kept: a name, or `current`; none = ids come from content alone."""
