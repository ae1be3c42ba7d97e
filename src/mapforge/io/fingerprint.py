"""Fingerprints: a derived file is trusted only while the hash of all that made it stays the same."""

from __future__ import annotations

import hashlib
import json
from dataclasses import asdict, is_dataclass
from enum import Enum
from functools import lru_cache
from importlib import import_module
from pathlib import Path
from typing import Any


def sha256_of_file(path: Path) -> str:
    """Hex sha256 of a file's bytes, read in bounded pieces."""
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def fingerprint_of(**inputs: Any) -> str:
    """Hex sha256 over named inputs: dataclasses, numbers, strings, lists and dicts of them. Order-free by name."""
    text = json.dumps(inputs, sort_keys=True, default=_plain, separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()


@lru_cache(maxsize=64)
def code_version(*packages: str) -> str:
    """Hex sha256 over the Python sources of packages or modules, so that changed code rebuilds what it made."""
    digest = hashlib.sha256()
    for package in sorted(packages):
        location = import_module(package).__file__
        assert location is not None
        path = Path(location)
        sources = sorted(path.parent.rglob("*.py")) if path.name == "__init__.py" else [path]
        for source in sources:
            digest.update(str(source.relative_to(path.parent)).encode())
            digest.update(source.read_bytes())
    return digest.hexdigest()


def _plain(value: Any) -> Any:
    if is_dataclass(value) and not isinstance(value, type):
        return asdict(value)
    if isinstance(value, Enum):
        return value.value
    if isinstance(value, Path | tuple | frozenset | set):
        return str(value) if isinstance(value, Path) else sorted(value) if isinstance(value, set) else list(value)
    raise TypeError(f"cannot fingerprint a {type(value).__name__}: {value!r}")
