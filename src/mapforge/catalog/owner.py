"""Who holds a lease: a process, named so that its death is seen at once on the same machine."""

from __future__ import annotations

import os
import socket
from enum import Enum, auto
from functools import lru_cache
from pathlib import Path

import psutil

LEASE_NS = 3600 * 10**9
"""How long an owner that cannot be judged is believed in without a sign of life."""


class Fate(Enum):
    """What can be said of an owner from here. `UNKNOWN`: it runs where this process cannot look."""

    ALIVE = auto()
    DEAD = auto()
    UNKNOWN = auto()


def this_process() -> str:
    """`host/pid/start`: the start tells a process from a later one with the same pid, whatever the clock does."""
    return f"{_host()}/{os.getpid()}/{_view()}-{_start(os.getpid())}"


def fate(owner: str) -> Fate:
    """Whether `owner` still runs. Only processes of this boot and pid namespace of this host can be judged."""
    host, pid, start = owner.rsplit("/", 2)
    view, _, began = start.rpartition("-")
    if host != _host():
        return Fate.UNKNOWN
    if view and view.partition("-")[0] != _view().partition("-")[0]:
        return Fate.DEAD  # the machine was restarted since
    if view and view != _view():
        return Fate.UNKNOWN  # another container that calls itself by the same name
    try:
        now_there = _start(int(pid))
    except psutil.NoSuchProcess:
        return Fate.DEAD
    if not view:
        return Fate.UNKNOWN  # a name as earlier versions wrote it: its start moves with the clock
    return Fate.ALIVE if now_there == int(began) else Fate.DEAD


def is_dead(owner: str) -> bool:
    """True when `owner` is known to run no more. Owners elsewhere are never called dead."""
    return fate(owner) is Fate.DEAD


def is_over(owner: str, sign_of_life_ns: int, now_ns: int) -> bool:
    """True when `owner` is dead, or cannot be judged and gave no sign of life for an hour.

    A sign from more than an hour ahead comes from a clock that was wrong, and says nothing.
    """
    fated = fate(owner)
    if fated is Fate.UNKNOWN:
        return abs(now_ns - sign_of_life_ns) >= LEASE_NS
    return fated is Fate.DEAD


def _start(pid: int) -> int:
    """When a process began, on a clock that nobody sets: ticks since boot where /proc tells them.

    Raises psutil.NoSuchProcess when it is not there, or ended and only waits for its parent to notice.
    """
    try:
        fields = Path(f"/proc/{pid}/stat").read_bytes().rpartition(b")")[2].split()
    except (FileNotFoundError, ProcessLookupError):
        if Path("/proc/self/stat").exists():
            raise psutil.NoSuchProcess(pid) from None
        return int(psutil.Process(pid).create_time() * 1000)
    if fields[0] in (b"Z", b"X"):
        raise psutil.NoSuchProcess(pid)
    return int(fields[19])


@lru_cache(maxsize=1)
def _host() -> str:
    return socket.gethostname()


@lru_cache(maxsize=1)
def _view() -> str:
    """The boot of this machine and the pid namespace: within both, a pid and its start name one process."""
    boot, space = Path("/proc/sys/kernel/random/boot_id"), Path("/proc/self/ns/pid")
    if not boot.exists() or not space.exists():
        return "0-0"
    return f"{boot.read_text().strip().replace('-', '')[:12]}-{space.stat().st_ino}"
