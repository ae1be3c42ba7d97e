"""What an alignment leaves behind: final trajectories with their uncertainty, and the ledger's entries."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np
from scipy.sparse import coo_matrix
from scipy.sparse.csgraph import connected_components

from mapforge.geometry.crs import MapFrame
from mapforge.geometry.se3 import Float
from mapforge.geometry.trajectory import Trajectory
from mapforge.io.trajectories import path_sha256, write_trajectory
from mapforge.io.workspace import Workspace
from mapforge.localization.alignment_config import AlignmentConfig
from mapforge.localization.contradictions import Contradiction
from mapforge.localization.corrections import Adjustment, difference
from mapforge.localization.datum import datum_sigma_m
from mapforge.localization.overlaps import Meeting
from mapforge.localization.placed_drives import PlacedDrive, bounds_of
from mapforge.localization.settled import SettledDrive, Standing
from mapforge.localization.uncertainty import KnotSigmas, sigmas_of


@dataclass(frozen=True)
class AlignmentInputs:
    """What `settled.which_move` said: drives to align, and settled ones to align them to. Their order is no matter.

    unaligned: fingerprints of the moving drives' own trajectories. fingerprint: of this job; goes into the footers.
    """

    workspace: Workspace
    moving: tuple[str, ...]
    frozen: tuple[str, ...]
    frame: MapFrame
    unaligned: dict[str, str]
    fingerprint: str


@dataclass(frozen=True, eq=False)
class Alignment:
    """adjustment: of the drives that fit. refused: those that do not. meetings: all that were found."""

    adjustment: Adjustment
    refused: dict[str, Contradiction]
    meetings: list[Meeting]


def settle(
    inputs: AlignmentInputs,
    moving: Mapping[str, PlacedDrive],
    frozen: Mapping[str, PlacedDrive],
    alignment: Alignment,
    config: AlignmentConfig,
) -> dict[str, SettledDrive]:
    """Writes the trajectories of the moving drives and returns their entries of the ledger."""
    shared = {name: drive.shared_sigma_m() for name, drive in frozen.items()}
    sigmas = sigmas_of(alignment.adjustment, shared, config.own_sigma_m)
    sets = _sets(alignment.adjustment, {n: drive.info.aligned_set or n for n, drive in frozen.items()})
    entries = {}
    for name, drive in moving.items():
        entry = _entry(name, drive, inputs, alignment, sets.get(name, ""))
        if entry.standing is not Standing.refused:
            datum = _datum_sigma_m(name, entry, moving, frozen, sets)
            trajectory, sigma_z, relative = _final(name, drive, entry, alignment, sigmas.get(name), config)
            info = replace(
                drive.info,
                fingerprint=inputs.fingerprint,
                source=drive.info.source + "+aligned" * (entry.standing is Standing.aligned),
                aligned_set=entry.aligned_set,
                datum_sigma_m=datum,
            )
            target = inputs.workspace.trajectory(name)
            write_trajectory(trajectory, sigma_z, info, target, inputs.workspace.tmp, relative)
            entry = replace(entry, final_sha256=path_sha256(target))
        entries[name] = entry
    return entries


def _sets(adjustment: Adjustment, frozen_sets: Mapping[str, str]) -> dict[str, str]:
    """Set of every moving drive that was registered to another: the settled set it joins, else its first drive."""
    believed = [a for a, weight in zip(adjustment.network.agreements, adjustment.weights) if weight and a.a != a.b]
    names = sorted({name for a in believed for name in (a.a, a.b)})
    if not names:
        return {}
    number = {name: n for n, name in enumerate(names)}
    pairs = np.array([[number[a.a], number[a.b]] for a in believed]).T
    graph = coo_matrix((np.ones(len(believed)), (pairs[0], pairs[1])), shape=(len(names), len(names)))
    _, part = connected_components(graph, directed=False)
    title: dict[int, str] = {}
    for name in names:
        known = frozen_sets.get(name)
        # joined sets keep the name of a settled one: sorted so that those come first
        title[part[number[name]]] = min(
            (title.get(part[number[name]], "\uffff"), known or name),
            key=lambda text: (text not in frozen_sets.values(), text),
        )
    return {name: title[part[number[name]]] for name in names if name in adjustment.corrections}


def _entry(
    name: str, drive: PlacedDrive, inputs: AlignmentInputs, alignment: Alignment, aligned_set: str
) -> SettledDrive:
    """The ledger's entry of a moving drive, but for the hash of its final path."""
    own = SettledDrive(
        Standing.unplaced,
        inputs.unaligned[name],
        path_sha256(inputs.workspace.unaligned_trajectory(name)),
        "",
        bounds_of(drive.trajectory),
        gnss_sigma_m=(round(drive.mean_sigma_m()[0], 4), round(drive.mean_sigma_m()[1], 4)),
    )
    if name in alignment.refused:
        refused = alignment.refused[name]
        return replace(own, standing=Standing.refused, reason=refused.reason, neighbours=refused.neighbours)
    if not drive.info.georeferenced:
        return own
    if not aligned_set:
        met = sorted(
            {m.drive if m.other == name else m.other for m in alignment.meetings if name in (m.drive, m.other)}
        )
        others = tuple(other for other in met if other != name)
        standing = Standing.unregistered if others else Standing.alone
        return replace(own, standing=standing, neighbours=others, aligned_set="" if others else name)
    neighbours, misfits = _registrations(name, alignment.adjustment)
    x, y, z = np.round(alignment.adjustment.corrections[name].shift_m.mean(axis=0), 4).tolist()
    return replace(
        own,
        standing=Standing.aligned,
        aligned_set=aligned_set,
        shift_m=(x, y, z),
        registrations=len(misfits),
        disagreement_m=round(float(np.median(misfits)), 4),
        neighbours=neighbours,
    )


