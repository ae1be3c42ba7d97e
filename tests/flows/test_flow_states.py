"""What the flows make of what the library says, without a server: states, artifacts, tiles that are tried again."""

from __future__ import annotations

import importlib
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("prefect")

from mapforge.catalog import Catalog
from mapforge.catalog.tables import TileState
from mapforge.geometry.tiles import TileId
from mapforge.pipeline.night_summary import NightOutcome, NightSummary


@pytest.fixture
def artifacts(monkeypatch: pytest.MonkeyPatch) -> dict[str, str]:
    """What the flows would have shown, by key."""
    shown: dict[str, str] = {}

    def keep(key: str, markdown: str, description: str | None = None) -> None:
        shown[key] = markdown

    for name in ("nightly", "retry_failed", "train"):
        monkeypatch.setattr(importlib.import_module(name), "create_markdown_artifact", keep)
    return shown


@pytest.mark.parametrize(
    ("outcome", "kind", "name"),
    [
        (NightOutcome.PUBLISHED, "COMPLETED", "Published"),
        (NightOutcome.UNCHANGED, "COMPLETED", "Unchanged"),
        (NightOutcome.HELD, "COMPLETED", "HeldBack"),
        (NightOutcome.SKIPPED, "COMPLETED", "Skipped"),
        (NightOutcome.FAILED, "FAILED", "Failed"),
    ],
)
def test_the_state_of_a_night_says_what_it_came_to(  # type: ignore[no-untyped-def]
    outcome: NightOutcome, kind: str, name: str, artifacts, monkeypatch, tmp_path: Path
) -> None:
    flows = importlib.import_module("nightly")
    night = NightSummary("n", str(tmp_path), "town", "2026-11-21T02:00:00+00:00", outcome, "because")
    monkeypatch.setattr(flows, "run_night", lambda settings, runner: night)
    state = flows.nightly.fn([f"workspace={tmp_path}"])
    assert (state.type.value, state.name, state.message) == (kind, name, "because")
    assert "because" in artifacts["nightly"]


def test_only_failed_tiles_are_tried_again(artifacts, monkeypatch, tmp_path: Path) -> None:  # type: ignore[no-untyped-def]
    flows = importlib.import_module("retry_failed")
    asked: list[Any] = []

    def run(settings: Any, runner: Any, only: Any) -> dict[str, Any]:
        asked.append((settings.region.logs, only))
        tiles = [{"tile": str(tile), "state": "valid", "error": None} for tile in only]
        return {"region": "town", "tiles": tiles, "drives": [], "report": "report.html"}

    monkeypatch.setattr(flows, "run_region", run)
    words = [f"workspace={tmp_path}", "region.logs=[/nowhere]"]
    assert flows.retry_failed.fn(words).name == "NothingToRetry"
    good, bad = TileId(32632, 1, 1), TileId(32632, 1, 2)
    with closing(Catalog.of(str(tmp_path), None)) as catalog:
        catalog.start_run("r", "town", {})
        catalog.claim([str(good), str(bad)], "r")
        catalog.set_tile(str(good), TileState.VALID, build="b")
        catalog.set_tile(str(bad), TileState.FAILED, "fusion", "RuntimeError: no")
    state = flows.retry_failed.fn(words)
    assert asked == [([], {bad})]
    assert state.message == "1 tiles tried again, 0 failed"
    assert "1 valid" in artifacts["retry-failed"]


def test_training_that_ends_badly_fails_its_flow(artifacts, monkeypatch) -> None:  # type: ignore[no-untyped-def]
    flows = importlib.import_module("train")
    codes = iter([0, 1])
    monkeypatch.setattr(flows, "train_model", lambda words: next(codes))
    flows.train.fn(["model=bev"])
    assert "mapforge train model=bev" in artifacts["train"]
    with pytest.raises(RuntimeError, match="exit code 1"):
        flows.train.fn(["model=bev"])


def test_paths_are_meant_where_they_were_typed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    flows = importlib.import_module("deploy")
    monkeypatch.chdir(tmp_path)
    words = ["workspace=w", "nightly.inbox=[in box,/there]", "nightly.cron=0 3 * * *"]
    settings = importlib.import_module("mapforge.config").compose_settings(words)
    assert flows._with_absolute_paths(words, settings) == [
        "nightly.cron=0 3 * * *",
        f"workspace={tmp_path / 'w'}",
        f"nightly.inbox=[{tmp_path / 'in box'},/there]",
    ]
