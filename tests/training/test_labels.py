import numpy as np
import shapely
from hypothesis import given, settings
from hypothesis import strategies as st

from mapforge.geometry.grid import BevGrid
from mapforge.geometry.polylines import project
from mapforge.schemas.elements import COLOURS, MARKING_TYPES, ElementClass, MapElement
from mapforge.schemas.rasters import OFFSET_STEP_M
from mapforge.training.labels import (
    BAND_HALF_M,
    CURB_BIT,
    IGNORED_BIT,
    OFFSET_REACH_M,
    nearest_lines,
    render_labels,
)

GRID = BevGrid(10.0, -5.0, 0.2, 60, 80)


def element(element_class, geometry, **attributes):
    return MapElement("e", element_class, geometry, attributes)


def centres():
    rows, columns = np.indices(GRID.shape)
    return GRID.centres_of(rows.ravel(), columns.ravel())


@settings(max_examples=10, deadline=None)
@given(st.integers(0, 2**31), st.integers(2, 5))
def test_nearest_lines_agree_with_the_plain_projection(seed, vertices):
    """Gentle polylines, against the exact distance of every cell to every segment."""
    rng = np.random.default_rng(seed)
    heading = rng.uniform(0, 2 * np.pi) + np.cumsum(rng.normal(0, 0.08, vertices))
    steps = np.stack([np.cos(heading), np.sin(heading)], axis=1) * 4.0
    line = np.array([18.0, 1.0]) + np.cumsum(steps, axis=0)
    nearest = nearest_lines([line], GRID, OFFSET_REACH_M)
    _, signed = project(centres(), line)
    expected = np.abs(signed).reshape(GRID.shape)
    inside = expected < OFFSET_REACH_M - 0.05
    assert np.abs(nearest.distance_m[inside] - expected[inside]).max(initial=0.0) < 0.03
    foot = centres().reshape(*GRID.shape, 2) + np.moveaxis(nearest.offset_m, 0, -1)
    _, residual = project(foot[inside].reshape(-1, 2), line)
    assert np.abs(residual).max(initial=0.0) < 0.03


def test_labels_of_a_small_scene():
    divider = shapely.LineString([(10, 0.1, 0), (26, 0.1, 0)])
    curb = shapely.LineString([(12.3, -5, 0), (12.3, 7, 0)])
    crossing = shapely.box(20, -3, 22, 3)
    ignored = np.zeros(GRID.shape, dtype=bool)
    ignored[:, 70:] = True
    elements = [
        element(ElementClass.LANE_DIVIDER, divider, marking_type="dashed", colour="yellow"),
        element(ElementClass.ROAD_BOUNDARY, curb, boundary_type="curb"),
        element(ElementClass.PED_CROSSING, crossing),
        element(ElementClass.LANE, shapely.LineString([(10, 3, 0), (26, 3, 0)])),
    ]
    labels = render_labels(elements, GRID, ignored)
    row = 25  # centred on y = 0.1: on the divider
    assert (labels.flags[row] & 1).all()
    assert labels.flags[row - 2, 40] & 1 == 0  # 0.4 m away
    assert labels.offset[1, row + 1, 40] == round(-0.2 / OFFSET_STEP_M)
    assert labels.offset[1, row + 4, 40] == -128  # 0.8 m away
    assert set(labels.marking_type[row]) == {MARKING_TYPES.index("dashed")}
    assert set(labels.colour[row]) == {COLOURS.index("yellow")}
    assert abs(int(labels.angle[0, row, 40])) in (0, 255)
    assert abs(int(labels.angle[1, 5, 11]) - 128) <= 1
    assert (labels.flags[5, 11] >> 1) & 1
    assert (labels.flags[5, 11] >> CURB_BIT) & 1
    assert labels.offset[2, 5, 10] == round((12.3 - 12.1) / OFFSET_STEP_M)
    assert ((labels.flags >> 3) & 1).sum() == 10 * 30
    assert ((labels.flags >> IGNORED_BIT) & 1 == ignored).all()


def test_an_empty_map_gives_empty_labels():
    labels = render_labels([], GRID, np.zeros(GRID.shape, dtype=bool))
    assert not labels.flags.any()
    assert (labels.offset == -128).all()


def test_the_band_is_as_wide_as_it_says():
    line = shapely.LineString([(10, 0.0, 0), (26, 0.0, 0)])
    labels = render_labels([element(ElementClass.STOP_LINE, line)], GRID, np.zeros(GRID.shape, dtype=bool))
    covered = ((labels.flags[:, 40] >> 2) & 1).sum() * GRID.resolution_m
    assert abs(covered - 2 * BAND_HALF_M) <= GRID.resolution_m + 1e-9
