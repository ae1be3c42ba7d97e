"""Jobs that worker processes can import."""

import logging
import os
import signal
import time
from dataclasses import dataclass
from pathlib import Path

from mapforge.io.atomic import write_text
from mapforge.io.workspace import Workspace


@dataclass(frozen=True)
class Inputs:
    workspace: Workspace
    name: str


def write_one(inputs: Inputs, config: str) -> list[Path]:
    target = inputs.workspace.root / "out" / f"{inputs.name}.txt"
    write_text(target, f"{inputs.name} {config}", inputs.workspace.tmp)
    return [target]


def fail(inputs: Inputs, config: str) -> list[Path]:
    raise ValueError(f"{inputs.name} is bad")


def kill_worker(inputs: Inputs, config: str) -> list[Path]:
    os.kill(os.getpid(), signal.SIGKILL)
    return []


def die_twice(inputs: Inputs, config: str) -> list[Path]:
    """Dies as by stray kills the first two times."""
    died = inputs.workspace.root / "died"
    before = len(died.read_text()) if died.exists() else 0
    if before < 2:
        died.parent.mkdir(parents=True, exist_ok=True)
        died.write_text("x" * (before + 1))
        os.kill(os.getpid(), signal.SIGKILL)
    return write_one(inputs, config)


def talk(inputs: Inputs, config: str) -> list[Path]:
    logging.getLogger("mapforge.somewhere").warning("%s looks odd", inputs.name)
    return write_one(inputs, config)


def write_pid(inputs: Inputs, config: str) -> list[Path]:
    time.sleep(0.2)
    target = inputs.workspace.root / "out" / f"{inputs.name}.txt"
    write_text(target, str(os.getpid()), inputs.workspace.tmp)
    return [target]
