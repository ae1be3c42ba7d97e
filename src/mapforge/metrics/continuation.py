"""Lines that continue each other become one, so that where a map cuts its lines does not decide its score."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from scipy.spatial import cKDTree

from mapforge.geometry.polylines import length

Float = NDArray[np.float64]

JOIN_M = 0.1
TURN_COS = float(np.cos(np.deg2rad(45.0)))


def join_lines(
    lines: Sequence[Float], confidence: Sequence[float] | Float, join_m: float = JOIN_M
) -> tuple[list[Float], Float, list[list[int]]]:
    """Joins lines end to end where exactly two ends meet within `join_m` and turn less than 45 degrees.

    lines: (N, D) vertices. A joined line runs the way most of its length did. Returns the joined lines, their
    confidence (mean by length) and the lines each is made of.
    """
    partner = _partners(lines, join_m)
    joined, scores, members = [], [], []
    used = np.zeros(len(lines), dtype=bool)
    free_ends = [end for end in range(2 * len(lines)) if end not in partner]
    # chains begin at a free end; what is left after that are closed rings
    for end in free_ends + list(range(0, 2 * len(lines), 2)):
        if used[end // 2]:
            continue
        chain = _most_forward(_walk(end, partner, used), lines)
        joined.append(np.concatenate([lines[e // 2] if e % 2 == 0 else lines[e // 2][::-1] for e in chain]))
        weights = [max(length(lines[e // 2]), 1e-9) for e in chain]
        scores.append(float(np.average([confidence[e // 2] for e in chain], weights=weights)))
        members.append([e // 2 for e in chain])
    return joined, np.array(scores), members


def _walk(end: int, partner: dict[int, int], used: NDArray[np.bool_]) -> list[int]:
    """Ends at which the lines of a chain are entered, from a free end (or anywhere on a ring) on."""
    chain = []
    entered: int | None = end
    while entered is not None and not used[entered // 2]:
        used[entered // 2] = True
        chain.append(entered)
        entered = partner.get(entered ^ 1)
    return chain


def _most_forward(chain: list[int], lines: Sequence[Float]) -> list[int]:
    """The chain, or the chain walked from its other end; an even number enters a line at its start."""
    forward = sum(length(lines[e // 2]) * (1 if e % 2 == 0 else -1) for e in chain)
    return chain if forward >= 0.0 else [e ^ 1 for e in reversed(chain)]


def _partners(lines: Sequence[Float], join_m: float) -> dict[int, int]:
    """End -> the end it continues in. End 2i is the start of line i, 2i + 1 its end."""
    if not lines:
        return {}
    xy = np.array([point for line in lines for point in (line[0, :2], line[-1, :2])])
    outward = np.array([step for line in lines for step in (_outward(line), _outward(line[::-1]))])
    near = cKDTree(xy).query_ball_point(xy, join_m)
    partner = {}
    for a, b in (sorted(group) for group in near if len(group) == 2):
        only_these = len(near[a]) == len(near[b]) == 2
        if only_these and a // 2 != b // 2 and outward[a] @ outward[b] <= -TURN_COS:
            partner[a], partner[b] = b, a
    return partner


def _outward(line: Float) -> Float:
    """Unit direction in which a line leaves its first vertex, backwards out of the line."""
    away = np.linalg.norm(line[:, :2] - line[0, :2], axis=1) > 0.5
    inner = line[int(away.argmax())] if away.any() else line[-1]
    step = line[0, :2] - inner[:2]
    return np.asarray(step / max(float(np.linalg.norm(step)), 1e-12))
