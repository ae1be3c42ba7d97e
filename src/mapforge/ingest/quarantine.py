"""What was left out of a drive, counted by table and reason."""

from __future__ import annotations

from collections import Counter


class Quarantine:
    """Counts rows (or sweeps, messages, chunks: the reason says which) that did not enter the drive.

    notes: warnings about the log as a whole, each once, in the order met.
    """

    def __init__(self) -> None:
        self._counts: Counter[str] = Counter()
        self._first_offset: dict[str, int] = {}
        self._notes: dict[str, None] = {}

    def add(self, table: str, reason: str, count: int = 1, offset_bytes: int | None = None) -> None:
        """Counts `count` things. offset_bytes: where in the file; the first one is kept with the reason."""
        if count <= 0:
            return
        key = f"{table}: {reason}"
        if offset_bytes is not None:
            self._first_offset.setdefault(key, offset_bytes)
        self._counts[key] += count

    def note(self, warning: str) -> None:
        self._notes.setdefault(warning)

    def counts(self) -> dict[str, int]:
        """By "table: reason", sorted; a reason met in a file says where it was met first."""
        return {
            f"{key} (first at byte {self._first_offset[key]})" if key in self._first_offset else key: count
            for key, count in sorted(self._counts.items())
        }

    def notes(self) -> tuple[str, ...]:
        return tuple(self._notes)
