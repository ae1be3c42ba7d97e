"""Which is which: splits, merges, parallels, and that pieces add up."""

import numpy as np
import pytest
import shapely
import shapely.ops
from hypothesis import given, settings
from hypothesis import strategies as st

from mapforge.metrics.correspondence import pair_up, shares, sizes


def line(*xy):
    return shapely.LineString(xy)


def paired(new, old, within_m=0.5):
    return pair_up(shares(new, old, within_m), sizes(new), sizes(old))


def test_shared_length_by_hand():
    found = shares([line((0, 0.1), (40, 0.1))], [line((10, 0), (100, 0))], 0.5)
    assert (found.new.tolist(), found.old.tolist()) == ([0], [0])
    assert found.shared[0] == pytest.approx(30.5, abs=0.5)  # 30 m beside it, half a metre before its end
    assert found.weight[0] == pytest.approx(30 * 0.8, abs=0.5)


def test_a_line_across_shares_nothing():
    assert len(shares([line((5, -5), (5, 5))], [line((0, 0), (10, 0))], 0.5).new) == 0


def test_a_line_drawn_the_other_way_is_the_same():
    assert paired([line((0, 0), (10, 0))], [line((10, 0.1), (0, 0.1))]) == {0: 0}


def test_of_close_parallels_each_finds_its_own():
    old = [line((0, 0), (50, 0)), line((0, 0.2), (50.3, 0.2))]
    assert paired([line((0, 0.22), (50, 0.22)), line((0, 0.03), (50.2, 0.03))], old) == {0: 1, 1: 0}


def test_of_a_split_the_largest_part_is_paired():
    assert paired([line((0, 0), (40, 0)), line((40, 0), (100, 0))], [line((0, 0), (100, 0))]) == {1: 0}


def test_of_a_merge_the_largest_part_is_paired():
    assert paired([line((0, 0), (100, 0))], [line((0, 0), (40, 0)), line((40, 0), (100, 0))]) == {0: 1}


def test_less_than_half_in_common_is_another():
    assert paired([line((0, 0), (100, 0))], [line((60, 0), (200, 0))]) == {}


def test_points_are_compared_in_space():
    old = [shapely.Point(0, 0, 2.0), shapely.Point(0, 0, 2.4)]
    assert paired([shapely.Point(0.05, 0, 2.39), shapely.Point(0, 0.05, 2.02)], old) == {0: 1, 1: 0}
    assert paired([shapely.Point(0, 0, 3.0)], old) == {}


def test_polygons_share_area():
    old = [shapely.box(0, 0, 4, 10), shapely.box(5, 0, 9, 10)]
    found = shares([shapely.box(1, 0, 6, 10)], old, 0.5)
    assert dict(zip(found.old.tolist(), found.shared.tolist())) == {0: 30.0, 1: 10.0}
    assert pair_up(found, sizes([shapely.box(1, 0, 6, 10)]), sizes(old)) == {0: 0}


def test_nothing_is_paired_with_nothing():
    assert paired([], [line((0, 0), (1, 0))]) == paired([line((0, 0), (1, 0))], []) == {}


coordinate = st.integers(-20, 20).map(float)
polyline = st.lists(st.tuples(coordinate, coordinate), min_size=2, max_size=5, unique=True).map(shapely.LineString)


@settings(max_examples=40, deadline=None)
@given(st.lists(polyline, min_size=1, max_size=5))
def test_every_line_is_itself(lines):
    found = shares(lines, lines, 0.5)
    own = found.shared[found.new == found.old]
    assert np.allclose(own, sizes(lines))
    pairs = paired(lines, lines)
    assert len(pairs) == len(lines)
    for i, j in pairs.items():
        assert lines[i].equals(lines[j])


@settings(max_examples=30, deadline=None)
@given(polyline, polyline, st.floats(0.05, 0.95))
def test_pieces_add_up(new, old, at):
    """What two pieces share is what the whole shares, but for the samples on the cut."""
    whole = shares([new], [old], 2.0).shared.sum()
    first, second = (shapely.ops.substring(new, *ends, normalized=True) for ends in ((0.0, at), (at, 1.0)))
    assert shares([first, second], [old], 2.0).shared.sum() == pytest.approx(whole, abs=3.0 * len(new.coords))
