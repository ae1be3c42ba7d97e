"""Change over time told from outliers and from lines that are hard to see: hand-made cases."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mapforge.fusion.changes import moved_since, presence, relabelled_since


def since(*offsets: float, least: int = 2) -> int:
    """The first drive at the new place; NaN = did not see it."""
    values = np.array([offsets])
    return int(moved_since(np.nan_to_num(values), np.isfinite(values), 0.25, least)[0])


def test_a_step_that_stays_is_a_move() -> None:
    assert since(0.0, 0.02, -0.03, 0.01, 0.0, 0.5, 0.52, 0.47) == 5
    assert since(0.0, np.nan, 0.0, 0.5, np.nan, 0.5) == 3
    # the first drive that saw the new place, not one that saw nothing
    assert since(0.0, 0.0, np.nan, 0.5, 0.5) == 3


def test_noise_single_drives_and_small_steps_are_none() -> None:
    assert since(0.0, 0.02, 0.7, 0.01, 0.0) == 0
    assert since(0.0, 0.02, 0.01, 0.7) == 0
    assert since(0.0, 0.02, 0.01, 0.7, least=1) == 3
    assert since(0.0, 0.1, 0.0, 0.2, 0.2) == 0
    assert since(0.0, 0.5, 0.0, 0.5, 0.0, 0.5) == 0


def there_now(hits: list[int], misses: list[int]) -> tuple[float, np.ndarray]:
    gone, not_yet = presence(np.array([hits], dtype=float), np.array([misses], dtype=float), 2)
    return float(gone[0]), not_yet[0]


def test_what_was_always_seen_and_then_never_again_is_gone() -> None:
    gone, not_yet = there_now([1, 1, 1, 1, 1, 0, 0, 0], [0, 0, 0, 0, 0, 1, 1, 1])
    assert gone > 0.8
    assert not_yet.max() < 0.1


def test_one_drive_that_missed_it_proves_nothing() -> None:
    assert there_now([1, 1, 1, 1, 1, 0], [0, 0, 0, 0, 0, 1])[0] == 0.0
    assert there_now([1, 1, 0, 1, 1], [0, 0, 1, 0, 0])[0] == 0.0


def test_what_is_seen_now_and_then_is_hard_to_see_not_gone() -> None:
    assert there_now([1, 0, 1, 0, 1, 0, 0], [0, 1, 0, 1, 0, 1, 1])[0] < 0.5


def test_what_appeared_was_not_missed_before() -> None:
    gone, not_yet = there_now([0, 0, 0, 0, 1, 1, 1], [1, 1, 1, 1, 0, 0, 0])
    assert gone < 0.05
    assert (not_yet[:4] > 0.8).all()
    assert (not_yet[4:] == 0.0).all()


def test_drives_that_did_not_look_say_nothing() -> None:
    with_blind = there_now([1, 0, 1, 1, 0, 0, 0], [0, 0, 0, 0, 0, 1, 1])
    without = there_now([1, 1, 1, 0, 0], [0, 0, 0, 1, 1])
    assert with_blind[0] == pytest.approx(without[0])


@settings(max_examples=50, deadline=None)
@given(st.lists(st.sampled_from(["hit", "miss", "blind"]), min_size=1, max_size=12))
def test_probabilities_are_such(seen: list[str]) -> None:
    gone, not_yet = there_now([int(s == "hit") for s in seen], [int(s == "miss") for s in seen])
    assert 0.0 <= gone <= 1.0
    assert ((not_yet >= 0.0) & (not_yet <= 1.0)).all()


def labels(*names: int | None) -> np.ndarray:
    return np.array([[np.eye(3)[name] if name is not None else np.zeros(3) for name in names]])


def test_new_paint_counts_from_the_first_drive_that_saw_it() -> None:
    assert relabelled_since(labels(0, 0, 0, 0, 0, 1, 1, 1), 2)[0] == 5
    assert relabelled_since(labels(0, None, 0, None, 2, 2), 2)[0] == 4


def test_doubtful_paint_is_not_new_paint() -> None:
    assert relabelled_since(labels(0, 1, 0, 1, 0, 1), 2)[0] == 0
    assert relabelled_since(labels(0, 0, 0, 1), 2)[0] == 0
    assert relabelled_since(labels(1, 1, 1, 1), 2)[0] == 0
