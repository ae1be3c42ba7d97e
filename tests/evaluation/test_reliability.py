import numpy as np
import pytest

from mapforge.evaluation.reliability import BINS, added, bins_of, calibration_error, reliability


def test_true_probabilities_have_no_error():
    rng = np.random.default_rng(0)
    said = rng.uniform(0.05, 1.0, 200_000)
    assert calibration_error(bins_of(said, rng.random(len(said)) < said)) < 0.01


def test_what_is_said_too_surely_shows():
    rng = np.random.default_rng(0)
    said = np.full(10_000, 0.9)
    bins = bins_of(said, rng.random(len(said)) < 0.6)
    assert calibration_error(bins) == pytest.approx(0.3, abs=0.02)
    x, y = reliability(bins)
    assert x == pytest.approx([0.9], abs=1e-3) and y == pytest.approx([0.6], abs=0.02)


def test_bins_add_up():
    one, other = bins_of(np.array([0.11, 1.0]), np.array([True, True])), bins_of(np.array([0.12]), np.array([False]))
    together = np.array(added([one, other]))
    assert together.shape == (BINS, 3) and together[:, 0].sum() == 3
    assert together[2].tolist() == pytest.approx([2.0, 0.23, 1.0])
    assert np.isnan(calibration_error(added([])))
