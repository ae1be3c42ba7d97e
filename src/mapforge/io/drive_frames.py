"""Camera frames of a drive that were deleted on purpose: told from frames that got lost by a note in the drive."""

from __future__ import annotations

import json
from pathlib import Path

from mapforge.io.atomic import write_text

NOTE = "camera.removed.json"
TABLE = "camera"


def frame_files(folder: Path) -> list[Path]:
    """Files of a drive folder that hold camera frames, sorted."""
    return sorted(path for path in folder.glob(f"{TABLE}*.parquet") if is_frame_file(path.name))


def is_frame_file(name: str) -> bool:
    return name == f"{TABLE}.parquet" or name.startswith(f"{TABLE}-")


def frames_are_removed(folder: Path) -> bool:
    return (folder / NOTE).exists()


def remove_frames(folder: Path, tmp: Path) -> None:
    """Deletes the frames for good; the manifest stays, so that what was made of the drive stays valid.

    The note is there before the first file goes: killed in between, the same call finishes.
    """
    files = frame_files(folder)
    if not files:
        return
    note = {"files": [path.name for path in files], "reason": "ingest.privacy.keep_frames is false"}
    write_text(folder / NOTE, json.dumps(note, indent=1, sort_keys=True) + "\n", tmp)
    for path in files:
        path.unlink(missing_ok=True)
