"""Sign scores and IDF1 by hand."""

from __future__ import annotations

import numpy as np
import pytest

from mapforge.metrics.signs import identity_f1, match_points, sign_scores

TRUTH = np.array([[0.0, 0.0, 2.0], [10.0, 0.0, 2.0], [20.0, 0.0, 2.0], [30.0, 0.0, 2.0]])


def test_scores_by_hand() -> None:
    found = np.array([[0.3, 0.0, 2.1], [10.0, 0.8, 2.0], [50.0, 0.0, 2.0]])
    scores = sign_scores(TRUTH, ["stop", "yield", "stop", "stop"], found, ["stop", "stop", "stop"])
    assert scores["precision"] == pytest.approx(2 / 3)
    assert scores["recall"] == pytest.approx(0.5)
    assert scores["type_accuracy"] == pytest.approx(0.5)
    assert scores["position_median_m"] == pytest.approx(0.55)
    assert scores["position_share_0.5m"] == pytest.approx(0.5)
    assert scores["height_median_m"] == pytest.approx(0.05)


def test_as_many_pairs_as_possible_each_sign_once() -> None:
    truth, found = np.array([[0.0, 0.0], [1.5, 0.0]]), np.array([[0.9, 0.0], [3.3, 0.0]])
    matches = match_points(truth, found)
    assert sorted(zip(matches.predicted.tolist(), matches.truth.tolist())) == [(0, 0), (1, 1)]


def test_none_found_and_none_there() -> None:
    nothing = sign_scores(TRUTH, ["stop"] * 4, np.zeros((0, 3)), [])
    assert nothing["recall"] == 0.0
    assert np.isnan(nothing["precision"])
    assert np.isnan(sign_scores(np.zeros((0, 3)), [], TRUTH, ["stop"] * 4)["recall"])


def test_idf1_by_hand() -> None:
    assert identity_f1(["a", "a", "b"], [1, 1, 2]) == 1.0
    # sign "a" was given two identities: only one of them can be right
    assert identity_f1(["a", "a", "b"], [1, 3, 2]) == pytest.approx(2 * 2 / 6)
    # a missed and a false detection
    assert identity_f1(["a", "b", None], [1, None, 5]) == pytest.approx(2 * 1 / 4)
    assert np.isnan(identity_f1([], []))
