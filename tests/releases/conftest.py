"""A workspace with tiles of known elements, and a catalog that calls them valid."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest
import shapely

from mapforge.catalog import Catalog
from mapforge.catalog.tables import TileState
from mapforge.geometry.crs import MapFrame
from mapforge.geometry.tiles import TileId
from mapforge.io.elements import write_elements
from mapforge.io.workspace import Workspace
from mapforge.schemas.elements import ElementClass, MapElement, content_id

FRAME = MapFrame(32617, (586000.0, 4475000.0), 2020.0)
TILES = [TileId(32617, 5860 + k, 44750) for k in range(3)]
SEEN = {"first_seen_ns": 1_700_000_000_000_000_000, "last_seen_ns": 1_700_000_060_000_000_000, "n_drives": 2}

Build = Callable[..., dict[str, str]]


@pytest.fixture
def workspace(tmp_path: Path) -> Workspace:
    workspace = Workspace(tmp_path / "work space")
    workspace.write_frame(FRAME)
    return workspace


@pytest.fixture
def catalog(workspace: Workspace) -> Iterator[Catalog]:
    catalog = Catalog.of(str(workspace.root), None)
    yield catalog
    catalog.close()


@pytest.fixture
def street() -> list[MapElement]:
    """A curb and a curved divider through three tiles, a crossing over a border, a sign, coverage."""
    x = np.linspace(5, 295, 150)
    bend = np.column_stack([x, 50 + 5 * np.sin(x / 40), 200 + 0.01 * x])
    crossing = shapely.Polygon([(95, 42, 201), (105, 42, 201), (105, 58, 201), (95, 58, 201)])
    return [
        element("divider", ElementClass.LANE_DIVIDER, shapely.LineString(bend), marking_type="dashed", colour="white"),
        element("curb", ElementClass.ROAD_BOUNDARY, line((2.0, 40), (298, 41)), boundary_type="curb"),
        element("crossing", ElementClass.PED_CROSSING, crossing),
        element("sign", ElementClass.TRAFFIC_SIGN, shapely.Point(50, 61, 202), sign_type="stop", height_m=2.1),
        element("seen", ElementClass.COVERAGE, shapely.force_3d(shapely.box(0, 20, 300, 80), 200)),
    ]


@pytest.fixture
def build(workspace: Workspace, catalog: Catalog) -> Build:
    """Cuts elements at the borders into tiles, writes them, records them as valid; returns tile -> build."""

    def built(elements: list[MapElement], tiles: list[TileId] = TILES, state: TileState = TileState.VALID):
        builds = {}
        for tile in tiles:
            pieces = list(cut(elements, tile))
            name = content_id(str(tile), *(f"{p.geometry.wkt}{p.attributes}{p.element_id}" for p in pieces))[:12]
            footer = {"tile": str(tile), "build": name, "fingerprint": "f", "code_version": "v1", "models": "{}"}
            write_elements(pieces, FRAME, workspace.tile(tile, name), workspace.tmp, footer)
            catalog.claim([str(tile)], "r1")
            catalog.set_tile(str(tile), state, error="too far off" if state is TileState.REJECTED else None, build=name)
            catalog.record_build(str(tile), name, "f", "r1")
            builds[str(tile)] = name
        return builds

    return built


def element(name: str, element_class: ElementClass, geometry: shapely.Geometry, **attributes) -> MapElement:
    return MapElement(name, element_class, geometry, attributes, 0.9, sources=("a", "b"), **SEEN)


def line(*xy: tuple[float, float], height_m: float = 200.0) -> shapely.LineString:
    return shapely.LineString([(x, y, height_m) for x, y in xy])


def cut(elements: list[MapElement], tile: TileId) -> Iterator[MapElement]:
    """The pieces of elements in one tile."""
    core = shapely.box(*tile.bounds_map(FRAME))
    for whole in elements:
        kind = shapely.get_type_id(whole.geometry)
        for part in shapely.get_parts(whole.geometry.intersection(core)):
            if shapely.get_type_id(part) == kind and not part.is_empty:
                yield whole.with_geometry(part, (0.03,) * len(shapely.get_coordinates(part)))
