"""Nothing unfinished is ever visible: write in `tmp/`, flush, rename."""

from __future__ import annotations

import os
import shutil
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


@contextmanager
def atomic_file(target: Path, tmp: Path) -> Iterator[Path]:
    """Gives a path in `tmp` to write; on success it is flushed and renamed to `target`, else removed."""
    tmp.mkdir(parents=True, exist_ok=True)
    unfinished = tmp / f"{uuid.uuid4().hex}{target.suffix}"
    try:
        yield unfinished
        _flush(unfinished)
        target.parent.mkdir(parents=True, exist_ok=True)
        unfinished.replace(target)
        _flush(target.parent)
    finally:
        unfinished.unlink(missing_ok=True)


@contextmanager
def atomic_folder(target: Path, tmp: Path) -> Iterator[Path]:
    """Gives a new folder in `tmp` to fill; on success it is flushed and takes the place of `target`."""
    unfinished = tmp / uuid.uuid4().hex
    unfinished.mkdir(parents=True)
    try:
        yield unfinished
        for path in sorted(unfinished.rglob("*")):
            _flush(path)
        target.parent.mkdir(parents=True, exist_ok=True)
        if target.exists():
            old = tmp / uuid.uuid4().hex
            target.rename(old)
            unfinished.rename(target)
            shutil.rmtree(old)
        else:
            unfinished.rename(target)
        _flush(target.parent)
    finally:
        shutil.rmtree(unfinished, ignore_errors=True)


def write_text(target: Path, text: str, tmp: Path) -> None:
    """Atomic `Path.write_text`, UTF-8."""
    with atomic_file(target, tmp) as path:
        path.write_text(text, encoding="utf-8")


def _flush(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
