"""Quality records of trajectories, one JSON file a drive."""

from __future__ import annotations

from mapforge.errors import MissingInputError
from mapforge.io.atomic import write_text
from mapforge.io.workspace import Workspace
from mapforge.schemas.trajectory_quality import TrajectoryQuality


def write_quality(quality: TrajectoryQuality, workspace: Workspace) -> None:
    """Writes atomically to `workspace.trajectory_quality(drive_id)`."""
    write_text(workspace.trajectory_quality(quality.drive_id), quality.to_json(), workspace.tmp)


def read_quality(workspace: Workspace, drive_id: str) -> TrajectoryQuality:
    """Raises MissingInputError or ContractError."""
    path = workspace.trajectory_quality(drive_id)
    if not path.exists():
        raise MissingInputError(f"{path} is missing: localise drive {drive_id} first")
    return TrajectoryQuality.from_json(path.read_bytes(), str(path))
