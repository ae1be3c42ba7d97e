"""What a rule found wrong with a map."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Any


class Severity(StrEnum):
    """An error speaks against publishing a tile; a warning asks for a look."""

    ERROR = "error"
    WARNING = "warning"


@dataclass(frozen=True)
class Issue:
    """One finding of one rule.

    tile: EPSG/column/row, empty where the map has no tiles. x_m, y_m: map frame; lon_deg, lat_deg: the same place.
    """

    severity: Severity
    rule: str
    element_id: str
    tile: str
    message: str
    x_m: float
    y_m: float
    lon_deg: float
    lat_deg: float

    def as_dict(self) -> dict[str, Any]:
        return {**self.__dict__, "severity": str(self.severity)}
