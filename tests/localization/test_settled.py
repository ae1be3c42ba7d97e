"""The ledger: who moves, who stays, and what a withdrawn drive leaves."""

from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pytest

from mapforge.errors import ContractError
from mapforge.geometry.crs import MapFrame
from mapforge.geometry.trajectory import Trajectory
from mapforge.io.trajectories import TrajectoryInfo, path_sha256, write_trajectory
from mapforge.io.workspace import Workspace
from mapforge.localization.settled import (
    Ledger,
    Moves,
    SettledDrive,
    Standing,
    read_ledger,
    which_move,
    withdraw,
    write_ledger,
)

FRAME = MapFrame(32632, (456_000.0, 5_427_000.0))


def _write(workspace: Workspace, name: str, shift_m: float = 0.0, settled: bool = True) -> SettledDrive:
    """Both trajectories of a drive, and the entry that fits them."""
    times = np.arange(3, dtype=np.int64) * 10**9
    path = Trajectory(times, np.full((3, 3), shift_m), np.tile([1.0, 0.0, 0.0, 0.0], (3, 1)), np.full(3, 0.2))
    info = TrajectoryInfo(FRAME, "lidar+gnss", name, True, "f")
    targets = [workspace.unaligned_trajectory(name)] + [workspace.trajectory(name)] * settled
    for target in targets:
        write_trajectory(path, np.full(3, 0.4), info, target, workspace.tmp)
    sha256 = path_sha256(targets[0])
    return SettledDrive(Standing.aligned, f"u {name}", sha256, sha256, (0.0, 0.0, 1.0, 1.0), "a", (0.1, 0.2, 0.0))


@pytest.fixture
def settled(workspace: Workspace) -> Workspace:
    """a and b are settled; c contradicted b."""
    entries = {name: _write(workspace, name) for name in "ab"}
    refused = _write(workspace, "c", settled=False)
    refused = replace(
        refused, standing=Standing.refused, final_sha256="", neighbours=("b",), reason="contradicts b", aligned_set=""
    )
    write_ledger(workspace, Ledger({**entries, "c": refused}))
    return workspace


UNALIGNED = {"a": "u a", "b": "u b", "c": "u c"}


def test_round_trip(settled: Workspace) -> None:
    ledger = read_ledger(settled)
    assert ledger.drives["a"].shift_m == (0.1, 0.2, 0.0)
    assert ledger.refused() == {"c": "contradicts b"}
    sets = json.loads(settled.settled.read_text())["sets"]
    assert sets["a"]["drives"] == 2 and sets["a"]["offset_m"] == [0.1, 0.2, 0.0]
    before = settled.settled.read_bytes()
    write_ledger(settled, Ledger(dict(reversed(ledger.drives.items()))))
    assert settled.settled.read_bytes() == before


def test_what_is_settled_stays(settled: Workspace) -> None:
    assert which_move(settled, {**UNALIGNED, "d": "u d"}) == Moves(("d",), ("a", "b"), ("c",))
    assert which_move(settled, UNALIGNED, readjust=True) == Moves(("a", "b", "c"), (), ())
    assert which_move(Workspace(settled.root / "empty"), UNALIGNED) == Moves(("a", "b", "c"), (), ())


def test_the_poses_decide_not_the_fingerprint(settled: Workspace) -> None:
    """Another version of the code that finds the same path moves nothing; one that finds another does."""
    other = {**UNALIGNED, "a": "u a by new code"}
    assert which_move(settled, other).frozen == ("a", "b")
    _write(settled, "a", shift_m=0.5, settled=False)
    assert which_move(settled, other).moving == ("a",)


def test_a_lost_or_changed_final_path_moves(settled: Workspace) -> None:
    settled.trajectory("a").unlink()
    assert which_move(settled, UNALIGNED).moving == ("a",)
    _write(settled, "b", shift_m=1.0)
    assert which_move(settled, UNALIGNED).moving == ("a", "b")


def test_withdrawing_gives_those_it_contradicted_another_chance(settled: Workspace) -> None:
    withdraw(settled, "a")
    assert sorted(read_ledger(settled).drives) == ["b", "c"]
    withdraw(settled, "b")
    assert read_ledger(settled).drives == {}
    withdraw(settled, "b")


def test_a_torn_ledger_says_so(settled: Workspace) -> None:
    settled.settled.write_text('{"drives": {"a": 3}}')
    with pytest.raises(ContractError, match=r"settled\.json"):
        read_ledger(settled)
