"""What a run tells: a log a machine can read, metrics a scraper can read, spans; and that watching never decides."""

from __future__ import annotations

import json
import logging
from pathlib import Path
from typing import Any

import jobs_for_tests as work
import pytest
from prometheus_client.parser import text_string_to_metric_families

from mapforge.catalog import Catalog
from mapforge.config import compose_settings
from mapforge.io.workspace import Workspace
from mapforge.pipeline.execution import Execution, NoProgress
from mapforge.pipeline.jobs import Job
from mapforge.pipeline.runners import InlineRunner, LocalRunner
from mapforge.pipeline.telemetry import Watchers, place_of, watched, watchers_of

REPORT: dict[str, Any] = {
    "tiles": [{"state": "valid"}, {"state": "valid"}, {"state": "failed"}],
    "drives": [{"state": "used", "quarantined": 3}],
    "throughput": {"km_per_hour": 12.5},
    "metrics": {"lane_divider": {"mAP_easy": 0.9, "AP_0.5": None}, "all": {"mAP_easy": 0.8}},
    "peak_memory_mb": 100.0,
}


def run_jobs(workspace: Workspace, watchers: Watchers, workers: int = 0) -> None:
    jobs = [
        Job("fusion", "32617/1/2", work.talk, work.Inputs(workspace, "a"), "x", None, workspace),
        Job("fusion", "32617/1/3", work.fail, work.Inputs(workspace, "b"), "x", None, workspace),
    ]
    runner = LocalRunner(workers, 1) if workers else InlineRunner()
    catalog = Catalog.of(str(workspace.root), None)
    catalog.start_run("run-1", "town", {})
    execution = Execution("run-1", runner, catalog, NoProgress(), watchers)
    with watched(watchers, "run-1", "town") as end:
        execution.do("fusion", jobs, reused=5)
        end.report = REPORT


def watchers_for(workspace: Workspace, *more: str) -> Watchers:
    return watchers_of(compose_settings([f"workspace={workspace.root}", *more]), "run-1")


@pytest.mark.parametrize("workers", [0, 1])
def test_the_log_names_run_stage_and_tile_wherever_a_job_ran(workspace: Workspace, workers: int) -> None:
    run_jobs(workspace, watchers_for(workspace), workers)
    lines = [json.loads(line) for line in workspace.run_log("run-1").read_text().splitlines()]
    assert {line["run"] for line in lines} == {"run-1"}
    (spoken,) = [line for line in lines if line.get("logger") == "mapforge.somewhere"]
    assert (spoken["message"], spoken["level"], spoken["tile"]) == ("a looks odd", "warning", "32617/1/2")
    (failed,) = [line for line in lines if line["message"] == "job failed"]
    assert (failed["stage"], failed["tile"], failed["error"]) == ("fusion", "32617/1/3", "ValueError: b is bad")
    assert "jobs_for_tests.py" in failed["traceback"]
    assert lines[-1]["message"] == "run ended" and lines[-1]["tiles"] == {"failed": 1, "valid": 2}


def test_metrics_can_be_scraped(workspace: Workspace) -> None:
    run_jobs(workspace, watchers_for(workspace))
    families = text_string_to_metric_families(workspace.metrics.read_text())
    samples = {(s.name, tuple(sorted(s.labels.items()))): s.value for family in families for s in family.samples}
    assert samples["mapforge_run_ok", ()] == 1
    assert samples["mapforge_tiles", (("state", "valid"),)] == 2
    assert samples["mapforge_jobs_total", (("result", "failed"), ("stage", "fusion"))] == 1
    assert samples["mapforge_items_reused", (("stage", "fusion"),)] == 5
    assert samples["mapforge_quality", (("class", "lane_divider"), ("metric", "mAP_easy"))] == 0.9
    assert samples["mapforge_quarantined_rows", ()] == 3


def test_a_run_that_raises_is_told_as_failed(workspace: Workspace) -> None:
    watchers = watchers_for(workspace)
    with pytest.raises(ValueError, match="broken"), watched(watchers, "run-1", "town"):
        raise ValueError("broken")
    assert "mapforge_run_ok 0.0" in workspace.metrics.read_text()
    assert json.loads(workspace.run_log("run-1").read_text().splitlines()[-1])["error"] == "ValueError: broken"


def test_spans_nest_and_carry_errors(workspace: Workspace) -> None:
    run_jobs(workspace, watchers_for(workspace, "telemetry.traces=file"))
    path = workspace.run_log("run-1").with_suffix(".spans.jsonl")
    spans = [json.loads(line) for line in path.read_text().splitlines()]
    by_name = {span["name"]: span for span in spans}
    assert by_name["fusion"]["parent_id"] == by_name["run"]["context"]["span_id"]
    jobs = [span for span in spans if span["name"] == "fusion job"]
    assert {span["parent_id"] for span in jobs} == {by_name["fusion"]["context"]["span_id"]}
    assert sorted(span["status"]["status_code"] for span in jobs) == ["ERROR", "UNSET"]


def test_nothing_is_written_when_nothing_is_asked_for(workspace: Workspace) -> None:
    run_jobs(workspace, watchers_for(workspace, "telemetry.log=false", "telemetry.metrics=false"))
    assert not workspace.metrics.exists() and not workspace.run_log("run-1").exists()


def test_a_watcher_that_cannot_write_does_not_end_the_run(
    workspace: Workspace, caplog: pytest.LogCaptureFixture, tmp_path: Path
) -> None:
    blocked = tmp_path / "a file"
    blocked.write_text("")
    watchers = watchers_for(workspace, f"telemetry.metrics_file={blocked}/metrics.prom")
    with caplog.at_level(logging.WARNING):
        run_jobs(workspace, watchers)
    assert "MetricsFile stopped watching" in caplog.text
    assert workspace.run_log("run-1").exists()


def test_items_name_their_place() -> None:
    assert place_of("perception", "32617/1/2@monday") == {"tile": "32617/1/2", "drive": "monday"}
    assert place_of("ingest", "/logs/a.mcap") == {"log": "/logs/a.mcap"}
    assert place_of("localization", "monday") == {"drive": "monday"}
