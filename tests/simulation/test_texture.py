import numpy as np
import pytest
import shapely
from hypothesis import given, settings
from hypothesis import strategies as st

from mapforge.simulation.texture import BLOCK_CELLS, TileNoise, rasterize_polygons

CELL_M = 0.05


def _coded(shapes: list[tuple[shapely.Polygon, int]], xy: np.ndarray) -> np.ndarray:
    """The obvious reference: the last polygon that contains the point."""
    codes = np.zeros(len(xy), dtype=np.uint8)
    for polygon, code in shapes:
        codes[shapely.contains_xy(polygon, xy)] = code
    return codes


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 2**31))
def test_cells_have_the_code_of_the_last_polygon_over_their_centre(seed: int) -> None:
    rng = np.random.default_rng(seed)
    offset = rng.uniform(-5000, 5000, 2)
    shapes = []
    for code in range(1, 5):
        middle, angle = rng.uniform(-15, 15, 2), rng.uniform(0, np.pi)
        hull = shapely.affinity.rotate(shapely.box(*(middle - (8, 0.4)), *(middle + (8, 0.4))), angle, use_radians=True)
        hole = shapely.Point(middle).buffer(0.3)
        shapes.append((shapely.affinity.translate(hull.difference(hole), *offset), code))
    texture = rasterize_polygons(shapes, CELL_M)
    cells = np.floor((offset + rng.uniform(-25, 25, (4000, 2))) / CELL_M)
    centres = (cells + 0.5) * CELL_M
    assert np.array_equal(texture.at(*centres.T), _coded(shapes, centres))


def test_nothing_drawn_reads_as_zero_everywhere() -> None:
    texture = rasterize_polygons([], CELL_M)
    assert not texture.at(np.array([-1e5, 0.0, 1e5]), np.zeros(3)).any()


def test_only_touched_blocks_are_stored() -> None:
    edge = CELL_M * BLOCK_CELLS
    diagonal = shapely.LineString([(0.5, 0.5), (10 * edge, 10 * edge)]).buffer(0.1)
    texture = rasterize_polygons([(diagonal, 1)], CELL_M)
    assert 10 <= len(texture.blocks) <= 31


def test_noise_is_uniform_periodic_and_repeatable() -> None:
    noise = TileNoise.smooth(5, 0.1, (0.2, 1.0), size=128)
    counts = np.histogram(noise.values, bins=10, range=(0, 1))[0]
    assert counts.min() > 0.99 * noise.values.size / 10
    x, y = np.random.default_rng(0).uniform(-50, 50, (2, 500))
    assert np.array_equal(noise.at(x, y), TileNoise.smooth(5, 0.1, (0.2, 1.0), size=128).at(x, y))
    inner = np.floor(x * 10) / 10 + 0.05
    assert np.array_equal(noise.at(inner, y), noise.at(inner + 128 * 0.1, y))
    smooth = np.abs(np.diff(noise.values, axis=1)).mean()
    assert smooth < 0.15
    assert noise.values.min() == 0.0 and noise.values.max() == pytest.approx(1.0)
