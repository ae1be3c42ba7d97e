from dataclasses import replace

import numpy as np
import shapely

from mapforge.geometry import polylines
from mapforge.geometry.crs import MapFrame
from mapforge.simulation.charted import ChartedLine, ChartedMap
from mapforge.simulation.lanes import Lane
from mapforge.simulation.map_crop import LARGE_M, REACH_M, around_a_place, cropped


def long_road(length_m: float) -> ChartedMap:
    """A straight road of lanes of 50 m."""
    count = int(length_m / 50)
    lanes = [
        Lane(
            polylines.resample(np.array([[50.0 * n, 0.0], [50.0 * n + 50.0, 0.0]]), 1.0),
            3.5,
            11.0,
            successors=(n + 1,) if n + 1 < count else (),
        )
        for n in range(count)
    ]
    asphalt = shapely.box(0.0, -4.0, length_m, 4.0)
    return ChartedMap(
        name="road",
        frame=MapFrame(32632, (0.0, 0.0)),
        placement="nowhere",
        asphalt=asphalt,
        extent=asphalt,
        lanes=lanes,
        lines=[ChartedLine(lane.centreline + (0.0, 1.75), "dashed", "white") for lane in lanes],
        crossings=[(np.array([[x, -4.0], [x, 4.0]]), np.array([[x + 3, -4.0], [x + 3, 4.0]])) for x in (500.0, 900.0)],
        heights=np.column_stack([np.arange(0.0, length_m), np.zeros(int(length_m)), np.full(int(length_m), 7.0)]),
        stop_lines=[np.array([[x, -4.0], [x, 0.0]]) for x in (495.0, 895.0)],
    )


def test_a_small_map_stays_as_it_is() -> None:
    charted = long_road(LARGE_M)
    kept = around_a_place(charted, np.random.default_rng(0))
    assert kept.lanes is charted.lanes and kept.asphalt.equals(charted.asphalt) and kept.extent is charted.extent


def test_a_large_map_is_cut_to_what_is_near() -> None:
    kept = cropped(long_road(2000.0), np.array([520.0, 0.0]), 100.0)
    x0, _, x1, _ = kept.asphalt.bounds
    assert (round(x0), round(x1)) == (420, 620)
    assert [round(polylines.length(lane.centreline)) for lane in kept.lanes] == [30, 50, 50, 50, 20]
    assert [lane.successors for lane in kept.lanes] == [(1,), (2,), (3,), (4,), ()]
    assert len(kept.crossings) == len(kept.stop_lines) == 1 and len(kept.lines) == 5
    assert kept.heights[:, 0].min() > 350 and kept.heights[:, 0].max() < 690
    # where the road is cut, no curb is due
    assert kept.extent.boundary.distance(shapely.Point(x1, 0.0)) < 0.01


def test_seeds_give_places_of_their_own() -> None:
    charted = long_road(4000.0)
    spans = [around_a_place(charted, np.random.default_rng(seed)).asphalt.bounds for seed in range(8)]
    assert all(x1 - x0 <= 2 * REACH_M + 0.01 for x0, _, x1, _ in spans)
    assert len({round(x0) for x0, *_ in spans}) > 5


def test_of_roads_apart_one_is_kept_whole() -> None:
    charted = long_road(600.0)
    other = shapely.box(0.0, 500.0, 600.0, 508.0)
    kept = around_a_place(
        replace(charted, asphalt=shapely.MultiPolygon([charted.asphalt, other])), np.random.default_rng(1)
    )
    assert kept.asphalt.equals(charted.asphalt) and len(kept.lanes) == len(charted.lanes)
    assert kept.lanes[0].successors == (1,)


def test_what_reaches_over_the_curb_is_kept() -> None:
    charted = long_road(2000.0)
    wide = [np.array([[x, -6.0], [x, 6.0]]) for x in (500.0, 503.0)]
    kept = cropped(
        replace(charted, crossings=[(wide[0], wide[1])], stop_lines=[wide[0]]), np.array([520.0, 0.0]), 100.0
    )
    assert len(kept.crossings) == len(kept.stop_lines) == 1


def test_a_lane_that_leaves_and_comes_back_is_not_followed_by_what_it_no_longer_reaches() -> None:
    """Of a lane out and back only one part stays, and no other leads to where it used to begin."""
    out = np.array([[0.0, 0.0], [90.0, 0.0], [140.0, 0.0], [140.0, 40.0], [-60.0, 40.0]])
    first = Lane(np.array([[-60.0, 0.0], [0.0, 0.0]]), 3.5, 11.0, successors=(1,))
    lanes = [first, Lane(polylines.resample(out, 1.0), 3.5, 11.0)]
    asphalt = shapely.union_all([shapely.LineString(lane.centreline).buffer(5.0) for lane in lanes])
    kept = cropped(replace(long_road(100.0), lanes=lanes, asphalt=asphalt, extent=asphalt), np.zeros(2), 100.0)
    for lane in kept.lanes:
        for successor in lane.successors:
            assert np.linalg.norm(kept.lanes[successor].centreline[0] - lane.centreline[-1]) < 0.1
