"""The page of a night says what changed, what is wrong and what to do, and stays readable whatever the texts are."""

from __future__ import annotations

import json
import math

import pytest

from mapforge.pipeline.night_page import night_page
from mapforge.pipeline.night_summary import ChangedTile, NightOutcome, NightSummary, Problem, TakenLog


def a_night(**more: object) -> NightSummary:
    night = NightSummary("20261121-020000-abcd", "/data/w", "town", "2026-11-21T02:00:00+00:00", **more)
    night.seconds = 75.0
    return night


def test_a_published_night() -> None:
    night = a_night(outcome=NightOutcome.PUBLISHED, release="20261121-020000-abcd")
    night.taken = [TakenLog("/in/a.mcap", "a", 90.0, 0), TakenLog("/in/b.mcap", "b", 30.0, 2)]
    night.built_tiles, night.tasks = 7, {"fusion": 7, "ingest": 2}
    night.changes = {
        "lane_divider": {"old_m": 1000.0, "kept_m": 900.0, "moved_m": 60.0, "removed_m": 40.0, "added_m": 1234.5},
        "traffic_sign": {"old": 10, "removed": 1, "added": 3},
    }
    night.changed_tiles = [ChangedTile("32632/1/1", 120.0), ChangedTile("32632/1/2", 3.0)]
    night.new_tiles = 2
    page = night_page(night)
    assert page.startswith("# town, night 20261121-020000-abcd: published 20261121-020000-abcd\n")
    assert "2 new drives (2.0 min), 7 tiles built, 9 tasks, 75 s." in page
    assert "| lane divider | 1,000 m | 60 m | 40 m (4%) | 1,234 m |" in page
    assert "| traffic sign | 10 | | 1 | 3 |" in page
    assert "2 released tiles changed, 2 new. Most in `32632/1/1` (120 m)" in page
    assert "What is wrong" not in page
    assert night.exit_code == 0


def test_a_held_night_names_the_gate_and_the_command() -> None:
    night = a_night(outcome=NightOutcome.HELD, release="old", reason="The release stays as it is: 1 gate failed.")
    night.gates = [
        {"gate": "shift", "about": "drive b", "value": 0.8, "limit": 0.2, "at_most": True, "passed": False},
        {"gate": "kept", "about": "tile 1", "value": None, "limit": 0.8, "at_most": False, "passed": True},
    ]
    night.problems = [Problem("gate shift, drive b", "shift is 0.8, at most 0.2", "mapforge withdraw drive=b")]
    page = night_page(night)
    assert "**held back**, release old stays" in page
    assert "| shift | drive b | 0.8 | ≤ 0.2 | **failed** |" in page
    assert "1 read, 1 failed." in page
    assert "```bash\nmapforge withdraw drive=b\n```" in page
    assert night.exit_code == 1


@pytest.mark.parametrize(
    ("outcome", "problems", "code"),
    [
        (NightOutcome.PUBLISHED, 0, 0),
        (NightOutcome.PUBLISHED, 1, 1),
        (NightOutcome.UNCHANGED, 0, 0),
        (NightOutcome.UNCHANGED, 1, 1),
        (NightOutcome.HELD, 0, 1),
        (NightOutcome.SKIPPED, 0, 3),
        (NightOutcome.FAILED, 0, 3),
    ],
)
def test_exit_codes(outcome: NightOutcome, problems: int, code: int) -> None:
    assert a_night(outcome=outcome, problems=[Problem("x", "y")] * problems).exit_code == code


def test_texts_from_logs_cannot_break_the_page() -> None:
    night = a_night(outcome=NightOutcome.UNCHANGED)
    night.problems = [Problem("log a", "bad | cell\n# heading <script>" + "x" * 1000)]
    page = night_page(night)
    line = next(line for line in page.splitlines() if "log a" in line)
    assert r"bad \| cell # heading &lt;script>" in line
    assert len(line) < 500


def test_many_problems_do_not_drown_the_page() -> None:
    night = a_night(outcome=NightOutcome.UNCHANGED)
    night.problems = [Problem(f"tile {n}", "why", "the same command") for n in range(200)]
    page = night_page(night)
    assert "... and 188 more, see summary.json" in page
    assert page.count("the same command") == 1
    assert len(page.splitlines()) < 40


def test_the_summary_is_plain_json() -> None:
    night = a_night(outcome=NightOutcome.PUBLISHED, metrics={"lane_divider": {"kept_0.5m": math.nan}})
    night.gates = [{"gate": "kept", "value": math.inf}]
    text = json.dumps(night.as_dict(), allow_nan=False)
    assert json.loads(text)["metrics"] == {"lane_divider": {"kept_0.5m": None}}
    assert json.loads(text)["exit_code"] == 0
