"""Drive elements made from a known map, each drive with its own bias, wobble and partial view."""

from __future__ import annotations

import numpy as np
import shapely
from scipy.ndimage import gaussian_filter1d

from mapforge.geometry.crs import MapFrame
from mapforge.geometry.polylines import at_stations, length, offset_left, resample
from mapforge.geometry.tiles import TileId
from mapforge.io.elements import write_elements
from mapforge.io.workspace import Workspace
from mapforge.schemas.elements import ElementClass, MapElement

FRAME = MapFrame(32617, (586000.0, 4475000.0))
WEST, EAST = TileId(32617, 5860, 44750), TileId(32617, 5861, 44750)

Truth = list[tuple[ElementClass, np.ndarray, dict]]


def town() -> Truth:
    """A street over two tiles: curbs, dividers, a close pair, a corner, a branch, stop lines."""
    boundary, divider, stop = ElementClass.ROAD_BOUNDARY, ElementClass.LANE_DIVIDER, ElementClass.STOP_LINE
    angle = np.radians(np.linspace(-90, 0, 25))
    corner = np.column_stack([40 + 6 * np.cos(angle), 66 + 6 * np.sin(angle)])
    bend = np.column_stack([np.linspace(3, 197, 100), 45 + 3 * np.sin(np.linspace(0, 4, 100))])
    return [
        (boundary, np.array([[2.0, 40], [198, 40]]), {"boundary_type": "curb"}),
        (boundary, np.vstack([[[2.0, 60]], corner, [[46, 98]]]), {"boundary_type": "curb"}),
        (boundary, np.array([[64.0, 98], [64, 72], [70, 60], [198, 60]]), {"boundary_type": "edge"}),
        (divider, np.array([[2.0, 52], [198, 52]]), {"marking_type": "double_solid", "colour": "yellow"}),
        (divider, bend, {"marking_type": "dashed", "colour": "white"}),
        (divider, np.array([[80.0, 56], [150, 56]]), {"marking_type": "solid", "colour": "white"}),
        (divider, np.array([[80.0, 56.45], [150, 56.45]]), {"marking_type": "dashed", "colour": "white"}),
        (stop, np.array([[43.0, 41], [43, 51]]), {}),
        (stop, np.array([[100.0, 53], [100, 59]]), {}),
    ]


CROSSING = shapely.Polygon([(96, 41), (104, 41), (104, 59), (96, 59)])


def as_seen(truth: Truth, drive: str, seed: int, bias_m: float, wobble_m: float, gaps: bool = True) -> list[MapElement]:
    """One drive's elements: shifted by a bias, wobbling over about 5 m, some lines cut or seen in part."""
    rng = np.random.default_rng(seed)
    shift = rng.normal(0.0, bias_m, 2)
    elements = []
    for element_class, xy, attributes in truth:
        dense = resample(xy, 0.5)
        wave = gaussian_filter1d(rng.standard_normal(len(dense) + 40), 6)[20:-20]
        moved = offset_left(dense, wobble_m * wave / 0.22) + shift
        for part in _views(moved, rng, gaps and element_class is not ElementClass.STOP_LINE):
            xyz = np.column_stack([part, 200.0 + 0.01 * part[:, 0]])
            if rng.random() < 0.5:
                xyz = xyz[::-1]
            elements.append(
                MapElement(
                    f"{drive}-{len(elements)}",
                    element_class,
                    shapely.LineString(xyz),
                    attributes,
                    confidence=0.85,
                    sigma_m=(float(np.hypot(max(bias_m, 0.01), wobble_m)),) * len(xyz),
                    first_seen_ns=1000 * seed,
                    last_seen_ns=1000 * seed + 5000,
                    sources=(drive,),
                )
            )
    corners = shapely.get_coordinates(CROSSING)[:4]
    outline = shapely.Polygon(corners + shift + rng.normal(0, wobble_m, corners.shape))
    looked = shapely.box(0, 0, 200, 100)
    for element_class, polygon in ((ElementClass.PED_CROSSING, outline), (ElementClass.COVERAGE, looked)):
        raised = shapely.force_3d(polygon, 200.0)
        elements.append(MapElement(f"{drive}-{element_class}", element_class, raised, confidence=0.9, sources=(drive,)))
    return elements


def _views(xy: np.ndarray, rng: np.random.Generator, gaps: bool) -> list[np.ndarray]:
    total = length(xy)
    if not gaps or total < 50:
        return [xy]
    kind = rng.integers(3)
    cut = rng.uniform(0.25, 0.6) * total
    if kind == 0:
        return [xy]
    spans = [(0.0, cut), (cut + 8.0, total)] if kind == 1 else [(0.0, cut), (cut, total)]
    return [at_stations(xy, np.linspace(a, b, int((b - a) / 0.5) + 2)) for a, b in spans]


def write_drive(
    workspace: Workspace,
    drive: str,
    elements: list[MapElement],
    frame: MapFrame = FRAME,
    start_ns: int = 0,
    datum_sigma_m: float = 0.0,
) -> None:
    footer = {"fingerprint": drive, "start_ns": str(start_ns), "datum_sigma_m": f"{datum_sigma_m:.4f}"}
    write_elements(elements, frame, workspace.drive_elements(drive), workspace.tmp, footer)


def write_drives(
    workspace: Workspace, count: int, bias_m: float = 0.05, wobble_m: float = 0.03, seed: int = 1
) -> list[str]:
    drives = [f"drive{k}" for k in range(count)]
    for k, drive in enumerate(drives):
        write_drive(workspace, drive, as_seen(town(), drive, seed * 100 + k, bias_m, wobble_m))
    return drives
