"""Ingest: one log into the drive store."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from mapforge.errors import ConfigurationError, DriveRefusedError, LogError
from mapforge.ingest.av2 import Av2Reader
from mapforge.ingest.checks import Checks
from mapforge.ingest.config import IngestConfig
from mapforge.ingest.discovery import LogFormat, LogSource
from mapforge.ingest.kitti import KittiReader
from mapforge.ingest.mcap import McapReader
from mapforge.ingest.quarantine import Quarantine
from mapforge.ingest.records import FrameFilter, LogReader, SweepRecord
from mapforge.ingest.source_index import (
    choose_drive_id,
    drive_fingerprint,
    find_ingested,
    name_lock,
    safe_name,
    source_sha256,
)
from mapforge.io.drive_writer import DriveWriter
from mapforge.io.workspace import Workspace
from mapforge.schemas.drive import DriveManifest


@dataclass(frozen=True)
class IngestInputs:
    """One log and where it goes.

    city: of an AV2 log without map files. origin_lon_lat_deg: where a log was that does not know it itself.
    frame_filter: what every camera frame goes through first; must be there when `privacy.blur` is set.
    """

    source: LogSource
    workspace: Workspace
    city: str | None = None
    origin_lon_lat_deg: tuple[float, float] | None = None
    frame_filter: FrameFilter | None = None


def run(inputs: IngestInputs, config: IngestConfig) -> DriveManifest:
    """Reads the log into `drives/<drive_id>` and returns its manifest; a log that is there already is left as it is.

    Raises LogError (unreadable), DriveRefusedError (not fit for mapping), ConfigurationError (AV2 without a city).
    """
    if config.privacy.blur and inputs.frame_filter is None:
        raise ConfigurationError("ingest.privacy.blur is set but there is no frame_filter: nothing would be blurred")
    source, workspace = inputs.source, inputs.workspace
    sha256 = source_sha256(source, workspace)
    filtered = inputs.frame_filter.fingerprint if inputs.frame_filter is not None else ""
    fingerprint = drive_fingerprint(sha256, inputs.city, inputs.origin_lon_lat_deg, config, filtered)
    with name_lock(workspace, safe_name(source)):
        existing = find_ingested(workspace, sha256)
        if existing is not None and existing.fingerprint == fingerprint:
            return existing
        drive_id = existing.drive_id if existing else choose_drive_id(workspace, source, sha256)
        quarantine = Quarantine()
        checks = Checks(
            quarantine,
            config.min_range_m,
            config.max_range_m,
            config.min_points_per_sweep,
            config.max_time_jump_s,
        )
        with DriveWriter(workspace, drive_id) as writer:
            reader = open_log(source, inputs.city, config)
            sweeps = _copy(reader, checks, quarantine, writer, inputs.frame_filter)
            _require_sweeps(sweeps, config.min_sweeps, source, quarantine)
            reference = _reference(reader, inputs, quarantine)
            return writer.finish(
                source_format=str(source.format),
                source_sha256=sha256,
                quarantined=quarantine.counts(),
                reference_lon_lat_deg=reference,
                motion_compensated=reader.motion_compensated,
                warnings=quarantine.notes(),
                fingerprint=fingerprint,
            )


def open_log(source: LogSource, city: str | None, config: IngestConfig) -> LogReader:
    """The reader of the log's format."""
    match source.format:
        case LogFormat.MCAP:
            limit = config.max_record_mb * 2**20
            return McapReader(source.path, limit, config.max_lever_m, config.wheel_radius_m)
        case LogFormat.AV2:
            return Av2Reader(source.path, city, config.max_lever_m)
        case LogFormat.KITTI:
            return KittiReader(source.path, config.max_lever_m)


def _copy(
    reader: LogReader, checks: Checks, quarantine: Quarantine, writer: DriveWriter, frame_filter: FrameFilter | None
) -> int:
    """All good records into the writer; returns how many sweeps."""
    sweeps = 0
    for record in reader.records(quarantine):
        if isinstance(record, SweepRecord):
            sweep = checks.sweep(record)
            if sweep is not None:
                writer.add_sweep(**sweep)
                sweeps += 1
        else:
            rows = checks.rows(record)
            if record.table == "camera" and frame_filter is not None:
                rows = _filtered(rows, frame_filter, quarantine)
            writer.add_rows(record.table, rows)
    return sweeps


def _filtered(rows: dict[str, Any], frame_filter: FrameFilter, quarantine: Quarantine) -> dict[str, Any]:
    """Camera rows with their pictures changed; those that cannot be are left out."""
    kept, images = [], []
    for row, (image, encoding) in enumerate(zip(rows["image"], rows["encoding"])):
        try:
            images.append(frame_filter(bytes(image), str(encoding)))
            kept.append(row)
        except LogError:
            quarantine.add("camera", "picture that cannot be decoded to be blurred")
    return {**{name: [values[row] for row in kept] for name, values in rows.items()}, "image": images}


def _reference(reader: LogReader, inputs: IngestInputs, quarantine: Quarantine) -> tuple[float, float] | None:
    """Where on earth the drive was: as the log says, else as configured, which is noted."""
    own, configured = reader.reference_lon_lat_deg(), inputs.origin_lon_lat_deg
    if own is None and configured is not None:
        quarantine.note(f"the log does not say where it was: placed at the configured lon, lat {configured}")
    return own or configured


def _require_sweeps(sweeps: int, min_sweeps: int, source: LogSource, quarantine: Quarantine) -> None:
    if sweeps < min_sweeps:
        left_out = {key: n for key, n in quarantine.counts().items() if key.startswith(("lidar", "log"))}
        raise DriveRefusedError(
            f"{source.path}: {sweeps} good lidar sweeps, at least {min_sweeps} are needed (ingest.min_sweeps); "
            f"left out: {left_out or 'nothing, the log has no lidar'}"
        )
