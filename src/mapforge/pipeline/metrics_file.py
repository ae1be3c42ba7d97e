"""Metrics of the newest run as a Prometheus textfile, for node_exporter's textfile collector."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

from prometheus_client import CollectorRegistry, Counter, Gauge, write_to_textfile

from mapforge.pipeline.jobs import Outcome


class MetricsFile:
    """Written whole (by rename) when the run ends, however it ends."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._registry = registry = CollectorRegistry()
        self._ended = Gauge("mapforge_run_ended_timestamp_seconds", "When the newest run ended", registry=registry)
        self._ok = Gauge("mapforge_run_ok", "1 when the newest run ended without an error", registry=registry)
        self._stage_s = Gauge("mapforge_stage_seconds", "Wall time of a stage", ["stage"], registry=registry)
        self._jobs = Counter("mapforge_jobs", "Jobs that ran", ["stage", "result"], registry=registry)
        self._reused = Gauge("mapforge_items_reused", "Items that needed no job", ["stage"], registry=registry)
        self._tiles = Gauge("mapforge_tiles", "Tiles of the newest run by state", ["state"], registry=registry)
        self._drives = Gauge("mapforge_drives", "Drives of the newest run by state", ["state"], registry=registry)
        self._quarantined = Gauge("mapforge_quarantined_rows", "Rows left out at ingest", registry=registry)
        self._rate = Gauge("mapforge_throughput", "As of the report", ["quantity"], registry=registry)
        self._memory = Gauge("mapforge_peak_memory_bytes", "Highest resident memory of a process", registry=registry)
        self._quality = Gauge("mapforge_quality", "Scores of the newest run", ["class", "metric"], registry=registry)

    def run_began(self, run_id: str, region: str) -> None:
        """Nothing is known yet."""

    def stage_began(self, stage: str, todo: int, reused: int) -> None:
        self._reused.labels(stage).set(reused)

    def job_ended(self, outcome: Outcome) -> None:
        self._jobs.labels(outcome.stage, "done" if outcome.error is None else "failed").inc()

    def stage_ended(self, stage: str, seconds: float) -> None:
        self._stage_s.labels(stage).set(seconds)

    def run_ended(self, report: dict[str, Any] | None, error: str | None) -> None:
        self._ended.set(time.time())
        self._ok.set(error is None)
        if report is not None:
            self._take(report)
        self._path.parent.mkdir(parents=True, exist_ok=True)
        write_to_textfile(str(self._path), self._registry)

    def _take(self, report: dict[str, Any]) -> None:
        for gauge, things in ((self._tiles, report["tiles"]), (self._drives, report["drives"])):
            for thing in things:
                gauge.labels(thing["state"]).inc()
        self._quarantined.set(sum(drive["quarantined"] for drive in report["drives"]))
        self._memory.set(report["peak_memory_mb"] * 2**20)
        for quantity, value in report["throughput"].items():
            self._rate.labels(quantity).set(value)
        for name, scores in (report["metrics"] or {}).items():
            for metric, value in scores.items() if isinstance(scores, dict) else ():
                if isinstance(value, int | float):
                    self._quality.labels(name, metric).set(value)
