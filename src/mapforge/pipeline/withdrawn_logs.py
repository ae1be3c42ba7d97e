"""Logs whose drives were withdrawn: known by content, so that they are not taken in again from wherever they lie."""

from __future__ import annotations

import json
from collections.abc import Mapping

from mapforge.errors import ContractError
from mapforge.io.atomic import write_text
from mapforge.io.workspace import Workspace


def withdrawn_logs(workspace: Workspace) -> dict[str, dict[str, str]]:
    """sha256 of the log -> drive_id and reason. Raises ContractError when the list cannot be read."""
    try:
        raw = json.loads(workspace.withdrawn.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return {}
    except json.JSONDecodeError as error:
        raise ContractError(
            f"{workspace.withdrawn} is no JSON: {error}; restore it, it keeps withdrawn logs out"
        ) from None
    return {str(sha256): dict(entry) for sha256, entry in raw.items()}


def write_withdrawn_logs(workspace: Workspace, logs: Mapping[str, Mapping[str, str]]) -> None:
    text = json.dumps({sha256: dict(entry) for sha256, entry in logs.items()}, indent=1, sort_keys=True)
    write_text(workspace.withdrawn, text, workspace.tmp)
