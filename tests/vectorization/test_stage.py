"""The whole way from rendered observations to drive elements."""

from __future__ import annotations

import time

import numpy as np
import pytest
import shapely
from rendered_scenes import FRAME, TILE, Scene, ground_height, write_scene

from mapforge.geometry.polylines import resample
from mapforge.geometry.tiles import TileId
from mapforge.io.elements import read_elements
from mapforge.io.parquet import read_metadata
from mapforge.io.rasters import read_raster, write_raster
from mapforge.io.workspace import Workspace
from mapforge.schemas.elements import ElementClass, MapElement
from mapforge.schemas.rasters import BevRaster
from mapforge.vectorization.config import VectorizationConfig
from mapforge.vectorization.stage import VectorizationInputs, run

EAST = TileId(32617, 5861, 44750)


def vectorized(
    workspace: Workspace, scene: Scene, tiles: list[TileId], noise: float = 0.0
) -> dict[str, list[MapElement]]:
    write_scene(workspace, scene, tiles, noise=noise)
    run(VectorizationInputs(workspace, "drive", FRAME, tiles, "print"), VectorizationConfig())
    elements, _ = read_elements(workspace.drive_elements("drive"), FRAME)
    return {str(name): [e for e in elements if e.element_class is name] for name in ElementClass}


def errors_m(elements: list[MapElement], truth: np.ndarray) -> np.ndarray:
    points = np.concatenate([resample(element.xyz_map[:, :2], 0.5) for element in elements])
    return shapely.distance(shapely.points(points), shapely.LineString(truth))


def arc(x: float, y: float, radius_m: float, from_deg: float, to_deg: float) -> np.ndarray:
    angle = np.radians(np.linspace(from_deg, to_deg, 60))
    return np.column_stack([x + radius_m * np.cos(angle), y + radius_m * np.sin(angle)])


def test_a_straight_line_over_two_tiles_is_one_line_on_the_truth(workspace: Workspace) -> None:
    found = vectorized(workspace, Scene().line("lane_divider", [[5, 50.3], [195, 47.9]], "dashed"), [TILE, EAST])
    (line,) = found["lane_divider"]
    assert line.geometry.length == pytest.approx(190.0, abs=0.6)
    assert errors_m([line], np.array([[5, 50.3], [195, 47.9]])).max() < 0.01
    assert line.attributes == {"marking_type": "dashed", "colour": "white"}
    assert len(line.sigma_m) == len(line.xyz_map)
    assert np.abs(line.xyz_map[:, 2] - ground_height(line.xyz_map)).max() < 0.01
    assert len(line.xyz_map) * 1.1 > 200 and len(line.xyz_map) < 260


def test_noise_of_the_network_is_averaged(workspace: Workspace) -> None:
    truth = np.vstack([[[3, 30]], arc(60, 45, 15, -90, 0), [[75, 97]]])
    found = vectorized(workspace, Scene().line("road_boundary", truth), [TILE], noise=1.0)
    (line,) = found["road_boundary"]
    error = errors_m([line], truth)
    assert np.median(error) < 0.02
    assert np.quantile(error, 0.95) < 0.06
    assert np.mean(line.sigma_m) > np.median(error)


@pytest.mark.parametrize("spacing_m", [0.4, 0.5])
def test_close_parallel_lines_stay_two(workspace: Workspace, spacing_m: float) -> None:
    scene = (
        Scene()
        .line("lane_divider", [[5, 50], [95, 50]])
        .line("lane_divider", [[5, 50 + spacing_m], [95, 50 + spacing_m]])
    )
    lines = vectorized(workspace, scene, [TILE], noise=0.7)["lane_divider"]
    assert len(lines) == 2
    middle = sorted(float(line.xyz_map[:, 1].mean()) for line in lines)
    assert middle == pytest.approx([50, 50 + spacing_m], abs=0.04)


def test_short_gaps_are_bridged_and_long_ones_kept(workspace: Workspace) -> None:
    scene = Scene().line("lane_divider", [[5, 50], [95, 50]]).line("road_boundary", [[5, 20], [95, 20]])
    scene.gaps = [shapely.box(40, 45, 41.6, 55), shapely.box(40, 15, 46, 25)]
    found = vectorized(workspace, scene, [TILE])
    assert len(found["lane_divider"]) == 1
    assert len(found["road_boundary"]) == 2


def test_a_sharp_curb_corner_stays_one_line_and_sharp(workspace: Workspace) -> None:
    truth = np.array([[20.0, 20], [60, 20], [60, 70]])
    (line,) = vectorized(workspace, Scene().line("road_boundary", truth), [TILE])["road_boundary"]
    assert line.geometry.length == pytest.approx(90, abs=1.0)
    assert line.geometry.distance(shapely.Point(60, 20)) < 0.15


def test_crossing_lines_go_straight_on(workspace: Workspace) -> None:
    scene = Scene().line("lane_divider", [[20, 20], [60, 35]]).line("lane_divider", [[20, 35], [60, 20]])
    lines = vectorized(workspace, scene, [TILE])["lane_divider"]
    assert sorted(round(line.geometry.length) for line in lines) == [42, 43] or len(lines) == 2
    assert all(abs(line.xyz_map[0, 1] - line.xyz_map[-1, 1]) > 14 for line in lines)


