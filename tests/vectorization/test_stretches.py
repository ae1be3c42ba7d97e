from __future__ import annotations

import numpy as np

from mapforge.vectorization.stretches import labelled_stretches, windowed_mean


def scores(labels: list[int], sure: float = 0.9) -> np.ndarray:
    return np.where(np.arange(3)[None] == np.array(labels)[:, None], sure, (1 - sure) / 2)


def test_a_short_change_is_not_believed() -> None:
    along = np.arange(40) * 0.5
    assert labelled_stretches(scores([0] * 18 + [1] * 4 + [0] * 18), along, 5.0) == [(0, 39, 0)]


def test_a_long_change_splits_at_a_shared_vertex() -> None:
    along = np.arange(60) * 0.5
    (first, last, kind), (again, end, other) = labelled_stretches(scores([2] * 30 + [1] * 30), along, 5.0)
    assert (kind, other, first, end) == (2, 1, 0, 59)
    assert last == again
    assert abs(last - 30) <= 1


def test_a_line_shorter_than_the_limit_takes_the_majority() -> None:
    assert labelled_stretches(scores([1, 1, 2]), np.arange(3) * 0.5, 5.0) == [(0, 2, 1)]


def test_windowed_mean_is_by_length() -> None:
    along = np.array([0.0, 1.0, 2.0, 3.0, 4.0])
    values = np.array([0.0, 0.0, 1.0, 1.0, 1.0])
    assert windowed_mean(values, along, 1.0).tolist() == [0.0, 1 / 3, 2 / 3, 1.0, 1.0]
    assert windowed_mean(values, along, 9.0).tolist() == [0.6] * 5
