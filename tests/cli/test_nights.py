"""`mapforge nightly` as a crontab calls it: one page, or one JSON object, and an exit code."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest
from typer.testing import CliRunner

from mapforge.cli.app import app


@pytest.fixture
def words(tmp_path: Path) -> list[str]:
    (tmp_path / "in box").mkdir()
    places = [f"workspace={tmp_path / 'w'}", f"nightly.inbox=[{tmp_path / 'in box'}]"]
    return ["nightly", *places, "nightly.settle_s=0", "engine=inline"]


def test_a_quiet_night(words: list[str]) -> None:
    done = CliRunner().invoke(app, [*words, "--json"])
    assert done.exit_code == 0, done.output
    summary = json.loads(done.stdout)
    assert (summary["outcome"], summary["exit_code"], summary["problems"]) == ("unchanged", 0, [])


def test_a_refused_log_is_a_problem_today_and_known_tomorrow(words: list[str], tmp_path: Path) -> None:
    torn = tmp_path / "in box" / "torn.mcap"
    torn.write_bytes(b"\x89MCAP0\r\n" + bytes(100))
    os.utime(torn, (0, 0))
    first = CliRunner().invoke(app, words)
    assert first.exit_code == 1, first.output
    assert "## What is wrong" in first.stdout
    assert "torn.mcap refused" in first.stdout
    assert "mapforge ingest workspace=" in first.stdout
    second = CliRunner().invoke(app, [*words, "--json"])
    assert second.exit_code == 0, second.output
    assert [problem["what"] for problem in json.loads(second.stdout)["known"]] == ["log torn.mcap refused"]


def test_a_wrong_setting_is_usage(words: list[str]) -> None:
    done = CliRunner().invoke(app, [*words, "nightly.publish=sometimes"])
    assert done.exit_code == 2
