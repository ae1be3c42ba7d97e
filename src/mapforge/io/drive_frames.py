"""Camera frames of a drive that were deleted on purpose: told from frames that got lost by a note in the drive."""

from __future__ import annotations

import json
from collections.abc import Iterable
from pathlib import Path

from mapforge.io import mirror
from mapforge.io.atomic import write_text
from mapforge.io.workspace import Workspace

NOTE = "camera.removed.json"
TABLE = "camera"


def frame_files(folder: Path) -> list[Path]:
    """Files of a drive folder that hold camera frames, sorted."""
    return sorted(path for path in folder.glob(f"{TABLE}*.parquet") if is_frame_file(path.name))


def is_frame_file(name: str) -> bool:
    return name == f"{TABLE}.parquet" or name.startswith(f"{TABLE}-")


def frames_are_removed(folder: Path) -> bool:
    return (folder / NOTE).exists()


def remove_frames(workspace: Workspace, drive_id: str, frames: Iterable[Path]) -> None:
    """Deletes frames for good; the manifest stays, so that what was made of the drive stays valid.

    The note is there before the first file goes: killed in between, the same call finishes.
    """
    files, note = sorted(frames), workspace.drive(drive_id) / NOTE
    if not files:
        return
    text = {"files": [path.name for path in files], "reason": "ingest.privacy.keep_frames is false"}
    write_text(note, json.dumps(text, indent=1, sort_keys=True) + "\n", workspace.tmp)
    mirror.put(workspace, [note])
    mirror.delete(workspace, files)
