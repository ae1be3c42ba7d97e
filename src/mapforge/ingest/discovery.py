"""Finds logs and recognises their format by what is in them."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

from mapforge.errors import MissingInputError, UnknownFormatError

MCAP_MAGIC = b"\x89MCAP0\r\n"
MAX_DEPTH = 5


class LogFormat(StrEnum):
    """Formats with a reader."""

    MCAP = "mcap"
    AV2 = "av2"
    KITTI = "kitti"


@dataclass(frozen=True)
class LogSource:
    """One log: a file (MCAP) or a folder (AV2, KITTI raw drive)."""

    path: Path
    format: LogFormat

    def files(self) -> list[tuple[str, Path]]:
        """Everything the log is made of, by a name that does not depend on where it lies; sorted."""
        if self.path.is_file():
            return [(self.path.name, self.path)]
        inside = {str(p.relative_to(self.path).as_posix()): p for p in self.path.rglob("*") if _counts(p, self.path)}
        if self.format is LogFormat.KITTI:
            inside.update({f"../{p.name}": p for p in self.path.parent.glob("calib_*.txt")})
        return sorted(inside.items())


def find_logs(source: Path, log_format: LogFormat | None = None) -> list[LogSource]:
    """The log at `source`, or all logs in that folder, sorted by path.

    log_format: only logs of it; a file or folder given by name is then taken to be one.
    Raises MissingInputError when there is nothing, UnknownFormatError when no reader knows what is there.
    """
    if not source.exists():
        raise MissingInputError(f"{source} does not exist; give a log file or a folder of logs")
    found = [log for log in _walk(source, MAX_DEPTH) if log_format in (None, log.format)]
    if not found:
        wanted = f"no {log_format} log" if log_format else "no log MapForge can read"
        inside = sorted(p.name for p in source.iterdir())[:8] if source.is_dir() else [_first_bytes(source)]
        raise UnknownFormatError(
            f"{source} is or holds {wanted} (seen: {', '.join(inside) or 'nothing'}). Known are *.mcap files, AV2 log "
            "folders (sensors/lidar/*.feather, city_SE3_egovehicle.feather) and KITTI raw drives "
            "(velodyne_points/data/*.bin)"
        )
    return found


def format_of(path: Path) -> LogFormat | None:
    """The format of one log, None when `path` is none."""
    if path.is_file():
        return LogFormat.MCAP if path.suffix.lower() == ".mcap" or _has_magic(path) else None
    if (path / "city_SE3_egovehicle.feather").is_file() and _any(path / "sensors" / "lidar", "*.feather"):
        return LogFormat.AV2
    if _any(path / "velodyne_points" / "data", "*.bin"):
        return LogFormat.KITTI
    return None


def _walk(path: Path, depth: int) -> list[LogSource]:
    kind = format_of(path)
    if kind is not None:
        return [LogSource(path, kind)]
    if not path.is_dir() or depth == 0:
        return []
    children = sorted(p for p in path.iterdir() if not p.name.startswith("."))
    return [log for child in children for log in _walk(child, depth - 1)]


def _has_magic(path: Path) -> bool:
    with path.open("rb") as stream:
        return stream.read(len(MCAP_MAGIC)) == MCAP_MAGIC


def _first_bytes(path: Path) -> str:
    with path.open("rb") as stream:
        return f"a file starting with {stream.read(8)!r}"


def _any(folder: Path, pattern: str) -> bool:
    return folder.is_dir() and next(folder.glob(pattern), None) is not None


def _counts(path: Path, root: Path) -> bool:
    return path.is_file() and not any(part.startswith(".") for part in path.relative_to(root).parts)
