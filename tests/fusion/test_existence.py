from __future__ import annotations

import numpy as np
import pytest
import shapely

from mapforge.fusion.existence import Visibility, confidence


def test_hits_raise_and_misses_lower() -> None:
    hits = np.array([[0.8, 0.0, 0.0], [0.8, 0.8, 0.0], [0.8, 0.8, 0.8]])
    looked = np.ones((3, 3), dtype=bool)
    sure = confidence(hits, looked, 0.0, 0.9, 1.0)
    assert (np.diff(sure) > 0).all()
    # by hand: log odds of 0.8 is ln 4
    assert sure[0] == pytest.approx(1 / (1 + np.exp(-(0.9 * np.log(4) - 2.0))))
    unseen = confidence(hits[:1], np.array([[True, False, False]]), 0.0, 0.9, 1.0)
    assert unseen[0] == pytest.approx(1 / (1 + np.exp(-0.9 * np.log(4))))


def test_visibility_knows_where_each_drive_looked() -> None:
    hole = shapely.box(0, 0, 20, 20).difference(shapely.box(5, 5, 10, 10))
    seen = Visibility.of([[hole], [shapely.box(0, 0, 3, 3)]], (0.0, 0.0, 20.0, 20.0))
    looked = seen.at(np.array([[1.5, 1.5], [7.5, 7.5], [15.5, 2.5], [99.0, 0.0]]))
    assert looked.tolist() == [[1.0, 1.0], [0.0, 0.0], [1.0, 0.0], [0.0, 0.0]]


def test_far_from_its_path_a_drive_sees_less_and_under_a_bridge_nothing_of_it() -> None:
    path = np.array([[x, 10.0, 0.0] for x in np.arange(0.0, 40.0)])
    seen = Visibility.of([[shapely.box(0, 0, 40, 40)]], (0.0, 0.0, 40.0, 40.0), [path], 5.0, 25.0, 0.2)
    looked = seen.at(np.array([[20.0, 12.0, 0.0], [20.0, 25.0, 0.0], [20.0, 39.0, 0.0], [20.0, 10.0, 6.0]]))[:, 0]
    # by hand: half way between 5 m and 25 m half of the loss from 1 to 0.2; a bridge 6 m up counts as 24 m away
    assert looked == pytest.approx([1.0, 0.6, 0.2, 1.0 - 0.8 * 19 / 20])
