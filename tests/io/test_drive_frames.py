"""Frames that were removed on purpose are not missed; frames that got lost are."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from mapforge.errors import ContractError, MissingInputError
from mapforge.io.drive_frames import NOTE, frame_files, frames_are_removed, remove_frames
from mapforge.io.drive_store import DriveReader
from mapforge.io.drive_writer import DriveWriter
from mapforge.io.workspace import Workspace


@pytest.fixture
def drive(tmp_path: Path) -> Path:
    workspace = Workspace(tmp_path)
    with DriveWriter(workspace, "d") as writer:
        writer.add_sweep(10**18, "top", np.ones((5, 3)), np.ones(5))
        frame = {"timestamp_ns": [10**18], "sensor": ["front"], "image": [b"picture"], "encoding": ["png"]}
        writer.add_rows("camera", {**frame, "width_px": [4], "height_px": [4]})
        writer.finish("mcap", "0" * 64)
    return workspace.drive("d")


def test_the_drive_stays_whole_and_its_manifest_the_same(drive: Path, tmp_path: Path) -> None:
    manifest = (drive / "manifest.json").read_bytes()
    remove_frames(Workspace(tmp_path), "d", frame_files(drive))
    assert frames_are_removed(drive) and not frame_files(drive)
    assert (drive / "manifest.json").read_bytes() == manifest
    DriveReader(drive).verify(full=True)
    assert len(list(DriveReader(drive).sweeps())) == 1


def test_who_needs_frames_is_told_how_to_get_them_back(drive: Path, tmp_path: Path) -> None:
    remove_frames(Workspace(tmp_path), "d", frame_files(drive))
    with pytest.raises(MissingInputError, match=f"keep_frames is false.*delete {NOTE}"):
        list(DriveReader(drive).camera_frames())


def test_lost_frames_are_missed(drive: Path) -> None:
    (drive / "camera.parquet").unlink()
    with pytest.raises(ContractError, match=r"camera\.parquet is missing"):
        DriveReader(drive).verify()


def test_a_removal_that_was_killed_is_finished_by_the_next(drive: Path, tmp_path: Path) -> None:
    (drive / NOTE).write_text("{}")
    assert frame_files(drive)
    DriveReader(drive).verify()
    remove_frames(Workspace(tmp_path), "d", frame_files(drive))
    assert not frame_files(drive)
    remove_frames(Workspace(tmp_path), "d", frame_files(drive))
