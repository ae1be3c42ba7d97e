"""Registers the meetings of drives and turns them into agreements for the adjustment."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import fields
from typing import TypeVar

import numpy as np

from mapforge.geometry.se3 import Float
from mapforge.io.drive_store import DriveReader
from mapforge.io.workspace import Workspace
from mapforge.localization.alignment_config import AlignmentConfig
from mapforge.localization.corrections import PARTS, TURN_LEVER_M, Agreement, Correction, difference
from mapforge.localization.overlaps import Meeting
from mapforge.localization.placed_drives import PlacedDrive
from mapforge.localization.registration import Matching, PlacedCloud, Registration, register
from mapforge.localization.segments import PieceCache, PieceCloud, Thinning, cloud_of_piece
from mapforge.localization.surface import PieceSurface, SurfaceThinning, surface_of_piece
from mapforge.localization.surface_registration import PlacedSurface, SurfaceMatching, register_surfaces

Seen = TypeVar("Seen")
Placed = TypeVar("Placed")

HEIGHT_SIGMA = 2.0
"""Of a registration, in units of the horizontal one."""
SEARCH_SIGMAS = 4.0
MIN_SEARCH_M = 1.0
CELL_M = 200.0
"""Meetings are worked through square by square, so that the clouds of a place are made once."""


class Registrar:
    """Registers pieces of drives to each other, given how the drives have been corrected so far.

    By what stands upright; where that is too little, or leaves a direction open, by the surface of the road.
    """

    def __init__(self, workspace: Workspace, drives: Mapping[str, PlacedDrive], config: AlignmentConfig) -> None:
        self.drives = drives
        self.config = config
        self._matching = matching_of(config)
        self._readers = {name: DriveReader(workspace.drive(name)) for name in drives}
        self._clouds = PieceCache(self._cloud, config.cached_pieces)
        self._surfaces = PieceCache(self._surface, config.cached_surfaces)

    def agreements(self, meetings: Sequence[Meeting], corrections: Mapping[str, Correction]) -> list[Agreement]:
        """Those of every meeting that can be registered, in the order of the meetings."""
        found: dict[int, list[Agreement]] = {}
        for n in sorted(range(len(meetings)), key=lambda n: (self._cell(meetings[n]), n)):
            found[n] = [
                self._agreement(meetings[n], registration, corrections)
                for registration in self._registrations(meetings[n], corrections)
            ]
        return [agreement for n in sorted(found) for agreement in found[n]]

    def _registrations(self, meeting: Meeting, corrections: Mapping[str, Correction]) -> list[Registration]:
        upright = self._of_clouds(meeting, corrections)
        if upright is not None and self._holds(meeting, upright):
            return [upright]
        return [found for found in (upright, self._of_surfaces(meeting, corrections)) if found is not None]

    def _holds(self, meeting: Meeting, found: Registration) -> bool:
        """Whether a registration leaves no horizontal direction open."""
        believed = believed_information(found, self.drives[meeting.other].own_sigma_m(), self.config)
        return float(np.linalg.eigvalsh(believed[:2, :2])[0]) > 1.0 / self.config.open_sigma_m**2

    def _cloud(self, drive: str, piece: int) -> PieceCloud | None:
        own, config = self.drives[drive], self.config
        thinning = Thinning(
            config.sweep_spacing_m, config.max_returns, config.min_range_m, config.max_range_m, config.downsampling_m
        )
        return cloud_of_piece(self._readers[drive], own.trajectory, own.pieces, piece, thinning)

    def _surface(self, drive: str, piece: int) -> PieceSurface | None:
        own, config = self.drives[drive], self.config
        thinning = SurfaceThinning(config.surface_spacing_m, config.min_range_m, config.surface_range_m)
        return surface_of_piece(self._readers[drive], own.trajectory, own.pieces, piece, thinning)

    def _cell(self, meeting: Meeting) -> tuple[int, ...]:
        x, y = self.drives[meeting.drive].pieces.centre_m[meeting.piece, :2]
        return int(x // CELL_M), int(y // CELL_M)

    def _of_clouds(self, meeting: Meeting, corrections: Mapping[str, Correction]) -> Registration | None:
        placed = self._placed(meeting, corrections, self._clouds, PlacedCloud)
        return None if placed is None else register(*placed, self._matching, meeting.share)

    def _of_surfaces(self, meeting: Meeting, corrections: Mapping[str, Correction]) -> Registration | None:
        placed = self._placed(meeting, corrections, self._surfaces, PlacedSurface)
        if placed is None:
            return None
        own, other = (self.drives[name].mean_sigma_m()[0] for name in (meeting.drive, meeting.other))
        search_m = float(np.clip(SEARCH_SIGMAS * np.hypot(own, other), MIN_SEARCH_M, self.config.surface_search_m))
        matching = SurfaceMatching(
            self._matching.needed_overlap(meeting.share),
            self.config.surface_similarity,
            self.config.surface_rival_share,
            self.config.open_sigma_m,
        )
        return register_surfaces(*placed, search_m, matching)

    def _placed(
        self,
        meeting: Meeting,
        corrections: Mapping[str, Correction],
        seen: PieceCache[Seen],
        place: Callable[[Seen, Float], Placed],
    ) -> tuple[Placed, list[Placed]] | None:
        """What the drive and the other saw, around the drive's piece as it lay before any correction."""
        origin = self.drives[meeting.drive].pieces.centre_m[meeting.piece]
        source = seen.of(meeting.drive, meeting.piece)
        pieces = [(p, seen.of(meeting.other, p)) for p in range(meeting.first, meeting.last + 1)]
        targets = [
            place(there, self._pose(meeting.other, p, origin, corrections)) for p, there in pieces if there is not None
        ]
        if source is None or not targets:
            return None
        return place(source, self._pose(meeting.drive, meeting.piece, origin, corrections)), targets

    def _pose(self, drive: str, piece: int, origin_m: Float, corrections: Mapping[str, Correction]) -> Float:
        pose = np.eye(4)
        pose[:3, 3] = self.drives[drive].pieces.centre_m[piece] - origin_m
        if drive in corrections:
            turn_rad = corrections[drive].turn_rad[piece]
            c, s = np.cos(turn_rad), np.sin(turn_rad)
            pose[:2, :2] = [[c, -s], [s, c]]
            pose[:3, 3] += corrections[drive].shift_m[piece]
        return pose

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


def matching_of(config: AlignmentConfig) -> Matching:
    """The settings of registration as its steps take them."""
    return Matching(**{field.name: getattr(config, field.name) for field in fields(Matching)})


def believed_information(found: Registration, other_sigma_m: float, config: AlignmentConfig) -> Float:
    """Information of a registration, (4, 4), less what neither point nor cell sees."""
    sigma_m = config.registration_sigma_m / found.overlap
    noise = np.array([sigma_m, sigma_m, HEIGHT_SIGMA * sigma_m, sigma_m / TURN_LEVER_M]) ** 2
    noise[:3] += other_sigma_m**2
    believed = np.linalg.solve(np.eye(PARTS) + found.information * noise, found.information)
    return np.asarray((believed + believed.T) / 2)
