"""Locks between processes that work on one workspace."""

from __future__ import annotations

import fcntl
from collections.abc import Iterator
from contextlib import contextmanager

from mapforge.io.workspace import Workspace


@contextmanager
def exclusive(workspace: Workspace, name: str) -> Iterator[None]:
    """One after the other, by whichever process; a dead one holds no lock. name: safe for a file name."""
    workspace.tmp.mkdir(parents=True, exist_ok=True)
    with (workspace.tmp / f"{name}.lock").open("w") as stream:
        fcntl.flock(stream, fcntl.LOCK_EX)
        yield
