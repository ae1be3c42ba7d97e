"""Blurs what the privacy detector finds in an encoded picture."""

from __future__ import annotations

import io
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray
from PIL import Image, UnidentifiedImageError

from mapforge.errors import LogError
from mapforge.io.fingerprint import code_version, fingerprint_of, sha256_of_file

if TYPE_CHECKING:  # a plan asks for the fingerprint only and must not load torch
    from mapforge.models.privacy_detector import PrivacyDetector

JPEG_QUALITY = 92
_BLOCKS = 4
"""A region keeps at most so many grey values along its longer side: too few to tell a letter or a face."""


@dataclass(frozen=True)
class FrameBlur:
    """Called with an encoded picture it returns one in which faces and number plates cannot be read.

    weights: of the detector. score_min: what scores less is left as it is. margin: by which a region is widened, as a
    share of its edges. A picture without anything to hide stays as it is, byte for byte. Runs on the CPU, so that the
    same log gives the same bytes on every machine. May be sent to another process: it reads the weights there.
    """

    weights: Path
    score_min: float
    margin: float
    fingerprint: str = field(init=False)

    def __post_init__(self) -> None:
        made = fingerprint_of(
            weights=sha256_of_file(self.weights),
            score_min=self.score_min,
            margin=self.margin,
            code=code_version("mapforge.privacy", "mapforge.models"),
        )
        object.__setattr__(self, "fingerprint", made)

    def __call__(self, image: bytes, encoding: str) -> bytes:
        """Raises LogError when the picture cannot be decoded: then nobody knows what it shows."""
        try:
            with Image.open(io.BytesIO(image), formats=("JPEG", "PNG")) as opened:
                pixels = np.array(opened.convert("RGB"))
        except (UnidentifiedImageError, Image.DecompressionBombError, OSError, SyntaxError, ValueError) as error:
            raise LogError(f"a picture of {len(image)} bytes cannot be decoded: {error}") from error
        regions = _detector(self.weights).detect(pixels, self.score_min)
        if not len(regions):
            return image
        return _encoded(blurred(pixels, regions.boxes_px, self.margin), encoding)


def blurred(pixels: NDArray[np.uint8], boxes_px: NDArray[np.float32], margin: float) -> NDArray[np.uint8]:
    """The picture with every box, widened by the margin, replaced by a few soft blocks.

    pixels: (H, W, 3) RGB. boxes_px: (N, 4) x0, y0, x1, y1. What is averaged away cannot be computed back.
    """
    result = pixels.copy()
    for x0, y0, x1, y1 in boxes_px.astype(np.float64):
        wide, tall = margin * (x1 - x0), margin * (y1 - y0)
        left, top = max(0, int(np.floor(x0 - wide))), max(0, int(np.floor(y0 - tall)))
        right = min(pixels.shape[1], int(np.ceil(x1 + wide)))
        below = min(pixels.shape[0], int(np.ceil(y1 + tall)))
        if right <= left or below <= top:
            continue
        region = Image.fromarray(result[top:below, left:right])
        scale = _BLOCKS / max(region.size)
        small = tuple(max(1, round(edge * min(1.0, scale))) for edge in region.size)
        soft = region.resize((small[0], small[1]), Image.Resampling.BOX).resize(region.size, Image.Resampling.BILINEAR)
        result[top:below, left:right] = np.asarray(soft)
    return result


def _encoded(pixels: NDArray[np.uint8], encoding: str) -> bytes:
    """In the format it had, without what else the file held (places, thumbnails)."""
    packed = io.BytesIO()
    if encoding == "png":
        Image.fromarray(pixels).save(packed, "PNG", compress_level=1)
    else:
        Image.fromarray(pixels).save(packed, "JPEG", quality=JPEG_QUALITY)
    return packed.getvalue()


@lru_cache(maxsize=2)
def _detector(weights: Path) -> PrivacyDetector:
    from mapforge.models.privacy_detector import read_privacy_detector

    return read_privacy_detector(weights)
