"""Several drives become one map: accuracy, seams, order, existence."""

from __future__ import annotations

import numpy as np
import pytest
import shapely
import shapely.affinity
from seen_drives import CROSSING, EAST, FRAME, WEST, as_seen, town, write_drive, write_drives

from mapforge.errors import ConfigurationError
from mapforge.fusion.config import FusionConfig
from mapforge.fusion.stage import FusionInputs, run
from mapforge.geometry.crs import MapFrame
from mapforge.geometry.polylines import length, resample
from mapforge.geometry.tiles import TileId
from mapforge.io.elements import read_elements
from mapforge.io.parquet import read_metadata
from mapforge.io.workspace import Workspace
from mapforge.schemas.elements import LINE_CLASSES, ElementClass, MapElement


def fused(
    workspace: Workspace, tile: TileId, drives: list[str], frame: MapFrame = FRAME, config: FusionConfig | None = None
) -> list[MapElement]:
    run(FusionInputs(workspace, tile, frame, drives, "print"), config or FusionConfig())
    return read_elements(workspace.map_elements(tile), frame)[0]


def lines_of(elements: list[MapElement], element_class: ElementClass) -> list[MapElement]:
    return [element for element in elements if element.element_class is element_class]


def errors_m(elements: list[MapElement]) -> np.ndarray:
    """Distance of points on fused lines to the truth of their class."""
    found = []
    for element_class in LINE_CLASSES:
        truth = shapely.union_all([shapely.LineString(xy) for name, xy, _ in town() if name is element_class])
        for line in lines_of(elements, element_class):
            found.append(shapely.distance(shapely.points(resample(line.xyz_map[:, :2], 0.5)), truth))
    return np.concatenate(found)


def test_five_drives_give_each_line_once_and_in_its_place(workspace: Workspace) -> None:
    drives = write_drives(workspace, 5)
    elements = fused(workspace, WEST, drives) + fused(workspace, EAST, drives)
    for element_class in LINE_CLASSES:
        expected = sum(length(xy) for name, xy, _ in town() if name is element_class)
        got = sum(line.geometry.length for line in lines_of(elements, element_class))
        assert got == pytest.approx(expected, rel=0.01)
    error = errors_m(elements)
    assert np.median(error) < 0.03
    assert np.quantile(error, 0.95) < 0.07
    assert {line.attributes["marking_type"] for line in lines_of(elements, ElementClass.LANE_DIVIDER)} == {
        "double_solid",
        "dashed",
        "solid",
    }
    assert all(line.n_drives == 5 and len(line.sources) == 5 for line in lines_of(elements, ElementClass.STOP_LINE))


def test_lines_are_whole_not_in_shreds(workspace: Workspace) -> None:
    elements = fused(workspace, EAST, write_drives(workspace, 5, seed=4))
    count = {name: len(lines_of(elements, name)) for name in LINE_CLASSES}
    assert count == {ElementClass.LANE_DIVIDER: 4, ElementClass.ROAD_BOUNDARY: 2, ElementClass.STOP_LINE: 1}


def test_more_drives_are_better_and_know_it(workspace: Workspace) -> None:
    error, sigma = {}, {}
    for count in (1, 3, 8):
        drives = write_drives(workspace, count, bias_m=0.06, wobble_m=0.03, seed=9)
        elements = fused(workspace, WEST, drives)
        error[count] = np.median(errors_m(elements))
        sigma[count] = np.mean([np.mean(e.sigma_m) for e in elements if e.element_class in LINE_CLASSES])
    assert sigma[8] < 0.6 * sigma[1]
    assert sigma[8] < sigma[3] < sigma[1]
    assert error[8] < 0.04


@pytest.mark.parametrize("count", [2, 5])
def test_the_order_of_drives_does_not_matter(workspace: Workspace, count: int) -> None:
    drives = write_drives(workspace, count)
    fused(workspace, WEST, drives)
    first = workspace.map_elements(WEST).read_bytes()
    fused(workspace, WEST, [*drives[::-1], drives[0]])
    assert workspace.map_elements(WEST).read_bytes() == first


