"""The ledger of settled drives: whose final trajectory is fixed, and how it came to lie where it lies.

A settled drive keeps its trajectory, byte for byte, while new drives register to it. The ledger is written last, so a
job that died halfway is simply done again with the same drives moving.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace
from enum import Enum

from mapforge.errors import ContractError
from mapforge.io.atomic import write_text
from mapforge.io.trajectories import path_sha256
from mapforge.io.workspace import Workspace
from mapforge.localization.datum import datum_of_sets

LEDGER_VERSION = 1


class Standing(Enum):
    """What alignment made of a drive."""

    aligned = "aligned"
    alone = "alone"
    """No other drive was near: it stays where GNSS puts it."""
    unregistered = "unregistered"
    """Others were near, but nothing could be registered: it stays where GNSS puts it, as unsure as that."""
    unplaced = "unplaced"
    """Its log knows no place on earth: it lies at the configured origin."""
    refused = "refused"
    """It contradicts the others and is left out; `reason` says how."""


@dataclass(frozen=True)
class SettledDrive:
    """One drive of the ledger.

    unaligned_fingerprint, unaligned_sha256: of the trajectory it was made from. final_sha256: of the poses that are
    settled, empty when refused. bounds_m: west, south, east, north of its path in the map's frame.
    aligned_set: first drive (by name) of those it hangs together with. shift_m: mean correction of its path.
    gnss_sigma_m: (x or y, z) uncertainty of its own position before. registrations: believed ones it took part in.
    disagreement_m: their median horizontal misfit. neighbours: drives it was registered to, or contradicts.
    """

    standing: Standing
    unaligned_fingerprint: str
    unaligned_sha256: str
    final_sha256: str
    bounds_m: tuple[float, float, float, float]
    aligned_set: str = ""
    shift_m: tuple[float, float, float] = (0.0, 0.0, 0.0)
    gnss_sigma_m: tuple[float, float] = (0.0, 0.0)
    registrations: int = 0
    disagreement_m: float = 0.0
    neighbours: tuple[str, ...] = ()
    reason: str = ""


@dataclass(frozen=True)
class Ledger:
    """All settled drives by name."""

    drives: dict[str, SettledDrive] = field(default_factory=dict)

    def refused(self) -> dict[str, str]:
        """Drives that were left out, and why."""
        return {name: d.reason for name, d in sorted(self.drives.items()) if d.standing is Standing.refused}


@dataclass(frozen=True)
class Moves:
    """moving: drives to align now. frozen: settled ones they register to. refused: left out before, and unchanged."""

    moving: tuple[str, ...]
    frozen: tuple[str, ...]
    refused: tuple[str, ...]


def read_ledger(workspace: Workspace) -> Ledger:
    """The workspace's ledger; empty before the first alignment. Raises ContractError when it is not readable."""
    path = workspace.settled
    if not path.exists():
        return Ledger()
    try:
        raw = json.loads(path.read_text(encoding="utf-8"))
        drives = {name: _drive(entry) for name, entry in raw["drives"].items()}
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        raise ContractError(f"{path} is no ledger of settled drives ({error}); delete it to align all anew") from error
    return Ledger(drives)


def write_ledger(workspace: Workspace, ledger: Ledger) -> None:
    """Atomic; the same drives give the same bytes. The datum of every set stands beside them, for reports."""
    entries = {name: {**asdict(drive), "standing": drive.standing.value} for name, drive in ledger.drives.items()}
    sets = {name: asdict(datum) for name, datum in datum_of_sets(ledger.drives).items()}
    text = json.dumps({"version": LEDGER_VERSION, "drives": entries, "sets": sets}, indent=1, sort_keys=True)
    write_text(workspace.settled, text + "\n", workspace.tmp)


def which_move(workspace: Workspace, unaligned: Mapping[str, str], readjust: bool = False) -> Moves:
    """Which drives are to be aligned and which stay as they are.

    unaligned: fingerprint of each drive's trajectory before alignment. A drive is frozen when the ledger knows it from
    that same trajectory (the poses are compared when only the fingerprint differs) and its final one is still there.
    readjust: all move.
    """
    if readjust:
        return Moves(tuple(sorted(unaligned)), (), ())
    ledger = read_ledger(workspace)
    kept = {
        name: ledger.drives[name].standing
        for name, fingerprint in unaligned.items()
        if name in ledger.drives and _holds(workspace, name, fingerprint, ledger.drives[name])
    }
    return Moves(
        tuple(sorted(set(unaligned) - set(kept))),
        tuple(sorted(name for name, standing in kept.items() if standing is not Standing.refused)),
        tuple(sorted(name for name, standing in kept.items() if standing is Standing.refused)),
    )


def withdraw(workspace: Workspace, drive: str) -> None:
    """Takes a drive out of the ledger. Those that were refused for contradicting it get another chance."""
    ledger = read_ledger(workspace)
    left = {
        name: entry
        for name, entry in ledger.drives.items()
        if name != drive and not (entry.standing is Standing.refused and drive in entry.neighbours)
    }
    if left != ledger.drives:
        write_ledger(workspace, replace(ledger, drives=left))


def _drive(entry: dict[str, object]) -> SettledDrive:
    lists = {name: tuple(value) if isinstance(value, list) else value for name, value in entry.items()}
    return SettledDrive(**{**lists, "standing": Standing(entry["standing"])})  # type: ignore[arg-type]


def _holds(workspace: Workspace, name: str, fingerprint: str, settled: SettledDrive) -> bool:
    if settled.unaligned_fingerprint != fingerprint:
        source = workspace.unaligned_trajectory(name)
        if not source.exists() or path_sha256(source) != settled.unaligned_sha256:
            return False
    if settled.standing is Standing.refused:
        return True
    final = workspace.trajectory(name)
    return final.exists() and path_sha256(final) == settled.final_sha256
