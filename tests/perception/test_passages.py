"""Vehicles driving over a grid: which way they go is told, what stands is left out."""

from __future__ import annotations

import numpy as np
import pytest

from mapforge.perception.passages import Occupancy, flow_of
from mapforge.perception.traffic_config import TrafficConfig

CONFIG = TrafficConfig()
EDGE = 100
MIDDLE_M = 0.5 * EDGE * CONFIG.cell_m


def boxes_over_time(*boxes: tuple[tuple[float, float], float, float], sweeps: int = 100) -> Occupancy:
    """Boxes of 4.5 m x 1.9 m: where each is in the middle of the time, its heading (rad) and speed (m/s); 10 Hz."""
    times = 0.1 * np.arange(sweeps)
    centre = (np.arange(EDGE) + 0.5) * CONFIG.cell_m
    x, y = np.meshgrid(centre, centre)
    occupied = np.zeros((sweeps, EDGE, EDGE), dtype=bool)
    for (x0, y0), heading, speed in boxes:
        way = speed * (times - times[-1] / 2)
        dx = x - x0 - way[:, None, None] * np.cos(heading)
        dy = y - y0 - way[:, None, None] * np.sin(heading)
        along, across = dx * np.cos(heading) + dy * np.sin(heading), dy * np.cos(heading) - dx * np.sin(heading)
        occupied |= (np.abs(along) < 2.25) & (np.abs(across) < 0.95)
    return Occupancy(times, occupied, ~occupied)


@pytest.mark.parametrize("speed", [3.0, 9.0, 20.0])
@pytest.mark.parametrize("heading", [0.0, 0.7, 2.5, -1.6])
def test_the_velocity_of_what_drives_by_is_told(heading: float, speed: float) -> None:
    found = flow_of(boxes_over_time(((MIDDLE_M, MIDDLE_M), heading, speed)), CONFIG)
    assert len(found) > 20
    turned = np.abs((found.heading_rad - heading + np.pi) % (2 * np.pi) - np.pi)
    assert np.median(turned) < np.radians(5) and (turned < np.radians(35)).mean() > 0.95
    assert np.median(found.speed_mps) == pytest.approx(speed, rel=0.15)


def test_places_and_times_are_those_of_the_vehicle() -> None:
    found = flow_of(boxes_over_time(((MIDDLE_M, MIDDLE_M), 0.0, 9.0)), CONFIG)
    assert np.abs(found.xy_m[:, 1] - MIDDLE_M).max() < 1.4
    expected_s = 4.95 + (found.xy_m[:, 0] - MIDDLE_M) / 9.0
    np.testing.assert_allclose(found.time_s, expected_s, atol=0.1)


def test_what_stands_does_not_move_even_where_it_is_seen_in_parts() -> None:
    """A passing car sees the front of a parked one first and its rear last: what it shows moves along with the car."""
    seen = boxes_over_time(((MIDDLE_M, MIDDLE_M), 0.0, 0.0))
    rows, columns = np.nonzero(seen.occupied[0])
    shown = seen.times_s[:, None] > 0.05 * (columns - columns.min())[None]
    seen.occupied[:, rows, columns] &= shown
    seen.free[:, rows, columns] = False
    assert len(flow_of(seen, CONFIG)) == 0


def test_opposite_ways_side_by_side_are_kept_apart() -> None:
    seen = boxes_over_time(((MIDDLE_M, MIDDLE_M + 2.0), np.pi, 8.0), ((MIDDLE_M, MIDDLE_M - 2.0), 0.0, 8.0))
    found = flow_of(seen, CONFIG)
    for low, high, heading in ((0.8, 3.2, np.pi), (-3.2, -0.8, 0.0)):
        lateral = found.xy_m[:, 1] - MIDDLE_M
        own = found.heading_rad[(lateral > low) & (lateral < high)]
        assert len(own) > 10 and (np.cos(own - heading) > 0.7).mean() > 0.9


@pytest.mark.parametrize("sweeps", [1, 2])
def test_a_few_sweeps_show_nothing(sweeps: int) -> None:
    assert len(flow_of(boxes_over_time(((MIDDLE_M, MIDDLE_M), 0.0, 9.0), sweeps=sweeps), CONFIG)) == 0
