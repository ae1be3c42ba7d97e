"""The commands that plan, retry, withdraw, collect and bundle, on a mapped region."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest
from tiny_region import MAPPING, TOGETHER, attempts
from typer.testing import CliRunner

from mapforge.catalog import Catalog
from mapforge.cli.app import app


@pytest.fixture
def call(mapped, tiny_logs):
    """Runs a command on the mapped region; its exit code and JSON."""

    def called(command, *words, settings=True):
        same = [*MAPPING, f"region.logs=[{tiny_logs}]"] if settings else []
        place = [f"workspace={mapped}", "engine=inline"] if command != "reproduce" else []
        result = CliRunner().invoke(app, [command, *same, *place, *words, "--json"])
        return result.exit_code, json.loads(result.stdout.splitlines()[-1]) if result.stdout else result.stderr

    return called


def test_run_plan_says_what_would_run_and_runs_nothing(call, mapped):
    code, plan = call("run", "fusion.min_confidence=0.45", "--plan")
    assert code == 0
    assert set(plan["counts"]["fusion"]) == {"run"}
    assert plan["counts"]["rasterization"] == {"reuse": 3}
    (task, *_) = [task for task in plan["tasks"] if task["stage"] == "fusion"]
    assert task["reasons"][0].startswith("setting fusion.min_confidence changed")
    assert len(Catalog.of(str(mapped), None).runs()) == 1


def test_a_plan_in_words_names_what_is_due(mapped, tiny_logs):
    words = [*MAPPING, f"region.logs=[{tiny_logs}]", f"workspace={mapped}"]
    assert "nothing to do" in CliRunner().invoke(app, ["run", *words, "--plan"]).stdout
    text = CliRunner().invoke(app, ["run", *words, "fusion.min_confidence=0.45", "--plan"]).stdout
    assert "setting fusion.min_confidence changed from" in text


def test_planning_loads_neither_torch_nor_the_stages(mapped, tiny_logs):
    words = ["run", *MAPPING, f"region.logs=[{tiny_logs}]", f"workspace={mapped}", "--json"]
    code = (
        "import sys\nfrom mapforge.cli import main\n"
        f"sys.argv = ['mapforge', *{words!r}]\n"
        "try:\n    main()\nexcept SystemExit as end:\n    assert end.code == 0, end.code\n"
        "print([m for m in ('torch', 'open3d', 'skimage', 'mapforge.validation.stage') if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.splitlines()[-1] == "[]"
    assert json.loads(done.stdout.splitlines()[-2])["unchanged_since"]


def test_retry_of_a_tile_with_another_fusion_setting_touches_only_that(call, mapped):
    tile = Catalog.of(str(mapped), None).tiles()[0].tile
    _, answer = call("retry", f"tile={tile}", "fusion.min_confidence=0.45", settings=False)
    (report,) = answer["runs"]
    assert [entry["tile"] for entry in report["tiles"]] == [tile]
    tried = attempts(mapped, report["run_id"])
    assert tried["fusion"] == {tile}
    assert set(tried) <= {"fusion", "lane_graph", "tiles"}


def test_withdraw_removes_and_rebuilds_in_one_command(call, mapped):
    code, answer = call("withdraw", f"drive={TOGETHER[0]}", "reason=bad calibration", settings=False)
    assert code in (0, 1)
    assert answer["rebuilt"]
    assert answer["run"]["unchanged_since"] if "unchanged_since" in answer["run"] else answer["run"]["tiles"]
    assert not list(mapped.rglob(f"{TOGETHER[0]}.parquet"))
    assert call("withdraw", f"drive={TOGETHER[0]}", "undo=true", settings=False)[1]["logs"] == 1


def test_collect_wants_a_budget(call):
    code, answer = call("collect")
    assert code == 2
    assert "storage_budget_gb" in str(answer)


def test_collect_plan_then_collect(call, mapped):
    _, plan = call("collect", "engine.storage_budget_gb=0", "--plan")
    assert list((mapped / "rasters").rglob("*.parquet"))
    code, done = call("collect", "engine.storage_budget_gb=0")
    assert [entry["what"] for entry in done["removed"]] == [entry["what"] for entry in plan["removed"]]
    assert code == 1  # the map itself is larger than nothing
    assert not list((mapped / "rasters").rglob("*.parquet"))


def test_bundle_of_an_unknown_tile_is_a_usage_error(call):
    code, answer = call("bundle", "tile=32632/1/1", settings=False)
    assert (code, "32632/1/1" in str(answer)) == (2, True)


def test_bundle_names_its_command(call, mapped, tmp_path):
    tile = Catalog.of(str(mapped), None).tiles()[0].tile
    code, answer = call("bundle", f"tile={tile}", f"out={tmp_path / 'b.zip'}", settings=False)
    assert code == 0
    assert answer["command"] == "mapforge reproduce bundle=."
    assert (tmp_path / "b.zip").stat().st_size > 1000