def ends_at(elements: list[MapElement], x: float) -> list[tuple]:
    """(class, attributes, y, z, sigma) of line ends on a border, sorted."""
    found = []
    for element in elements:
        if element.element_class in LINE_CLASSES:
            for k in (0, -1):
                vertex = element.xyz_map[k]
                if abs(vertex[0] - x) < 1e-6:
                    label = str(sorted(element.attributes.items()))
                    found.append((str(element.element_class), label, *vertex[1:], element.sigma_m[k]))
    return sorted(found)


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_neighbours_agree_exactly_on_the_border(workspace: Workspace, seed: int) -> None:
    drives = write_drives(workspace, 4, seed=seed)
    west, east = ends_at(fused(workspace, WEST, drives), 100.0), ends_at(fused(workspace, EAST, drives), 100.0)
    assert len(west) >= 6
    assert west == east


def test_a_tile_rebuilt_alone_has_the_same_bytes(workspace: Workspace) -> None:
    drives = write_drives(workspace, 3)
    fused(workspace, EAST, drives)
    before = workspace.map_elements(EAST).read_bytes()
    workspace.map_elements(EAST).unlink()
    fused(workspace, EAST, drives)
    assert workspace.map_elements(EAST).read_bytes() == before
    assert read_metadata(workspace.map_elements(EAST))["fingerprint"] == "print"


def test_what_happens_beyond_the_halo_moves_nothing_aside(workspace: Workspace) -> None:
    """Lines bent 30 m east of the border: in the west stations may shift along the line, never across it."""
    drives = write_drives(workspace, 3)
    before = [e.geometry for e in fused(workspace, WEST, drives) if e.element_class in LINE_CLASSES]
    for drive in drives:
        elements, _ = read_elements(workspace.drive_elements(drive), FRAME)
        write_drive(workspace, drive, [_bent(element) for element in elements])
    after = [e for e in fused(workspace, WEST, drives) if e.element_class in LINE_CLASSES]
    assert len(before) == len(after)
    points = np.concatenate([resample(e.xyz_map[:, :2], 0.5)[2:-2] for e in after])
    aside = shapely.distance(shapely.points(points), shapely.union_all(before))
    assert np.quantile(aside, 0.99) < 0.02
    assert aside.max() < 0.1


def _bent(element: MapElement) -> MapElement:
    if element.element_class not in LINE_CLASSES:
        return element
    bend = lambda xyz: xyz + np.outer(np.maximum(xyz[:, 0] - 130, 0), (0, 0.01, 0))  # noqa: E731
    return element.with_geometry(shapely.transform(element.geometry, bend, include_z=True), element.sigma_m)


def test_the_origin_of_the_frame_does_not_matter(workspace: Workspace) -> None:
    drives = write_drives(workspace, 3)
    near = fused(workspace, WEST, drives)
    far_frame = MapFrame(32617, (580000.0, 4470000.0))
    far = fused(workspace, WEST, drives, far_frame)
    assert len(near) == len(far)
    for a, b in zip(near, far):
        assert a.element_class is b.element_class
        if a.element_class in LINE_CLASSES:
            assert np.abs(FRAME.to_projected(a.xyz_map) - far_frame.to_projected(b.xyz_map)).max() < 2e-4


def test_an_outlier_drive_does_not_pull_the_line(workspace: Workspace) -> None:
    drives = write_drives(workspace, 4, bias_m=0.02, wobble_m=0.01)
    good = np.median(errors_m(fused(workspace, WEST, drives)))
    shifted = [
        element.with_geometry(shapely.affinity.translate(element.geometry, 0.0, 0.6), element.sigma_m)
        for element in as_seen(town(), "wrong", 77, 0.0, 0.01)
    ]
    write_drive(workspace, "wrong", shifted)
    elements = fused(workspace, WEST, [*drives, "wrong"])
    assert np.median(errors_m(elements)) < good + 0.03
    boundaries = sum(e.geometry.length for e in lines_of(elements, ElementClass.ROAD_BOUNDARY))
    expected = sum(e.geometry.length for e in lines_of(fused(workspace, WEST, drives), ElementClass.ROAD_BOUNDARY))
    assert boundaries == pytest.approx(expected, rel=0.02)


