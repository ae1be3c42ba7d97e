"""A run as OpenTelemetry spans: the run, its stages, their jobs. Off unless asked for."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

from mapforge.errors import ConfigurationError
from mapforge.pipeline.jobs import Outcome
from mapforge.pipeline.telemetry import place_of


class SpanTrace:
    """Spans go to the collector that OTEL_EXPORTER_OTLP_ENDPOINT names, or to a file of JSON lines."""

    def __init__(self, file: Path | None) -> None:
        """file: spans go there; none: to the collector. Raises ConfigurationError when the extra is not installed."""
        try:
            from opentelemetry.sdk.resources import Resource
            from opentelemetry.sdk.trace import TracerProvider
            from opentelemetry.sdk.trace.export import BatchSpanProcessor, ConsoleSpanExporter, SimpleSpanProcessor
        except ImportError as error:
            raise ConfigurationError(
                "telemetry.traces needs the extra `telemetry`: pip install 'mapforge[telemetry]', or set it to none"
            ) from error
        self._provider = TracerProvider(resource=Resource.create({"service.name": "mapforge"}))
        if file is not None:
            file.parent.mkdir(parents=True, exist_ok=True)
            out = file.open("a", encoding="utf-8")
            exporter = ConsoleSpanExporter(out=out, formatter=lambda span: span.to_json(indent=None) + "\n")
            self._provider.add_span_processor(SimpleSpanProcessor(exporter))
        else:
            self._provider.add_span_processor(BatchSpanProcessor(_collector()))
        self._tracer = self._provider.get_tracer("mapforge")
        self._run: Any = None
        self._stages: dict[str, Any] = {}

    def run_began(self, run_id: str, region: str) -> None:
        self._run = self._tracer.start_span("run", attributes={"run": run_id, "region": region})

    def stage_began(self, stage: str, todo: int, reused: int) -> None:
        attributes: dict[str, Any] = {"stage": stage, "todo": todo, "reused": reused}
        self._stages[stage] = self._tracer.start_span(stage, context=_inside(self._run), attributes=attributes)

    def job_ended(self, outcome: Outcome) -> None:
        """Jobs run elsewhere: the span is drawn afterwards, from how long the job took."""
        from opentelemetry.trace import Status, StatusCode

        now = time.time_ns()
        span = self._tracer.start_span(
            f"{outcome.stage} job",
            context=_inside(self._stages.get(outcome.stage, self._run)),
            attributes={"stage": outcome.stage, **place_of(outcome.stage, outcome.item)},
            start_time=now - int(outcome.seconds * 1e9),
        )
        if outcome.error is not None:
            span.set_status(Status(StatusCode.ERROR, outcome.error.text))
        span.end(now)

    def stage_ended(self, stage: str, seconds: float) -> None:
        span = self._stages.pop(stage, None)
        if span is not None:
            span.end()

    def run_ended(self, report: dict[str, Any] | None, error: str | None) -> None:
        from opentelemetry.trace import Status, StatusCode

        for stage in list(self._stages):
            self.stage_ended(stage, 0.0)
        if error is not None:
            self._run.set_status(Status(StatusCode.ERROR, error))
        self._run.end()
        self._provider.shutdown()


def _inside(span: Any) -> Any:
    from opentelemetry.trace import set_span_in_context

    return None if span is None else set_span_in_context(span)


def _collector() -> Any:
    try:
        from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
    except ImportError as error:
        raise ConfigurationError(
            "telemetry.traces=otlp needs a further package: pip install opentelemetry-exporter-otlp-proto-http, "
            "or use telemetry.traces=file"
        ) from error
    return OTLPSpanExporter()
