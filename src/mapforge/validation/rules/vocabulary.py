"""Attributes use the words of the contract."""

from __future__ import annotations

import re

from mapforge.schemas.detections import SIGN_TYPES
from mapforge.schemas.vocabulary import BOUNDARY_TYPES, COLOURS, LANE_TYPES, MARKING_TYPES, TURNS
from mapforge.validation.rules.findings import Finding, Piece, error

_WORDS = {
    "marking_type": MARKING_TYPES,
    "colour": COLOURS,
    "boundary_type": BOUNDARY_TYPES,
    "turn": TURNS,
    "lane_type": LANE_TYPES,
}
_SPEED_LIMIT = re.compile(r"speed_limit_\d{1,3}")


def unknown_words(pieces: list[Piece]) -> list[Finding]:
    """An error an attribute whose value is not of its vocabulary."""
    findings = []
    for piece in pieces:
        for name, words in _WORDS.items():
            value = piece.element.attributes.get(name)
            if value is not None and not set(str(value).split(";")) <= set(words):
                findings.append(error(piece, f"{name} is '{value}', not one of {', '.join(words)}"))
        sign = piece.element.attributes.get("sign_type")
        if sign is not None and sign not in SIGN_TYPES and not _SPEED_LIMIT.fullmatch(str(sign)):
            findings.append(error(piece, f"sign_type is '{sign}', which no sign is called"))
    return findings