def test_a_closed_curb_is_closed(workspace: Workspace) -> None:
    (ring,) = vectorized(workspace, Scene().line("road_boundary", arc(50, 50, 8, 0, 360)), [TILE])["road_boundary"]
    assert ring.geometry.is_closed
    assert np.abs(np.linalg.norm(ring.xyz_map[:, :2] - [50, 50], axis=1) - 8).max() < 0.03


def test_the_marking_type_changes_where_it_changes(workspace: Workspace) -> None:
    scene = (
        Scene().line("lane_divider", [[5, 50], [52, 50]], "solid").line("lane_divider", [[52, 50], [95, 50]], "dashed")
    )
    lines = sorted(vectorized(workspace, scene, [TILE])["lane_divider"], key=lambda e: e.geometry.bounds)
    assert [line.attributes["marking_type"] for line in lines] == ["solid", "dashed"]
    assert lines[0].geometry.bounds[2] == pytest.approx(52, abs=0.5)
    assert lines[0].geometry.distance(lines[1].geometry) == 0.0


def test_a_line_pauses_at_a_crossing(workspace: Workspace) -> None:
    """Probabilities of both classes overlap where the outer bar of a crossing looks like the line going on."""
    scene = Scene(crossings=[shapely.box(50, 40, 54, 60)]).line("lane_divider", [[10, 50], [95, 50]], "dashed")
    lines = vectorized(workspace, scene, [TILE])["lane_divider"]
    assert len(lines) == 2
    assert all(line.geometry.intersection(shapely.box(50.5, 40, 53.5, 60)).is_empty for line in lines)


def test_a_crossing_over_the_border_is_one_rectangle(workspace: Workspace) -> None:
    truth = shapely.Polygon([(95, 40), (105, 42), (103, 52), (93, 50)])
    scene = Scene(crossings=[truth])
    (crossing,) = vectorized(workspace, scene, [TILE, EAST], noise=0.5)["ped_crossing"]
    assert len(crossing.xyz_map) == 5
    assert crossing.geometry.symmetric_difference(truth).area < 0.05 * truth.area
    assert 0.7 < crossing.confidence <= 1.0


def test_ground_pieces_of_neighbouring_tiles_fit_without_gap(workspace: Workspace) -> None:
    truth = shapely.box(3, 40, 197, 60)
    found = vectorized(workspace, Scene(drivable=truth), [TILE, EAST], noise=0.5)
    for name in ("drivable_area", "coverage"):
        pieces = [element.geometry for element in found[name]]
        assert len(pieces) == 2
        border = shapely.LineString([(100, 0), (100, 100)])
        assert pieces[0].intersection(border).symmetric_difference(pieces[1].intersection(border)).length < 1e-6
    united = shapely.union_all([element.geometry for element in found["drivable_area"]])
    assert united.symmetric_difference(truth).area < 0.01 * truth.area
    assert sum(element.geometry.area for element in found["coverage"]) == pytest.approx(20000)


def test_times_sources_and_footer(workspace: Workspace) -> None:
    found = vectorized(workspace, Scene().line("stop_line", [[50, 40], [50, 48]]), [TILE])
    (line,) = found["stop_line"]
    assert line.sources == ("drive",)
    assert line.first_seen_ns == line.last_seen_ns == 6_000_000_000
    assert read_metadata(workspace.drive_elements("drive"))["fingerprint"] == "print"


def test_nothing_observed_gives_an_empty_file(workspace: Workspace) -> None:
    found = vectorized(workspace, Scene(), [TILE])
    assert not any(found[name] for name in ("lane_divider", "road_boundary", "stop_line", "ped_crossing"))


def test_same_observations_same_bytes_in_time(workspace: Workspace) -> None:
    scene = Scene().line("road_boundary", [[2, 30], [198, 33]]).line("road_boundary", [[2, 60], [198, 63]])
    for y in (40.0, 45, 50, 55):
        scene.line("lane_divider", [[2, y], [198, y]], "dashed")
    vectorized(workspace, scene, [TILE, EAST], noise=1.0)
    before = workspace.drive_elements("drive").read_bytes()
    started = time.process_time()
    run(VectorizationInputs(workspace, "drive", FRAME, [EAST, TILE], "print"), VectorizationConfig())
    assert time.process_time() - started < 2 * 3.0  # asked: 1 s a tile; a slow machine gets three
    assert workspace.drive_elements("drive").read_bytes() == before


def test_only_the_likely_stretch_of_a_line_is_kept(workspace: Workspace) -> None:
    write_scene(workspace, Scene().line("lane_divider", [[5, 50], [95, 50]]), [TILE])
    path = workspace.observation(TILE, "drive")
    raster = read_raster(path)
    faint = raster.channels["p_lane_divider"].copy()
    config = VectorizationConfig()
    undecided = 0.5 * (config.p_low + config.p_high) - 0.05
    faint[:, 250:] = (faint[:, 250:] * undecided).astype(np.uint8)  # p is 0.98 elsewhere
    write_raster(BevRaster(raster.grid, {**raster.channels, "p_lane_divider": faint}, {}), path, workspace.tmp)
    run(VectorizationInputs(workspace, "drive", FRAME, [TILE], "print"), VectorizationConfig())
    elements, _ = read_elements(workspace.drive_elements("drive"), FRAME)
    (line,) = [e for e in elements if e.element_class is ElementClass.LANE_DIVIDER]
    assert line.geometry.bounds[0] == pytest.approx(5, abs=0.5)
    assert line.geometry.bounds[2] == pytest.approx(50, abs=2.6)