def test_what_one_drive_of_five_saw_where_all_looked_is_left_out(workspace: Workspace) -> None:
    drives = write_drives(workspace, 5)
    ghost = MapElement(
        "ghost",
        ElementClass.ROAD_BOUNDARY,
        shapely.LineString([(10, 80, 200), (90, 80, 200)]),
        {"boundary_type": "curb"},
        confidence=0.8,
        sigma_m=(0.05, 0.05),
        sources=("drive0",),
    )
    write_drive(workspace, "drive0", [*read_elements(workspace.drive_elements("drive0"), FRAME)[0], ghost])

    def near_ghost(which: list[str]) -> float:
        found = lines_of(fused(workspace, WEST, which), ElementClass.ROAD_BOUNDARY)
        area = shapely.box(10, 79, 45, 81)
        return sum(line.geometry.intersection(area).length for line in found)

    assert near_ghost(drives) == 0.0
    assert near_ghost(["drive0"]) == pytest.approx(35.0, abs=0.1)


def test_a_crossing_is_fused_once_and_cut_at_the_border(workspace: Workspace) -> None:
    drives = write_drives(workspace, 5)
    west = lines_of(fused(workspace, WEST, drives), ElementClass.PED_CROSSING)
    east = lines_of(fused(workspace, EAST, drives), ElementClass.PED_CROSSING)
    assert len(west) == len(east) == 1
    whole = shapely.union_all([west[0].geometry, east[0].geometry])
    assert whole.symmetric_difference(CROSSING).area < 0.06 * CROSSING.area
    border = shapely.LineString([(100, 0), (100, 100)])
    a, b = (piece.geometry.intersection(border) for piece in (west[0], east[0]))
    assert a.symmetric_difference(b).length < 1e-3


def test_coverage_is_the_ground_any_drive_saw(workspace: Workspace) -> None:
    half = MapElement("half", ElementClass.COVERAGE, shapely.force_3d(shapely.box(0, 0, 60, 100), 1.0))
    other = MapElement("other", ElementClass.COVERAGE, shapely.force_3d(shapely.box(50, 0, 80, 100), 1.0))
    write_drive(workspace, "a", [half])
    write_drive(workspace, "b", [other])
    (area,) = lines_of(fused(workspace, WEST, ["a", "b"]), ElementClass.COVERAGE)
    assert area.geometry.area == pytest.approx(8000)
    assert area.n_drives == 2


def test_drivable_ground_is_by_majority(workspace: Workspace) -> None:
    looked = MapElement("c", ElementClass.COVERAGE, shapely.force_3d(shapely.box(0, 0, 100, 100), 1.0))
    for drive, top in (("a", 50), ("b", 50), ("c", 70)):
        ground = MapElement("g", ElementClass.DRIVABLE_AREA, shapely.force_3d(shapely.box(10, 40, 90, top), 1.0))
        write_drive(workspace, drive, [looked, ground])
    (area,) = lines_of(fused(workspace, WEST, ["a", "b", "c"]), ElementClass.DRIVABLE_AREA)
    assert area.geometry.symmetric_difference(shapely.box(10, 40, 90, 50)).area < 20


def test_no_drives_give_an_empty_map(workspace: Workspace) -> None:
    assert fused(workspace, WEST, []) == []


def test_a_halo_too_small_for_equal_seams_is_refused() -> None:
    with pytest.raises(ConfigurationError, match="halo_m"):
        FusionConfig(halo_m=5.0)
