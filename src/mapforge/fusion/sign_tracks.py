"""Detections of one drive become tracks: one a sign, with its place, type and looks as that drive saw them."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial

import numpy as np
from numpy.typing import NDArray

from mapforge.fusion.identities import clustered
from mapforge.fusion.sightings import Sightings

Float = NDArray[np.float64]
Index = NDArray[np.int64]

_BLUNDER_M = 0.3
_FRAMES_COUNTED = 5
_SIGMA_MIN_M = 0.05
_LOOK_NS = 500_000_000


@dataclass(frozen=True)
class SignGates:
    """How unlike detections of one sign may be."""

    reach_m: float
    height_m: float
    turn_rad: float


@dataclass(frozen=True, eq=False)
class SignTracks:
    """What drives saw, a row a track.

    xyz_map: (T, 3). sigma_m: (T,). heading_rad: (T,), NaN unknown. height_m: (T,). type_shares: (T, C), sums of 1 or
    zeros. embedding: (T, E). evidence: (T,) 0..1, that there is something. looks: (T,) half-seconds in which it was
    seen. best_score: (T,). seen_ns: (T, 2) first and last. drive: (T,). members: the rows of the sightings.
    """

    xyz_map: Float
    sigma_m: Float
    heading_rad: Float
    height_m: Float
    type_shares: Float
    embedding: Float
    evidence: Float
    looks: Index
    best_score: Float
    seen_ns: Index
    drive: Index
    members: list[Index]

    def __len__(self) -> int:
        return len(self.sigma_m)


def tracks_of(sightings: Sightings, gates: SignGates) -> SignTracks:
    """Tracks of every drive in the sightings, in their order."""
    groups: list[Index] = []
    for drive in np.unique(sightings.drive):
        rows = np.flatnonzero(sightings.drive == drive)
        own = sightings.take(rows)
        cost = partial(unlikeness, own, gates)
        pictures = [frozenset([picture]) for picture in own.picture.tolist()]
        weight = own.score / np.maximum(own.sigma_m, _SIGMA_MIN_M)
        groups += [rows[group] for group in clustered(own.xyz_map[:, :2], gates.reach_m, cost, pictures, weight)]
    return _joined([_track(sightings.take(group), group) for group in groups], sightings)


def unlikeness(seen: Sightings | SignTracks, gates: SignGates, i: Index, j: Index) -> Float:
    """(P,) of pairs: the sum of squared differences of place, height and facing, each over its gate; 1 is the limit."""
    distance = np.linalg.norm(seen.xyz_map[i, :2] - seen.xyz_map[j, :2], axis=1)
    gate = np.clip(3.0 * np.hypot(seen.sigma_m[i], seen.sigma_m[j]) + 0.4, 0.5, gates.reach_m)
    lower = np.abs(seen.xyz_map[i, 2] - seen.xyz_map[j, 2])
    turn = np.abs((seen.heading_rad[i] - seen.heading_rad[j] + np.pi) % (2 * np.pi) - np.pi)
    turn = np.nan_to_num(turn)  # an unknown heading fits any
    return (distance / gate) ** 2 + (lower / gates.height_m) ** 2 + (turn / gates.turn_rad) ** 2


def robust_centre(xyz_map: Float, weight: Float) -> tuple[Float, Float]:
    """Weighted mean (Cauchy weights on the horizontal distance) and the final weights."""
    centre = np.average(xyz_map, axis=0, weights=weight)
    robust = weight
    for _ in range(3):
        far = np.linalg.norm(xyz_map[:, :2] - centre[:2], axis=1)
        robust = weight / (1.0 + (far / _BLUNDER_M) ** 2)
        centre = np.average(xyz_map, axis=0, weights=robust)
    return centre, robust


def mean_heading(heading_rad: Float, weight: Float) -> float:
    """Weighted circular mean of the known ones; NaN without any."""
    known = np.isfinite(heading_rad)
    if not known.any():
        return float("nan")
    heading, weight = heading_rad[known], weight[known]
    return float(np.arctan2(weight @ np.sin(heading), weight @ np.cos(heading)))


def _track(seen: Sightings, rows: Index) -> SignTracks:
    """One track of the sightings `seen`, which are those at `rows`."""
    centre, weight = robust_centre(seen.xyz_map, seen.score / np.maximum(seen.sigma_m, _SIGMA_MIN_M) ** 2)
    share = weight / weight.sum()
    spread = float(np.sqrt(share @ ((seen.xyz_map[:, :2] - centre[:2]) ** 2).sum(axis=1) / 2))
    frames = 1.0 / float((share**2).sum())
    # the pose error is common to a track's frames: it does not average out far below the best single view
    sigma = max(float(seen.sigma_m.min()) / np.sqrt(min(frames, 4.0)), spread / np.sqrt(frames), 0.02)
    # close views tell types apart best
    votes = (seen.score / np.maximum(seen.sigma_m, 0.1)) @ np.log(np.clip(seen.type_shares, 0.02, 1.0))
    shares = np.exp(votes - votes.max()) * float(seen.type_shares.any())
    looks = seen.score @ seen.embedding
    best = np.sort(seen.score)[::-1][:_FRAMES_COUNTED]
    return SignTracks(
        xyz_map=centre[None],
        sigma_m=np.array([sigma]),
        heading_rad=np.array([mean_heading(seen.heading_rad, weight)]),
        height_m=np.array([share @ seen.height_m]),
        type_shares=(shares / max(float(shares.sum()), 1e-9))[None],
        embedding=(looks / max(float(np.linalg.norm(looks)), 1e-9))[None],
        evidence=np.array([float(best.mean()) * (1.0 - 0.5 ** len(best))]),
        looks=np.array([len(np.unique(seen.timestamp_ns // _LOOK_NS))]),
        best_score=best[:1],
        seen_ns=np.array([[seen.timestamp_ns.min(), seen.timestamp_ns.max()]]),
        drive=seen.drive[:1],
        members=[rows],
    )


def _joined(tracks: list[SignTracks], sightings: Sightings) -> SignTracks:
    none, no_number = np.zeros(0), np.zeros(0, dtype=np.int64)
    empty = SignTracks(
        np.zeros((0, 3)), none, none, none, sightings.type_shares[:0], sightings.embedding[:0], none,
        no_number, none, np.zeros((0, 2), dtype=np.int64), no_number, [],
    )  # fmt: skip
    every = [empty, *tracks]
    columns = {
        name: np.concatenate([getattr(track, name) for track in every])
        for name in SignTracks.__dataclass_fields__
        if name != "members"
    }
    return SignTracks(**columns, members=[rows for track in tracks for rows in track.members])
