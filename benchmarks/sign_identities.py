"""Signs and lights told apart over drives: a mapped workspace against the truth of its simulated world.

Usage: python benchmarks/sign_identities.py WORKSPACE TRUTH_MAP [WORKSPACE TRUTH_MAP ...]
An observation is the track of one sign in one drive. Its true identity is the nearest true sign within 2 m (facing and
height break ties); the identity given to it is the fused sign that holds it, none where that was left out of the map.
"""

from __future__ import annotations

import sys
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from mapforge.fusion.config import FusionConfig
from mapforge.fusion.drives import seen_drives
from mapforge.fusion.sightings import read_sightings
from mapforge.fusion.sign_tracks import SignGates, SignTracks, tracks_of
from mapforge.fusion.signs import identities, sign_of
from mapforge.io.elements import read_elements
from mapforge.io.workspace import Workspace
from mapforge.metrics.signs import identity_f1, sign_scores
from mapforge.schemas.elements import POINT_CLASSES, ElementClass

EVERYWHERE = (-1e6, -1e6, 1e6, 1e6)
NEAR_M, FACING_RAD = 2.0, 1.2


@dataclass(frozen=True)
class TrueSigns:
    """xyz_map: (T, 3) in the workspace's frame. heading_rad: (T,), NaN unknown. types: of each."""

    xyz_map: np.ndarray
    heading_rad: np.ndarray
    types: list[str]


def true_signs(path: Path, workspace: Workspace, point_class: ElementClass) -> TrueSigns:
    elements, frame = read_elements(path)
    chosen = [element for element in elements if element.element_class is point_class]
    shift = np.subtract(frame.origin_m, workspace.read_frame().origin_m)
    xyz = np.array([[e.geometry.x + shift[0], e.geometry.y + shift[1], e.geometry.z] for e in chosen]).reshape(-1, 3)
    heading = np.array([e.attributes.get("heading_rad", np.nan) for e in chosen])
    return TrueSigns(xyz, heading, [str(e.attributes.get("sign_type", "")) for e in chosen])


def true_identity(tracks: SignTracks, truth: TrueSigns) -> list[int | None]:
    """Index of the true sign each track is of, None for a false track."""
    distance = np.linalg.norm(tracks.xyz_map[:, None, :2] - truth.xyz_map[None, :, :2], axis=2)
    turn = np.abs((tracks.heading_rad[:, None] - truth.heading_rad[None] + np.pi) % (2 * np.pi) - np.pi)
    lower = np.abs(tracks.xyz_map[:, None, 2] - truth.xyz_map[None, :, 2])
    nearest = (distance + (np.nan_to_num(turn) > FACING_RAD) + 0.5 * lower).argmin(axis=1)
    return [int(k) if distance[row, k] < NEAR_M else None for row, k in enumerate(nearest)]


def report(root: Path, truth_map: Path) -> None:
    workspace, config = Workspace(root), FusionConfig()
    frame = workspace.read_frame()
    names = sorted(path.name for path in workspace.drives.iterdir())
    drives = seen_drives(workspace, names, frame, EVERYWHERE, config.far_range_m)
    names, paths = [drive.name for drive in drives], [drive.path_map for drive in drives]
    gates = SignGates(config.sign_gate_m, config.sign_height_gate_m, np.radians(config.sign_turn_deg))
    for point_class in POINT_CLASSES:
        truth = true_signs(truth_map, workspace, point_class)
        sightings = read_sightings(workspace, names, frame, point_class, EVERYWHERE, config.min_sign_score)
        tracks = tracks_of(sightings, gates)
        groups = identities(tracks, sightings, gates)
        true = true_identity(tracks, truth)
        given: list[int | None] = [None] * len(tracks)
        published = []
        for number, group in enumerate(groups):
            sign = sign_of(point_class, tracks, group, names, paths)
            if sign.confidence >= config.min_sign_confidence:
                published.append(sign)
                for track in group:
                    given[track] = number
        mixed = sum(len({true[track] for track in group} - {None}) > 1 for group in groups)
        xyz = np.array([sign.geometry.coords[0] for sign in published]).reshape(-1, 3)
        types = [str(sign.attributes.get("sign_type", "")) for sign in published]
        scores = sign_scores(truth.xyz_map, truth.types, xyz, types)
        shown = ("n_truth", "precision", "recall", "type_accuracy", "position_median_m", "position_share_0.5m")
        line = ", ".join(f"{name} {scores[name]:.3f}" for name in shown)
        print(f"{root.name} {point_class}: {line}, IDF1 {identity_f1(true, given):.3f}, false merges {mixed}", end="")
        print(f" of {len(published)} ({len(tracks)} tracks of {len(names)} drives)")


def main() -> None:
    for root, truth in zip(sys.argv[1::2], sys.argv[2::2]):
        report(Path(root), Path(truth))


if __name__ == "__main__":
    main()