def _registrations(name: str, adjustment: Adjustment) -> tuple[tuple[str, ...], list[float]]:
    """Drives it was believed to be registered to, and the horizontal misfit of each registration."""
    others, misfits = set(), []
    for agreement, weight in zip(adjustment.network.agreements, adjustment.weights):
        if weight and name in (agreement.a, agreement.b) and agreement.a != agreement.b:
            others |= {agreement.a, agreement.b} - {name}
            left = difference(agreement, adjustment.corrections)[:2] - agreement.shift_m[:2]
            misfits.append(float(np.hypot(*left)))
    return tuple(sorted(others)), misfits


def _datum_sigma_m(
    name: str,
    entry: SettledDrive,
    moving: Mapping[str, PlacedDrive],
    frozen: Mapping[str, PlacedDrive],
    sets: Mapping[str, str],
) -> float | None:
    """Sigma of what the drive's whole set has in common; None where it has nothing in common with those around it."""
    if entry.standing is Standing.alone:
        return moving[name].mean_sigma_m()[0]
    if entry.standing is not Standing.aligned:
        return None
    settled = [d.shared_sigma_m()[0] for n, d in sorted(frozen.items()) if (d.info.aligned_set or n) == sets[name]]
    if settled:
        return float(np.sqrt(np.mean(np.square(settled))))
    return datum_sigma_m(moving[other].mean_sigma_m()[0] for other in sorted(sets) if sets[other] == sets[name])


def _final(
    name: str,
    drive: PlacedDrive,
    entry: SettledDrive,
    alignment: Alignment,
    sigmas: KnotSigmas | None,
    config: AlignmentConfig,
) -> tuple[Trajectory, Float, Float | None]:
    """The final path, its height sigma and its sigma against the other drives, at every pose."""
    if entry.standing is Standing.aligned and sigmas is not None and sigmas.relative_m is not None:
        moved = alignment.adjustment.corrections[name].applied_to(drive.trajectory)
        times, knots = moved.timestamps_ns, drive.pieces.centre_ns
        xy, z, relative = (np.interp(times, knots, s) for s in (sigmas.xy_m, sigmas.z_m, sigmas.relative_m))
        return replace(moved, sigma_xy_m=xy), z, relative
    bent = np.minimum(drive.trajectory.sigma_xy_m, np.hypot(config.own_sigma_m, config.bending_sigma_m))
    return drive.trajectory, drive.sigma_z_m, bent if entry.standing is Standing.alone else None
