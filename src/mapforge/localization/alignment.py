"""Alignment: new drives register to each other and to the settled ones, and share out their disagreements.

Settled drives are inputs: their trajectories stay as they are. Pieces of the new drives are registered to the drives
that were near; each new path then bends a little (a shift and a turn a piece) so that all agree, held in place by
everyone's GNSS. False registrations are outvoted, drives that contradict the others are left out. What all have in
common, no log can tell: it is stated as the datum's uncertainty.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from mapforge.io.workspace import Workspace
from mapforge.localization.agreements import Registrar
from mapforge.localization.alignment_config import AlignmentConfig
from mapforge.localization.bending import bending_sigma_m
from mapforge.localization.contradictions import Contradiction, worst_contradiction
from mapforge.localization.corrections import Adjustment, Agreement, adjust
from mapforge.localization.overlaps import Meeting, meetings_of
from mapforge.localization.placed_drives import PlacedDrive, load_frozen_near, load_moving
from mapforge.localization.settled import Ledger, read_ledger, which_move, write_ledger
from mapforge.localization.settling import Alignment, AlignmentInputs, settle


def run(inputs: AlignmentInputs, config: AlignmentConfig) -> Ledger:
    """Writes the final trajectories of the moving drives that fit, then the ledger, and returns it.

    Drives that meet no other, or were not georeferenced, keep their own path. Those of the moving ones that the ledger
    has settled already (by a job that died before anyone heard of it) stay as they are.
    """
    workspace, ledger = inputs.workspace, read_ledger(inputs.workspace)
    moves = which_move(workspace, {name: inputs.unaligned[name] for name in inputs.moving}, config.readjust)
    moving = load_moving(workspace, moves.moving, inputs.frame, config)
    placed = {name: drive for name, drive in moving.items() if drive.info.georeferenced}
    settled = sorted({*inputs.frozen, *moves.frozen})
    frozen = load_frozen_near(workspace, settled, ledger, placed, inputs.frame, config)
    alignment = align(workspace, placed, frozen, config)
    for name in alignment.refused:
        workspace.trajectory(name).unlink(missing_ok=True)
    entries = settle(inputs, moving, frozen, alignment, config)
    result = Ledger(dict(sorted({**ledger.drives, **entries}.items())))
    write_ledger(workspace, result)
    return result


def align(
    workspace: Workspace,
    moving: Mapping[str, PlacedDrive],
    frozen: Mapping[str, PlacedDrive],
    config: AlignmentConfig,
) -> Alignment:
    """Corrections of the moving drives by registration and adjustment, repeated `config.rounds` times."""
    drives = {**frozen, **moving}
    meetings = _meetings(moving, frozen, config) if config.enabled else []
    registrar = Registrar(workspace, drives, config)
    adjustment = adjust({name: drive.knots(config, config.bending_sigma_m) for name, drive in moving.items()}, [])
    refused: dict[str, Contradiction] = {}
    for _ in range(config.rounds if meetings else 0):
        agreements = registrar.agreements(meetings, adjustment.corrections)
        bending = bending_sigma_m(drives, frozenset(moving), agreements, config)
        adjustment, refused = _without_contradictions(moving, agreements, bending, config)
    return Alignment(adjustment, refused, meetings)


def _meetings(
    moving: Mapping[str, PlacedDrive], frozen: Mapping[str, PlacedDrive], config: AlignmentConfig
) -> list[Meeting]:
    return meetings_of(
        {name: drive.pieces for name, drive in {**frozen, **moving}.items()},
        frozenset(moving),
        {name: drive.mean_sigma_m()[0] for name, drive in frozen.items()},
        config.reach_m,
        config.min_shared_way,
        config.max_neighbours,
    )


def _without_contradictions(
    moving: Mapping[str, PlacedDrive], agreements: Sequence[Agreement], bending: float, config: AlignmentConfig
) -> tuple[Adjustment, dict[str, Contradiction]]:
    """Adjusts, leaves out the drive that fits least, and again until all fit."""
    refused: dict[str, Contradiction] = {}
    while True:
        knots = {name: drive.knots(config, bending) for name, drive in moving.items() if name not in refused}
        adjustment = adjust(knots, [a for a in agreements if not refused.keys() & {a.a, a.b}])
        worst = worst_contradiction(adjustment, moving, config)
        if worst is None:
            return adjustment, refused
        refused[worst.drive] = worst
