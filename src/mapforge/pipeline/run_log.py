"""The structured log of a run: one JSON object a line, with run, stage, drive and tile."""

from __future__ import annotations

import json
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from mapforge.pipeline.jobs import Outcome
from mapforge.pipeline.telemetry import place_of


class RunLog:
    """Appends to `log.jsonl` in the run's report folder; each line is whole or absent."""

    def __init__(self, path: Path) -> None:
        self._path, self._run_id = path, ""

    def run_began(self, run_id: str, region: str) -> None:
        self._run_id = run_id
        self._path.parent.mkdir(parents=True, exist_ok=True)
        self._write("info", "run began", region=region)

    def stage_began(self, stage: str, todo: int, reused: int) -> None:
        self._write("info", "stage began", stage=stage, todo=todo, reused=reused)

    def job_ended(self, outcome: Outcome) -> None:
        """The messages of the job's own code first."""
        place = {"stage": outcome.stage, **place_of(outcome.stage, outcome.item)}
        for message in outcome.messages:
            self._write(message.level, message.text, logger=message.logger, **place)
        measured = {"seconds": round(outcome.seconds, 3), "peak_memory_mb": round(outcome.peak_memory_mb, 1)}
        if outcome.error is None:
            self._write("info", "job done", **place, **measured)
        else:
            error = {"error": outcome.error.text, "traceback": outcome.error.traceback}
            self._write("error", "job failed", **place, **measured, **error)

    def stage_ended(self, stage: str, seconds: float) -> None:
        self._write("info", "stage ended", stage=stage, seconds=round(seconds, 3))

    def run_ended(self, report: dict[str, Any] | None, error: str | None) -> None:
        if error is not None:
            self._write("error", "run failed", error=error)
        else:
            states = [tile["state"] for tile in (report or {}).get("tiles", [])]
            self._write("info", "run ended", tiles={state: states.count(state) for state in sorted(set(states))})

    def _write(self, level: str, message: str, **fields: object) -> None:
        when = datetime.fromtimestamp(time.time(), tz=UTC).isoformat(timespec="milliseconds")
        line = {"time": when, "level": level, "run": self._run_id, "message": message, **fields}
        with self._path.open("a", encoding="utf-8") as stream:
            stream.write(json.dumps(line) + "\n")
