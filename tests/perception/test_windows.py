import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from mapforge.models.bev_segmenter import STRIDE_CELLS
from mapforge.perception.windows import windows_of


@settings(max_examples=8, deadline=None)
@given(st.integers(0, 2**31), st.integers(0, 1000), st.integers(0, 1000), st.floats(0.0, 0.02))
def test_windows_cover_all_that_was_seen_and_lie_on_the_absolute_stride(seed, row, column, share):
    seen = np.random.default_rng(seed).random((500, 500)) < share
    covered = np.zeros_like(seen)
    for window in windows_of(seen, row, column):
        assert (row + window.row0) % STRIDE_CELLS == 0
        assert (column + window.column0) % STRIDE_CELLS == 0
        assert (window.row1 - window.row0) % STRIDE_CELLS == 0
        assert (window.column1 - window.column0) % STRIDE_CELLS == 0
        assert window.row0 > -STRIDE_CELLS
        assert window.row1 < 500 + STRIDE_CELLS
        covered[max(window.row0, 0) : window.row1, max(window.column0, 0) : window.column1] = True
    assert np.all(covered[seen])


def test_nothing_seen_needs_no_window():
    assert windows_of(np.zeros((500, 500), dtype=bool), 0, 0) == []


def test_two_far_corners_are_computed_apart():
    seen = np.zeros((500, 500), dtype=bool)
    seen[:20, :20] = seen[-20:, -20:] = True
    windows = windows_of(seen, 0, 0)
    assert len(windows) == 2
    assert sum(window.cost for window in windows) < 692 * 692
