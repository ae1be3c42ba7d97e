"""Hostile files in every place a file is read from: one of our errors or a result; no crash, hang or endless memory."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections import Counter
from pathlib import Path

import pytest

HERE = Path(__file__).parent
SCALE = 1


@pytest.fixture(scope="module")
def outcomes(tmp_path_factory: pytest.TempPathFactory) -> list[dict[str, str]]:
    """One process of bounded memory for all readers: a crash of it fails every test."""
    folder = tmp_path_factory.mktemp("hostile")
    paths = [str(HERE), str(HERE.parent / "ingest")]
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(paths), "OMP_NUM_THREADS": "1"}
    command = [sys.executable, str(HERE / "corpus.py"), str(folder), str(SCALE), "0"]
    environment["ARROW_DEFAULT_MEMORY_POOL"] = "system"  # gives back what a bomb took, so that cases do not add up
    done = subprocess.run(command, capture_output=True, text=True, timeout=500, check=False, env=environment)
    assert done.returncode == 0, done.stderr[-3000:]
    assert not list(folder.rglob("escaped")), "code from a YAML file ran"
    return [json.loads(line) for line in done.stdout.splitlines()]


def test_good_files_are_read(outcomes: list[dict[str, str]]) -> None:
    assert [case for case in outcomes if case["case"] == "good" and case["outcome"] != "read"] == []


def test_nothing_escapes_or_hangs(outcomes: list[dict[str, str]]) -> None:
    assert [case for case in outcomes if case["outcome"].startswith(("ESCAPED", "HUNG"))] == []


def test_every_reader_refuses_some_and_many_cases_were_tried(outcomes: list[dict[str, str]]) -> None:
    """Records that can be made again count as absent; bad sweeps and pictures are left out."""
    refused = Counter(case["reader"] for case in outcomes if case["outcome"].startswith("refused"))
    forgiving = {"stamp", "failure", "inbox", "sources", "names", "av2_sweep", "kitti_sweep", "kitti_picture"}
    assert {case["reader"] for case in outcomes} - refused.keys() <= forgiving
    assert len(outcomes) > 1000


def test_bombs_are_refused_before_they_unpack(outcomes: list[dict[str, str]]) -> None:
    bombs = [case for case in outcomes if case["case"] in ("bomb", "billion-laughs")]
    assert len(bombs) == 4
    assert all(case["outcome"].startswith("refused") for case in bombs), bombs
