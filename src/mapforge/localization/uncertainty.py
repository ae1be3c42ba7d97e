"""How sure the corrected paths are: against the earth, and against the drives they were registered to."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from scipy.sparse import coo_matrix

from mapforge.geometry.se3 import Float
from mapforge.localization.corrections import PARTS, Adjustment, Network

CHUNK_KNOTS = 200
_HORIZONTAL, _HEIGHT = (0, 1), 2
_Combination = dict[int, float]
"""Knot (numbered over all drives) -> factor."""


@dataclass(frozen=True, eq=False)
class KnotSigmas:
    """One-sigma errors, along one axis, at a drive's K knots.

    xy_m, z_m: (K,) against the earth. relative_m: (K,) against the drives that pass there; None where the drive is
    registered to none.
    """

    xy_m: Float
    z_m: Float
    relative_m: Float | None


def sigmas_of(
    adjustment: Adjustment, shared_sigma_m: Mapping[str, tuple[float, float]], own_sigma_m: float
) -> dict[str, KnotSigmas]:
    """Posterior sigmas of every moving drive.

    shared_sigma_m: of each frozen drive, (horizontal, height) error it shares with its whole set: drives tied to it
    take that error on. own_sigma_m: what a registration cannot see of a path's error, added to the relative one.
    """
    network = adjustment.network
    links, frozen_links = _links(adjustment)
    count = network.unknowns // PARTS
    absolute = [{knot: 1.0} for knot in range(count)]
    relative = [_against_others(network, links, frozen_links, knot) for knot in range(count)]
    var_xy = _variances(adjustment, absolute, _HORIZONTAL)
    var_z = _variances(adjustment, absolute, (_HEIGHT,))
    var_relative = _variances(adjustment, [r.combination for r in relative], _HORIZONTAL)
    var_relative *= np.array([r.own_part for r in relative])
    taken_xy, taken_z = _taken_from_frozen(adjustment, shared_sigma_m)
    sigmas = {}
    for name, knots in network.knots.items():
        own = slice(network.start[name], network.start[name] + len(knots.times_ns))
        tied = any(links[k] or frozen_links[k] for k in range(own.start, own.stop))
        rel = np.sqrt(var_relative[own] + own_sigma_m**2)
        xy = np.sqrt(var_xy[own] + taken_xy[own] + own_sigma_m**2)
        z = np.sqrt(var_z[own] + taken_z[own] + own_sigma_m**2)
        sigmas[name] = KnotSigmas(xy, z, np.minimum(rel, xy) if tied else None)
    return sigmas


@dataclass(frozen=True)
class _Relative:
    """combination: own correction less the mean of the others'. own_part: of its variance that is the drive's own."""

    combination: _Combination
    own_part: float


def _links(adjustment: Adjustment) -> tuple[dict[int, list[_Combination]], dict[int, int]]:
    """For every knot, the other drives' corrections it is tied to, and how many frozen drives."""
    network = adjustment.network
    links: dict[int, list[_Combination]] = defaultdict(list)
    frozen: dict[int, int] = defaultdict(int)
    for agreement, weight in zip(network.agreements, adjustment.weights):
        knot = network.start[agreement.a] + agreement.knot
        if weight == 0.0 or agreement.a == agreement.b:
            continue
        if agreement.b not in network.start:
            frozen[knot] += 1
            continue
        shares = network.knot_weights(agreement.b, agreement.b_ns)
        links[knot].append(dict(shares))
        links[max(shares, key=lambda pair: pair[1])[0]].append({knot: 1.0})
    return links, frozen


def _against_others(
    network: Network, links: Mapping[int, list[_Combination]], frozen: Mapping[int, int], knot: int
) -> _Relative:
    """At a knot where no other drive is, against those at the drive's nearest knot where there is one."""
    first = max(start for start in network.start.values() if start <= knot)
    last = min([start for start in network.start.values() if start > knot], default=network.unknowns // PARTS)
    tied = [k for k in range(first, last) if links.get(k) or frozen.get(k)]
    combination: _Combination = defaultdict(float, {knot: 1.0})
    if not tied:
        return _Relative(dict(combination), 1.0)
    nearest = min(tied, key=lambda k: (abs(k - knot), k))
    moving, still = links.get(nearest, []), frozen.get(nearest, 0)
    others = len(moving) + still
    for other in moving:
        for k, share in other.items():
            combination[k] -= share / others
    return _Relative(dict(combination), 1.0 if still else others / (others + 1.0))


def _variances(adjustment: Adjustment, combinations: list[_Combination], parts: tuple[int, ...]) -> Float:
    """(K,) posterior variance of combinations of corrections, mean over `parts`."""
    unknowns = adjustment.network.unknowns
    variance = np.zeros(len(combinations))
    for low in range(0, len(combinations), CHUNK_KNOTS):
        chunk = combinations[low : low + CHUNK_KNOTS]
        column = np.repeat(np.arange(len(chunk)), [len(c) for c in chunk])
        knot = np.array([k for c in chunk for k in c], dtype=np.int64)
        factor = np.array([f for c in chunk for f in c.values()])
        for part in parts:
            vectors = coo_matrix((factor, (PARTS * knot + part, column)), shape=(unknowns, len(chunk))).toarray()
            spread = np.einsum("uk,uk->k", vectors, adjustment.factor.solve(vectors))
            variance[low : low + len(chunk)] += spread / len(parts)
    return variance


def _taken_from_frozen(
    adjustment: Adjustment, shared_sigma_m: Mapping[str, tuple[float, float]]
) -> tuple[Float, Float]:
    """(K,) variance each knot takes on from the frozen drives it hangs on, horizontal and height."""
    network = adjustment.network
    taken = []
    for part, kind in ((0, 0), (_HEIGHT, 1)):
        pulled = network.pull_of_frozen(adjustment.weights, part, {n: s[kind] for n, s in shared_sigma_m.items()})
        taken.append(adjustment.factor.solve(pulled).reshape(-1, PARTS)[:, part] ** 2)
    return taken[0], taken[1]
