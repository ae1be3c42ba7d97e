"""Where the weights that come with MapForge lie."""

from __future__ import annotations

import sysconfig
from pathlib import Path

BEV_SEGMENTER = "bev_segmenter.safetensors"
SIGN_DETECTOR = "sign_detector.safetensors"
PRIVACY_DETECTOR = "privacy_detector.safetensors"


def weights_path(configured: str | None, shipped_name: str) -> Path:
    """The weights a setting names, else those that come with MapForge, in a checkout or where the wheel put them.

    Whether the file is there is found out when it is read.
    """
    if configured is not None:
        return Path(configured).expanduser().resolve()
    checkout = Path(__file__).resolve().parents[3] / "data" / "models"
    folder = checkout if checkout.is_dir() else Path(sysconfig.get_path("data")) / "share" / "mapforge" / "models"
    return folder / shipped_name
