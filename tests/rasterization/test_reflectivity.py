"""Road becomes 1, paint stands out, whatever the sensor does with range and ring."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from mapforge.rasterization.reflectivity import RoadIntensity, RoadSample, learn_road_intensity


def _returns(count: int, seed: int, paint: float) -> tuple[RoadSample, np.ndarray]:
    """Road of 0.2 that fades with range, ring gains of +-40 %, a share of paint three times as bright."""
    rng = np.random.default_rng(seed)
    range_m = rng.uniform(3, 40, count).astype(np.float32)
    ring = rng.integers(0, 16, count).astype(np.int16)
    painted = rng.random(count) < paint
    gain = 1.0 + 0.4 * np.sin(ring)
    intensity = 0.2 * np.exp(-range_m / 30) * gain * np.where(painted, 3.0, 1.0) * rng.lognormal(0, 0.15, count)
    return RoadSample(range_m, intensity.astype(np.float32), ring), painted


def _applied(road: RoadIntensity, sample: RoadSample) -> np.ndarray:
    columns = (torch.from_numpy(c) for c in (sample.range_m, sample.ring, sample.intensity))
    return road.reflectivity(*columns, 8.0).numpy()


def test_road_is_one_and_paint_three_at_every_range_and_ring() -> None:
    sample, _ = _returns(60_000, 1, paint=0.05)
    road = learn_road_intensity(sample, 40.0, 2.0)
    fresh, painted = _returns(60_000, 2, paint=0.1)
    value = _applied(road, fresh)
    for group in (fresh.ring, (fresh.range_m / 5).astype(int)):
        for k in np.unique(group):
            assert np.median(value[(group == k) & ~painted]) == pytest.approx(1.0, abs=0.12)
    assert np.median(value[painted]) == pytest.approx(3.0, abs=0.3)


def test_few_returns_still_give_about_one() -> None:
    sample, _ = _returns(60, 3, paint=0.0)
    assert np.median(_applied(learn_road_intensity(sample, 40.0, 2.0), sample)) == pytest.approx(1.0, abs=0.4)


def test_no_road_at_all_leaves_intensity_alone() -> None:
    nothing = RoadSample(np.zeros(0, np.float32), np.zeros(0, np.float32), np.zeros(0, np.int16))
    sample, _ = _returns(10, 4, paint=0.0)
    assert np.allclose(_applied(learn_road_intensity(nothing, 40.0, 2.0), sample), sample.intensity)


def test_unknown_rings_and_retroreflectors() -> None:
    sample, _ = _returns(5000, 5, paint=0.0)
    ringless = RoadSample(sample.range_m, sample.intensity, np.full(5000, -1, np.int16))
    road = learn_road_intensity(ringless, 40.0, 2.0)
    assert np.median(_applied(road, ringless)) == pytest.approx(1.0, abs=0.1)
    bright = RoadSample(sample.range_m[:1], np.ones(1, np.float32) * 100, np.full(1, -1, np.int16))
    assert _applied(road, bright)[0] == 8.0
