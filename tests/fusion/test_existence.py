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
    assert looked.tolist() == [[True, True], [False, False], [True, False], [False, False]]
