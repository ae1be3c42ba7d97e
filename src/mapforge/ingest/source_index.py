"""Tells whether a log is in the store already, without hashing what has not been touched since."""

from __future__ import annotations

import fcntl
import hashlib
import json
import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from mapforge.errors import ContractError
from mapforge.ingest.discovery import LogSource
from mapforge.io.atomic import write_text
from mapforge.io.drive_store import MANIFEST_NAME, DriveReader
from mapforge.io.fingerprint import sha256_of_file
from mapforge.io.workspace import Workspace
from mapforge.schemas.drive import DriveManifest

INDEX_NAME = "sources.json"
_SUFFIX_LENGTH = 8
_LONGEST_NAME = 100


def source_sha256(source: LogSource, workspace: Workspace) -> str:
    """Hash of a log's content: of the file, or over names and hashes of a folder's files.

    Hashes are remembered by place, size and modification time; the memory is a shortcut that may be deleted.
    """
    files = source.files()
    stamp = hashlib.sha256(
        json.dumps([(name, str(p), p.stat().st_size, p.stat().st_mtime_ns) for name, p in files]).encode()
    ).hexdigest()
    known = _read_index(workspace)
    if stamp not in known:
        known = {**_read_index(workspace), stamp: _hash_of(source, files)}
        write_text(workspace.root / INDEX_NAME, json.dumps(known, indent=0, sort_keys=True), workspace.tmp)
    return known[stamp]


def find_ingested(workspace: Workspace, sha256: str) -> DriveManifest | None:
    """The manifest of the drive made from this log, if its files are still there."""
    for path in sorted(workspace.drives.glob(f"*/{MANIFEST_NAME}")):
        reader = DriveReader(path.parent)
        try:
            if reader.manifest.source_sha256 == sha256:
                reader.verify()
                return reader.manifest
        except ContractError:
            continue
    return None


def choose_drive_id(workspace: Workspace, source: LogSource, sha256: str) -> str:
    """The log's name made safe; with a piece of its hash where another log has that name."""
    name = safe_name(source)
    path = workspace.drive(name) / MANIFEST_NAME
    if path.exists() and json.loads(path.read_text(encoding="utf-8")).get("source_sha256") != sha256:
        return f"{name}-{sha256[:_SUFFIX_LENGTH]}"
    return name


def safe_name(source: LogSource) -> str:
    """Letters, digits, _ . + - of the log's file or folder name, starting with a letter or digit."""
    stem = source.path.stem if source.path.is_file() else source.path.name
    return re.sub(r"[^A-Za-z0-9_.+-]+", "-", stem).strip("-_.+")[:_LONGEST_NAME] or "drive"


@contextmanager
def name_lock(workspace: Workspace, name: str) -> Iterator[None]:
    """Logs of the same name are ingested one after the other, by whichever process; a dead one holds no lock."""
    workspace.tmp.mkdir(parents=True, exist_ok=True)
    with (workspace.tmp / f"{name}.ingest.lock").open("w") as stream:
        fcntl.flock(stream, fcntl.LOCK_EX)
        yield


def _hash_of(source: LogSource, files: list[tuple[str, Path]]) -> str:
    if source.path.is_file():
        return sha256_of_file(source.path)
    digest = hashlib.sha256()
    for name, path in files:
        digest.update(f"{name}\0{sha256_of_file(path)}\n".encode())
    return digest.hexdigest()


def _read_index(workspace: Workspace) -> dict[str, str]:
    try:
        raw = json.loads((workspace.root / INDEX_NAME).read_text(encoding="utf-8"))
    except (FileNotFoundError, json.JSONDecodeError):
        return {}
    return raw if isinstance(raw, dict) else {}
