"""Which pieces of which drives meet."""

from __future__ import annotations

import numpy as np
import pytest

from mapforge.geometry.trajectory import Trajectory
from mapforge.localization.overlaps import Meeting, meetings_of
from mapforge.localization.segments import Pieces, pieces_of

IDENTITY = (1.0, 0.0, 0.0, 0.0)


def _path(points_m: list[tuple[float, float]], speed_mps: float = 10.0) -> Pieces:
    """Straight from point to point at constant speed, cut every 40 m."""
    corners = np.array(points_m)
    way = np.concatenate([[0.0], np.cumsum(np.linalg.norm(np.diff(corners, axis=0), axis=1))])
    at = np.arange(0.0, way[-1] + 1e-9, 1.0)
    xy = np.column_stack([np.interp(at, way, corners[:, k]) for k in (0, 1)])
    times = np.round(at / speed_mps * 1e9).astype(np.int64)
    count = len(at)
    trajectory = Trajectory(
        times, np.column_stack([xy, np.zeros(count)]), np.tile(IDENTITY, (count, 1)), np.zeros(count)
    )
    return pieces_of(trajectory, 40.0, 5.0)


def _meet(paths: dict[str, Pieces], moving: str, neighbours: int = 4) -> list[Meeting]:
    certainty = {name: 0.1 * (1 + n) for n, name in enumerate(sorted(paths))}
    return meetings_of(paths, frozenset(moving), certainty, 20.0, 0.1, neighbours)


def test_pieces_cover_the_path_without_gaps() -> None:
    pieces = _path([(0, 0), (200, 0)])
    assert len(pieces) == 5
    assert np.allclose(pieces.centre_m[:, 0], np.arange(20, 200, 40), atol=0.1)
    assert pieces.edges_ns[0] == 0 and np.all(np.diff(pieces.edges_ns) > 0)
    assert np.array_equal(np.bincount(pieces.sample_piece), [8] * 5)
    assert np.all(pieces.sample_ns >= pieces.edges_ns[pieces.sample_piece])


def test_a_drive_that_stands_is_one_piece() -> None:
    times = np.arange(3, dtype=np.int64) * 10**9
    still = Trajectory(times, np.ones((3, 3)), np.tile(IDENTITY, (3, 1)), np.zeros(3))
    assert len(pieces_of(still, 40.0, 5.0)) == 1


def test_opposite_directions_meet_piece_by_piece_and_each_pair_once() -> None:
    paths = {"a": _path([(0, 0), (200, 0)]), "b": _path([(200, 5), (0, 5)])}
    found = _meet(paths, "ab")
    assert {m.drive for m in found} == {"a"} and [m.piece for m in found] == [0, 1, 2, 3, 4]
    middle = found[2]
    assert (middle.first, middle.last, middle.share) == (1, 3, 1.0)
    assert middle.other_ns == pytest.approx(10e9, abs=0.3e9)


def test_crossing_drives_meet_at_the_crossing_only() -> None:
    paths = {"a": _path([(0, 0), (200, 0)]), "b": _path([(100, -100), (100, 100)])}
    assert {m.piece for m in _meet(paths, "a")} == {2}
    assert _meet({"a": paths["a"], "b": _path([(0, 50), (200, 50)])}, "ab") == []


def test_a_second_pass_is_another_meeting_and_a_drive_meets_itself() -> None:
    there_and_back = [(0.0, 0.0), (200.0, 0.0), (200.0, 8.0), (0.0, 8.0)]
    paths = {"a": _path([(60, 0), (100, 0)]), "b": _path(there_and_back)}
    both = [m for m in _meet(paths, "a") if m.drive == "a"]
    assert len(both) == 2 and both[0].last < both[1].first
    own = [m for m in _meet(paths, "b") if m.other == "b"]
    assert own and all(m.last <= m.piece - 3 for m in own)


def test_neighbours_are_capped_the_surest_first() -> None:
    paths = {name: _path([(0, 0), (40, 0)]) for name in "abcdefgh"}
    found = _meet(paths, "h", neighbours=3)
    assert [m.other for m in found] == ["a", "b", "c"]


@pytest.mark.parametrize("count", [2, 3, 5, 8, 9])
def test_few_drives_of_a_place_form_all_pairs_once(count: int) -> None:
    names = "abcdefghi"[:count]
    found = _meet({name: _path([(0, 0), (40, 0)]) for name in names}, names)
    pairs = [frozenset((m.drive, m.other)) for m in found]
    assert len(pairs) == len(set(pairs)) == count * (count - 1) // 2


def test_many_drives_of_a_place_hang_together_at_linear_cost() -> None:
    names = [f"d{n:02d}" for n in range(40)]
    paths = {name: _path([(0, 0), (40, 0)]) for name in names}
    found = meetings_of(paths, frozenset(names), {}, 20.0, 0.1, 4)
    assert len(found) <= 40 * 5
    reached, front = {"d00"}, {"d00"}
    for _ in range(5):
        front = {d for m in found for d in (m.drive, m.other) if {m.drive, m.other} & front} - reached
        reached |= front
    assert reached == set(names)
