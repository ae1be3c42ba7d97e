"""Tells whether a log is in the store already, without hashing what has not been touched since."""

from __future__ import annotations

import hashlib
import json
import re
from contextlib import AbstractContextManager
from dataclasses import replace
from pathlib import Path

from mapforge.errors import ContractError
from mapforge.ingest.config import IngestConfig
from mapforge.ingest.discovery import LogSource
from mapforge.io.atomic import write_text
from mapforge.io.drive_store import MANIFEST_NAME, DriveReader
from mapforge.io.fingerprint import code_version, fingerprint_of, sha256_of_file
from mapforge.io.locks import exclusive
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
    stamp = place_stamp(source)
    known = _read_index(workspace)
    if stamp in known:
        return known[stamp]
    sha256 = _hash_of(source, files)
    remember(stamp, sha256, workspace)
    return sha256


def remember(stamp: str, sha256: str, workspace: Workspace) -> None:
    """Keeps a log's hash for `remembered_sha256`. stamp: `place_stamp` of the log before it was hashed."""
    with name_lock(workspace, "=index"):  # no log has this name
        known = {**_read_index(workspace), stamp: sha256}
        write_text(workspace.root / INDEX_NAME, json.dumps(known, indent=0, sort_keys=True), workspace.tmp)


def remembered_sha256(workspace: Workspace) -> dict[str, str]:
    """`place_stamp` of logs -> `source_sha256`, of those hashed before."""
    return _read_index(workspace)


def place_stamp(source: LogSource) -> str:
    """Hash of where a log's files lie, how long they are and when they were written: cheap, and new when it changes."""
    entries = [(name, str(p), p.stat().st_size, p.stat().st_mtime_ns) for name, p in source.files()]
    return hashlib.sha256(json.dumps(entries).encode()).hexdigest()


def drive_fingerprint(
    source_sha256: str,
    city: str | None,
    origin_lon_lat_deg: tuple[float, float] | None,
    config: IngestConfig,
    frame_filter: str = "",
) -> str:
    """Of all that decides what a log becomes. frame_filter: fingerprint of what changes its pictures."""
    kept = replace(config, privacy=replace(config.privacy, keep_frames=True))
    return fingerprint_of(
        source=source_sha256,
        city=city,
        origin=origin_lon_lat_deg,
        config=kept,
        frame_filter=frame_filter,
        code=code_version("mapforge.ingest", "mapforge.io.drive_writer", "mapforge.schemas.drive"),
    )


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
    if path.exists() and _source_of(path) != sha256:
        return f"{name}-{sha256[:_SUFFIX_LENGTH]}"
    return name


def _source_of(manifest: Path) -> str | None:
    """The log a drive was made from; None when its manifest is damaged."""
    try:
        raw = json.loads(manifest.read_text(encoding="utf-8"))
    except (ValueError, RecursionError):
        return None
    return raw.get("source_sha256") if isinstance(raw, dict) else None


def safe_name(source: LogSource) -> str:
    """Letters, digits, _ . + - of the log's file or folder name, starting with a letter or digit."""
    stem = source.path.stem if source.path.is_file() else source.path.name
    return re.sub(r"[^A-Za-z0-9_.+-]+", "-", stem).strip("-_.+")[:_LONGEST_NAME] or "drive"


def name_lock(workspace: Workspace, name: str) -> AbstractContextManager[None]:
    """Logs of the same name are ingested one after the other, by whichever process; a dead one holds no lock."""
    return exclusive(workspace, f"{name}.ingest")


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
    except (FileNotFoundError, ValueError, RecursionError):
        return {}
    return {k: v for k, v in raw.items() if isinstance(v, str)} if isinstance(raw, dict) else {}
