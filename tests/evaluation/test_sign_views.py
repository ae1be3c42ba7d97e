"""Which signs the cameras of simulated drives saw."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from mapforge.evaluation.sign_counts import _in_view
from mapforge.evaluation.sign_views import seen_from_m
from mapforge.schemas.elements import POINT_CLASSES
from mapforge.simulation.config import SimulationConfig
from mapforge.simulation.worlds import make_plans, make_world


@pytest.fixture(scope="module")
def config():
    plain = SimulationConfig(drives=1, duration_s=6.0, seed=10)
    camera = replace(plain.sensors.camera, rate_hz=1.0)
    return replace(plain, sensors=replace(plain.sensors, camera=camera))


@pytest.fixture(scope="module")
def world(config):
    return make_world(config)


def test_faces_in_view_are_signs_of_the_truth_and_near_the_drive(config, world):
    (plan,) = make_plans(world, config)
    seen = seen_from_m(config, [plan.drive_id])
    assert seen
    truth = [e for e in world.truth if e.element_class in POINT_CLASSES]
    places = np.array([e.xyz_map[0] for e in truth])
    for centre, range_m in seen:
        assert np.linalg.norm(places[:, :2] - centre[:2], axis=1).min() < 0.3
        nearest = np.linalg.norm(plan.translation_m[:, :2] - centre[:2], axis=1).min()
        assert nearest - 3.0 < range_m < 95.0
    in_view = _in_view(truth, seen, 40.0)
    assert 0 < in_view.sum() < len(truth)
    assert in_view.sum() <= sum(range_m <= 40.0 for _, range_m in seen)
    assert not _in_view(truth, seen, 0.5).any()


def test_drives_that_were_not_used_saw_nothing(config):
    assert seen_from_m(config, []) == []
