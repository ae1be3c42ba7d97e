"""What a run tells the outside while it goes on and when it is over: a log, metrics, traces.

Watching never decides anything: a watcher that cannot write is reported once and left out.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from mapforge.config import Settings, TraceSink
from mapforge.io.workspace import Workspace
from mapforge.pipeline.jobs import Outcome

logger = logging.getLogger(__name__)


class Watcher(Protocol):
    """Who is told of a run. Times come with what is told; calls come in the order of events."""

    def run_began(self, run_id: str, region: str) -> None: ...

    def stage_began(self, stage: str, todo: int, reused: int) -> None: ...

    def job_ended(self, outcome: Outcome) -> None: ...

    def stage_ended(self, stage: str, seconds: float) -> None: ...

    def run_ended(self, report: dict[str, Any] | None, error: str | None) -> None: ...


class Watchers:
    """All watchers of a run; one that fails is dropped with a warning."""

    def __init__(self, watchers: Sequence[Watcher] = ()) -> None:
        self._watchers = list(watchers)

    def tell(self, event: Callable[[Watcher], None]) -> None:
        """Calls `event` with each of them."""
        for watcher in list(self._watchers):
            try:
                event(watcher)
            except (OSError, RuntimeError, ValueError) as error:
                logger.warning("%s stopped watching the run: %s", type(watcher).__name__, error)
                self._watchers.remove(watcher)


def place_of(stage: str, item: str) -> dict[str, str]:
    """The drive and the tile that an item of a stage is of, as fields of a log line or attributes of a span."""
    tile, at, drive = item.rpartition("@")
    if at:
        return {"tile": tile, "drive": drive}
    if stage == "ingest":
        return {"log": item}
    return {"tile": item} if item.count("/") == 2 else {"drive": item}


@dataclass
class RunEnd:
    """report: what a run came to, once it is known."""

    report: dict[str, Any] | None = None


@contextmanager
def watched(watchers: Watchers, run_id: str, region: str) -> Iterator[RunEnd]:
    """Tells of the beginning and, however it comes, of the end of a run."""
    end = RunEnd()
    watchers.tell(lambda watcher: watcher.run_began(run_id, region))
    try:
        yield end
    except BaseException as error:
        text = f"{type(error).__name__}: {error}"
        watchers.tell(lambda watcher: watcher.run_ended(None, text))
        raise
    watchers.tell(lambda watcher: watcher.run_ended(end.report, None))


def watchers_of(settings: Settings, run_id: str) -> Watchers:
    """Those that the settings ask for; what they need is imported only then."""
    workspace, telemetry = Workspace.at(settings.workspace), settings.telemetry
    chosen: list[Watcher] = []
    if telemetry.log:
        from mapforge.pipeline.run_log import RunLog

        chosen.append(RunLog(workspace.run_log(run_id)))
    if telemetry.metrics:
        from mapforge.pipeline.metrics_file import MetricsFile

        given = telemetry.metrics_file
        chosen.append(MetricsFile(workspace.metrics if given is None else Path(given).expanduser().resolve()))
    if telemetry.traces is not TraceSink.none:
        from mapforge.pipeline.tracing import SpanTrace

        in_file = telemetry.traces is TraceSink.file
        chosen.append(SpanTrace(workspace.run_log(run_id).with_suffix(".spans.jsonl") if in_file else None))
    return Watchers(chosen)
