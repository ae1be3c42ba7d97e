"""What stayed, moved, went and came."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mapforge.metrics.change import LengthChange, change

LINE = np.array([[0.0, 0.0], [40.0, 0.0]])


def test_nothing_changed() -> None:
    assert change([LINE], [LINE]).lengths(0.2) == LengthChange(40.0, 40.0, 0.0, 0.0, 0.0)


def test_one_line_stays_one_moves_one_goes_one_comes() -> None:
    old = [LINE, LINE + (0.0, 10.0), LINE + (0.0, 20.0)]
    new = [LINE, LINE + (0.0, 10.4), LINE + (0.0, 35.0)]
    lengths = change(old, new).lengths(0.2)
    assert lengths == LengthChange(120.0, 40.0, 40.0, 40.0, 40.0)
    assert lengths.removed_share == lengths.moved_share == pytest.approx(1 / 3)
    assert change(old, new).lengths(0.5).moved_m == 0.0


def test_half_a_line_gone_is_half_its_length() -> None:
    lengths = change([LINE], [LINE * 0.5]).lengths(0.2)
    assert lengths.removed_m == pytest.approx(20.0, abs=1.01)


def test_a_map_that_was_empty_has_no_share_to_lose() -> None:
    lengths = change([], [LINE]).lengths(0.2)
    assert lengths == LengthChange(added_m=40.0)
    assert np.isnan(lengths.removed_share)


@given(st.lists(st.tuples(st.floats(-50, 50), st.floats(-50, 50)), min_size=1, max_size=5), st.floats(0.05, 0.9))
def test_the_parts_are_the_whole_and_the_way_back_swaps_them(
    offsets: list[tuple[float, float]], moved_m: float
) -> None:
    old, new = [LINE + offset for offset in offsets], [LINE]
    there, back = change(old, new).lengths(moved_m), change(new, old).lengths(moved_m)
    assert there.kept_m + there.moved_m + there.removed_m == pytest.approx(there.old_m)
    assert there.removed_m == pytest.approx(back.added_m)
    assert there.added_m == pytest.approx(back.removed_m)
    assert there + back == LengthChange(*(getattr(there, n) + getattr(back, n) for n in there.__dict__))
