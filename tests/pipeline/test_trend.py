"""The trend over runs: from reports on disk to the page."""

from __future__ import annotations

import json
from typing import Any

import pytest

from mapforge.io.workspace import Workspace
from mapforge.pipeline.trend import trend_of
from mapforge.schemas.report import TrendPoint
from mapforge.validation.trend_charts import trend_charts


def report(run_id: str, region: str = "town", **more: Any) -> dict[str, Any]:
    return {
        "run_id": run_id,
        "region": region,
        "tiles": [{"state": "valid"}, {"state": "valid"}, {"state": "rejected"}],
        "drives": [{"state": "used", "quarantined": 4}, {"state": "refused", "quarantined": 0}],
        "throughput": {"total_s": 90.0, "km_per_hour": 20.0},
        "timing_s": {"fusion": 80.0},
        "metrics": {"all": {"mAP_easy": 0.9, "mAP_hard": 0.8}},
        "judged": {"reference": True},
        **more,
    }


def write(workspace: Workspace, content: dict[str, Any] | str) -> None:
    run_id = content["run_id"] if isinstance(content, dict) else "20260101-000009-bad"
    folder = workspace.report(run_id)
    folder.mkdir(parents=True)
    (folder / "report.json").write_text(content if isinstance(content, str) else json.dumps(content))


def test_runs_that_changed_something_oldest_first(workspace: Workspace) -> None:
    for k in range(4):
        write(workspace, report(f"20260101-00000{k}-aaaa"))
    write(workspace, report("20260101-000004-aaaa", unchanged_since="20260101-000003-aaaa"))
    write(workspace, report("20260101-000005-aaaa", region="elsewhere"))
    write(workspace, "{ torn")
    points = trend_of(workspace, "town", 3)
    assert [point.run_id for point in points] == [f"20260101-00000{k}-aaaa" for k in (1, 2, 3)]
    assert points[0] == TrendPoint(
        points[0].run_id, 90.0, 20.0, 1, 1, 4, {"rejected": 1, "valid": 2}, {"mAP_easy": 0.9, "mAP_hard": 0.8}
    )
    assert len(trend_of(workspace, None, 10)) == 5


def test_without_a_reference_quality_is_agreement(workspace: Workspace) -> None:
    metrics = {"lane_divider": {"agreement_0.5m": 0.95}, "stop_line": {"agreement_0.5m": None}}
    write(workspace, report("20260101-000000-aaaa", metrics=metrics, judged={"reference": False}))
    assert trend_of(workspace, "town", 1)[0].quality == {"lane_divider": 0.95}


@pytest.mark.parametrize("runs", [0, 1, 2, 30])
def test_charts_need_two_runs(runs: int) -> None:
    points = [TrendPoint(str(k), 60.0 * k, 10.0, 1, 0, 0, {"valid": k}, {"mAP_easy": 0.5}) for k in range(runs)]
    drawn = trend_charts(points)
    assert drawn.count("<svg") == (3 if runs >= 2 else 0)
