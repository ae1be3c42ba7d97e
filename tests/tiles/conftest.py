"""Map elements of three neighbouring tiles, cut from known whole elements."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import shapely

from mapforge.geometry.crs import MapFrame
from mapforge.geometry.tiles import TileId
from mapforge.io.elements import write_elements
from mapforge.io.workspace import Workspace
from mapforge.schemas.elements import ElementClass, MapElement
from mapforge.tiles.config import TilesConfig
from mapforge.tiles.stage import TilesInputs, run

FRAME = MapFrame(32617, (586000.0, 4475000.0), 2020.0)
TILES = [TileId(32617, 5860 + k, 44750) for k in range(3)]

Build = Callable[..., dict[TileId, str]]


@pytest.fixture
def workspace(tmp_path: Path) -> Workspace:
    return Workspace(tmp_path)


@pytest.fixture
def frame() -> MapFrame:
    return FRAME


@pytest.fixture
def tiles() -> list[TileId]:
    return TILES


@pytest.fixture
def whole() -> list[MapElement]:
    """A curb and a curved divider through all tiles, a crossing over a border, a sign, coverage."""
    x = np.linspace(5, 295, 150)
    bend = np.column_stack([x, 50 + 5 * np.sin(x / 40), 200 + 0.01 * x])
    curb = np.array([[2.0, 40, 200], [298, 41, 203]])
    crossing = shapely.Polygon([(95, 42, 201), (105, 42, 201), (105, 58, 201), (95, 58, 201)])
    seen = {"first_seen_ns": 5, "last_seen_ns": 9, "sources": ("a", "b"), "n_drives": 2}
    return [
        MapElement("", ElementClass.LANE_DIVIDER, shapely.LineString(bend), {"marking_type": "dashed"}, 0.9, **seen),
        MapElement("", ElementClass.ROAD_BOUNDARY, shapely.LineString(curb), {"boundary_type": "curb"}, 0.8, **seen),
        MapElement("", ElementClass.PED_CROSSING, crossing, {}, 0.7, **seen),
        MapElement("", ElementClass.TRAFFIC_SIGN, shapely.Point(50, 61, 202), {"sign_type": "stop"}, 0.95, **seen),
        MapElement("", ElementClass.COVERAGE, shapely.force_3d(shapely.box(0, 20, 300, 80), 200), {}, 1.0, **seen),
    ]


@pytest.fixture
def build(workspace: Workspace) -> Build:
    """Cuts whole elements at the borders, writes map elements, builds tiles."""

    def built(
        elements: list[MapElement],
        only: list[TileId] | None = None,
        previous: dict[TileId, str] | None = None,
        fingerprint: str = "print",
    ) -> dict[TileId, str]:
        for tile in TILES:
            core = shapely.box(*tile.bounds_map(FRAME))
            pieces = []
            for element in elements:
                cut = element.geometry.intersection(core)
                kind = shapely.get_type_id(element.geometry)
                for part in shapely.get_parts(cut):
                    if shapely.get_type_id(part) == kind and not part.is_empty:
                        pieces.append(element.with_geometry(part, (0.03,) * len(shapely.get_coordinates(part))))
            write_elements(pieces, FRAME, workspace.map_elements(tile), workspace.tmp, {"fingerprint": str(tile)})
        prints = {tile: f"{fingerprint} {tile}" for tile in TILES}
        metadata = {"code_version": "v1", "models": "bev-1"}
        inputs = TilesInputs(workspace, only or TILES, FRAME, metadata, prints, previous or {})
        return run(inputs, TilesConfig())

    return built
