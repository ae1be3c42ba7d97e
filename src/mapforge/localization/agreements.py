"""Registers the meetings of drives and turns them into agreements for the adjustment."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from mapforge.geometry.se3 import Float
from mapforge.io.drive_store import DriveReader
from mapforge.io.workspace import Workspace
from mapforge.localization.alignment_config import AlignmentConfig
from mapforge.localization.corrections import PARTS, TURN_LEVER_M, Agreement, Correction, difference
from mapforge.localization.overlaps import Meeting
from mapforge.localization.placed_drives import PlacedDrive
from mapforge.localization.registration import Matching, PlacedCloud, Registration, register
from mapforge.localization.segments import CloudCache, Thinning

HEIGHT_SIGMA = 2.0
"""Of a registration, in units of the horizontal one."""
CELL_M = 200.0
"""Meetings are worked through square by square, so that the clouds of a place are made once."""


class Registrar:
    """Registers pieces of drives to each other, given how the drives have been corrected so far."""

    def __init__(self, workspace: Workspace, drives: Mapping[str, PlacedDrive], config: AlignmentConfig) -> None:
        self.drives = drives
        self.config = config
        self._matching = Matching(
            config.coarse_voxel_m,
            config.coarse_distance_m,
            config.fine_voxel_m,
            config.fine_distance_m,
            config.max_shift_m,
            config.min_upright,
            config.min_overlap,
            config.min_sharpness,
            config.surface_m,
        )
        self._clouds = CloudCache(
            {name: DriveReader(workspace.drive(name)) for name in drives},
            {name: drive.trajectory for name, drive in drives.items()},
            {name: drive.pieces for name, drive in drives.items()},
            Thinning(
                config.sweep_spacing_m,
                config.max_returns,
                config.min_range_m,
                config.max_range_m,
                config.downsampling_m,
            ),
            config.cached_pieces,
        )

    def agreements(self, meetings: Sequence[Meeting], corrections: Mapping[str, Correction]) -> list[Agreement]:
        """One of every meeting that can be registered, in the order of the meetings."""
        found: dict[int, Agreement] = {}
        for n in sorted(range(len(meetings)), key=lambda n: (self._cell(meetings[n]), n)):
            registration = self._register(meetings[n], corrections)
            if registration is not None:
                found[n] = self._agreement(meetings[n], registration, corrections)
        return [found[n] for n in sorted(found)]

    def _cell(self, meeting: Meeting) -> tuple[int, ...]:
        x, y = self.drives[meeting.drive].pieces.centre_m[meeting.piece, :2]
        return int(x // CELL_M), int(y // CELL_M)

    def _register(self, meeting: Meeting, corrections: Mapping[str, Correction]) -> Registration | None:
        origin = self.drives[meeting.drive].pieces.centre_m[meeting.piece]
        source = self._placed(meeting.drive, meeting.piece, origin, corrections)
        pieces = range(meeting.first, meeting.last + 1)
        targets = [self._placed(meeting.other, piece, origin, corrections) for piece in pieces]
        there = [target for target in targets if target is not None]
        return register(source, there, self._matching, meeting.share) if source is not None and there else None

    def _placed(
        self, drive: str, piece: int, origin_m: Float, corrections: Mapping[str, Correction]
    ) -> PlacedCloud | None:
        cloud = self._clouds.cloud(drive, piece)
        if cloud is None:
            return None
        pose = np.eye(4)
        pose[:3, 3] = self.drives[drive].pieces.centre_m[piece] - origin_m
        if drive in corrections:
            turn_rad = corrections[drive].turn_rad[piece]
            c, s = np.cos(turn_rad), np.sin(turn_rad)
            pose[:2, :2] = [[c, -s], [s, c]]
            pose[:3, 3] += corrections[drive].shift_m[piece]
        return PlacedCloud(cloud, pose)

    def _agreement(self, meeting: Meeting, found: Registration, corrections: Mapping[str, Correction]) -> Agreement:
        """Counted from the uncorrected drives, so that GNSS judges the whole correction."""
        own, other = self.drives[meeting.drive], self.drives[meeting.other]
        _, there = other.trajectory.poses_at(np.array([meeting.other_ns]))
        lever = own.pieces.centre_m[meeting.piece] - there[0]
        information = believed_information(found, other.own_sigma_m(), self.config)
        empty = Agreement(
            meeting.drive, meeting.piece, meeting.other, meeting.other_ns, lever, np.zeros(3), 0.0, information
        )
        so_far = difference(empty, corrections)
        shift, turn_rad = found.shift_m + so_far[:3], found.turn_rad + float(so_far[3])
        return Agreement(
            meeting.drive, meeting.piece, meeting.other, meeting.other_ns, lever, shift, turn_rad, information
        )


def believed_information(found: Registration, other_sigma_m: float, config: AlignmentConfig) -> Float:
    """Information of a registration, (4, 4): the points' share, less what no point sees."""
    sigma_m = config.registration_sigma_m / found.overlap
    noise = np.array([sigma_m, sigma_m, HEIGHT_SIGMA * sigma_m, sigma_m / TURN_LEVER_M]) ** 2
    noise[:3] += other_sigma_m**2
    points = found.information * config.information_share
    believed = np.linalg.solve(np.eye(PARTS) + points * noise, points)
    return np.asarray((believed + believed.T) / 2)
