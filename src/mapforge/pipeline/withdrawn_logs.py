"""Logs whose drives were withdrawn: known by content, so that they are not taken in again from wherever they lie."""

from __future__ import annotations

import json
from collections.abc import Mapping

from mapforge.errors import ContractError
from mapforge.io.atomic import write_text
from mapforge.io.json_text import read_object
from mapforge.io.workspace import Workspace

_REMEDY = "restore it, it keeps withdrawn logs out"


def withdrawn_logs(workspace: Workspace) -> dict[str, dict[str, str]]:
    """sha256 of the log -> drive_id and reason. Raises ContractError when the list cannot be read."""
    try:
        raw = read_object(workspace.withdrawn, _REMEDY)
        return {sha256: {"drive_id": str(e["drive_id"]), "reason": str(e["reason"])} for sha256, e in raw.items()}
    except FileNotFoundError:
        return {}
    except (KeyError, TypeError) as error:
        raise ContractError(f"{workspace.withdrawn}: an entry is damaged ({error!r}); {_REMEDY}") from error


def write_withdrawn_logs(workspace: Workspace, logs: Mapping[str, Mapping[str, str]]) -> None:
    text = json.dumps({sha256: dict(entry) for sha256, entry in logs.items()}, indent=1, sort_keys=True)
    write_text(workspace.withdrawn, text, workspace.tmp)
