"""The shift put in is the shift found, window by window."""

from __future__ import annotations

import numpy as np
import pytest

from mapforge.metrics.lateral import lateral_errors, offsets
from mapforge.metrics.stations import SegmentIndex, stations_along
from mapforge.metrics.window_shift import Shift, window_shifts


def town() -> dict[str, list[np.ndarray]]:
    dividers = [np.array([[-100.0, y, 0.0], [100.0, y, 0.0]]) for y in (-3.5, 0.0, 3.5)]
    boundaries = [np.array([[x, -60.0, 0.0], [x + 5.0, 60.0, 0.0]]) for x in (-30.0, 30.0)]
    return {"lane_divider": dividers, "road_boundary": boundaries}


def test_the_shift_of_a_window_is_found_and_undone() -> None:
    truth = town()
    given = Shift(0.0, 0.0, 0.8, -0.5, 0.004, 0)
    predicted = {n: stations_along([given.apply(line) for line in lines], 0.5) for n, lines in truth.items()}
    index = {n: SegmentIndex(lines) for n, lines in truth.items()}
    shifts, moved = window_shifts(predicted, index, np.array([[0.0, 0.0]]))
    assert len(shifts) == 1
    # the inverse of a small turn and move
    assert (shifts[0].dx_m, shifts[0].dy_m, shifts[0].yaw_rad) == pytest.approx((-0.8, 0.5, -0.004), abs=0.02)
    before = lateral_errors(offsets(predicted["lane_divider"], index["lane_divider"]))["lateral_median_m"]
    after = lateral_errors(offsets(moved["lane_divider"], index["lane_divider"]))["lateral_median_m"]
    assert before > 0.3
    assert after < 0.02


def test_noise_and_false_lines_do_not_pull_it() -> None:
    rng = np.random.default_rng(1)
    truth = town()
    predicted = {n: stations_along(lines, 0.5) for n, lines in truth.items()}
    noisy = {n: s.moved(s.xyz + (0.3, 0.2, 0.0) + rng.normal(0.0, 0.05, s.xyz.shape)) for n, s in predicted.items()}
    false_line = stations_along([np.array([[-100.0, 1.2, 0.0], [100.0, 1.2, 0.0]])], 0.5)
    stacked = noisy["lane_divider"]
    joined = type(stacked)(
        *(np.concatenate([getattr(stacked, f), getattr(false_line, f)]) for f in stacked.__dataclass_fields__)
    )
    shifts, _ = window_shifts(
        {**noisy, "lane_divider": joined}, {n: SegmentIndex(lines) for n, lines in truth.items()}, np.zeros((1, 2))
    )
    assert (shifts[0].dx_m, shifts[0].dy_m) == pytest.approx((-0.3, -0.2), abs=0.06)


def test_a_move_along_parallel_lines_is_not_invented() -> None:
    lines = [np.array([[-100.0, y, 0.0], [100.0, y, 0.0]]) for y in (-3.5, 3.5)]
    predicted = {"lane_divider": stations_along([line + (0.7, 0.2, 0.0) for line in lines], 0.5)}
    shifts, _ = window_shifts(predicted, {"lane_divider": SegmentIndex(lines)}, np.zeros((1, 2)))
    assert shifts[0].dy_m == pytest.approx(-0.2, abs=0.01)
    assert shifts[0].dx_m == pytest.approx(0.0, abs=0.05)


def test_too_little_to_match_gives_no_shift_and_moves_nothing() -> None:
    predicted = {"lane_divider": stations_along([np.array([[0.0, 0.0, 0.0], [3.0, 0.0, 0.0]])], 0.5)}
    index = {"lane_divider": SegmentIndex([np.array([[0.0, 0.1, 0.0], [3.0, 0.1, 0.0]])])}
    shifts, moved = window_shifts(predicted, index, np.zeros((1, 2)))
    assert shifts == []
    assert np.array_equal(moved["lane_divider"].xyz, predicted["lane_divider"].xyz)


def test_windows_move_on_their_own() -> None:
    truth = town()
    far = {n: [line + (1000.0, 0.0, 0.0) for line in lines] for n, lines in truth.items()}
    both = {n: truth[n] + far[n] for n in truth}
    moved_apart = {
        n: stations_along([li + (0.4, 0, 0) for li in truth[n]] + [li - (0.4, 0, 0) for li in far[n]], 0.5)
        for n in truth
    }
    shifts, _ = window_shifts(
        moved_apart, {n: SegmentIndex(lines) for n, lines in both.items()}, np.array([[0.0, 0.0], [1000.0, 0.0]])
    )
    assert [s.dx_m for s in shifts] == pytest.approx([-0.4, 0.4], abs=0.03)
