"""Chains against walks done by hand."""

from __future__ import annotations

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from mapforge.vectorization.linking import chains_of


def line(start: tuple[float, float], angle: float, count: int, step_m: float = 0.4) -> tuple[np.ndarray, np.ndarray]:
    direction = np.array([np.cos(angle), np.sin(angle)])
    return np.array(start) + np.arange(count)[:, None] * step_m * direction, np.tile(direction, (count, 1))


@settings(max_examples=30, deadline=None)
@given(seed=st.integers(0, 10_000), count=st.integers(2, 60))
def test_shuffled_nodes_of_a_line_come_back_in_order(seed: int, count: int) -> None:
    rng = np.random.default_rng(seed)
    xy, direction = line((3.0, 4.0), rng.uniform(0, np.pi), count)
    direction = direction * rng.choice([-1, 1], (count, 1))
    order = rng.permutation(count)
    (chain,) = chains_of(xy[order], direction[order], 1.0, 2.5, corners=False)
    walked = order[chain.nodes]
    assert not chain.closed
    assert list(walked) in (list(range(count)), list(range(count))[::-1])


def test_a_ring_is_closed_once() -> None:
    angle = np.linspace(0, 2 * np.pi, 60, endpoint=False)
    xy = 4 * np.column_stack([np.cos(angle), np.sin(angle)])
    (chain,) = chains_of(xy, np.column_stack([-np.sin(angle), np.cos(angle)]), 1.0, 2.5, corners=False)
    assert chain.closed
    assert sorted(chain.nodes) == list(range(60))
    assert (np.linalg.norm(np.diff(xy[chain.nodes], axis=0), axis=1) < 0.5).all()


def test_parallel_lines_do_not_mix() -> None:
    a, da = line((0, 0), 0.0, 50)
    b, db = line((0.2, 0.35), 0.0, 50)
    chains = chains_of(np.vstack([a, b]), np.vstack([da, db]), 1.0, 2.5, corners=False)
    assert sorted(sorted(chain.nodes) for chain in chains) == [list(range(50)), list(range(50, 100))]


def test_gaps_are_bridged_up_to_their_limit() -> None:
    a, da = line((0, 0), 0.0, 20)
    for gap, count in ((2.0, 1), (4.0, 2)):
        b, db = line((a[-1, 0] + gap, 0.05), 0.0, 20)
        assert len(chains_of(np.vstack([a, b]), np.vstack([da, db]), 1.0, 2.5, corners=False)) == count


def test_corners_are_joined_for_curbs_only() -> None:
    a, da = line((0, 0), 0.0, 20)
    b, db = line((a[-1, 0] + 0.1, 0.3), np.pi / 2, 20)
    xy, direction = np.vstack([a, b]), np.vstack([da, db])
    assert len(chains_of(xy, direction, 1.0, 2.5, corners=True)) == 1
    assert len(chains_of(xy, direction, 1.0, 2.5, corners=False)) == 2


def test_single_nodes_make_no_chain() -> None:
    assert chains_of(np.zeros((1, 2)), np.array([[1.0, 0.0]]), 1.0, 2.5, corners=True) == []
    far = np.array([[0.0, 0], [9, 9]])
    assert chains_of(far, np.array([[1.0, 0], [0, 1]]), 1.0, 2.5, corners=True) == []
