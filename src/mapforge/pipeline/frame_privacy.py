"""What becomes of camera frames: blurred before they are stored, and deleted when nothing needs them any more."""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING

from mapforge.config import Settings
from mapforge.errors import MissingInputError
from mapforge.models.shipped import PRIVACY_DETECTOR, weights_path

if TYPE_CHECKING:  # planning must not load torch
    from mapforge.ingest.records import FrameFilter


def frame_filter(settings: Settings) -> FrameFilter | None:
    """What ingest sends frames through; None when they are stored as they come.

    Raises MissingInputError when blurring is asked for and the detector's weights are not there.
    """
    privacy = settings.ingest.privacy
    if not privacy.blur:
        return None
    weights = weights_path(settings.models.privacy, PRIVACY_DETECTOR)
    if not weights.is_file():
        raise MissingInputError(f"model weights {weights} are missing; set models.privacy or ingest.privacy.blur=false")
    return _blur(weights, weights.stat().st_mtime_ns, privacy.score_min, privacy.margin)


@lru_cache(maxsize=4)
def _blur(weights: Path, modified_ns: int, score_min: float, margin: float) -> FrameFilter:
    """Made once for all logs of a plan: the weights are hashed for it."""
    del modified_ns
    from mapforge.privacy.blurring import FrameBlur

    return FrameBlur(weights, score_min, margin)


def filter_fingerprint(settings: Settings) -> str:
    """Of what ingest does to frames; empty when nothing."""
    made = frame_filter(settings)
    return "" if made is None else made.fingerprint
