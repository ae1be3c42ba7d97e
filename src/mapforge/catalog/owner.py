"""Who holds a lease: a process, named so that its death is seen at once on the same machine."""

from __future__ import annotations

import os
import socket
from functools import lru_cache

import psutil


def this_process() -> str:
    """`host/pid/start`: the start time tells a process from a later one with the same pid."""
    return f"{_host()}/{os.getpid()}/{int(psutil.Process().create_time() * 1000)}"


def is_dead(owner: str) -> bool:
    """True when `owner` ran on this machine and runs no more. Owners elsewhere are never called dead."""
    host, pid, started = owner.rsplit("/", 2)
    if host != _host():
        return False
    try:
        return int(psutil.Process(int(pid)).create_time() * 1000) != int(started)
    except psutil.NoSuchProcess:
        return True


@lru_cache(maxsize=1)
def _host() -> str:
    return socket.gethostname()
