"""A kill at any moment loses at most the task under way: the next run completes, to the same bytes."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from road_map import products, settings_for

from mapforge.catalog import Catalog
from mapforge.config import settings_to_dict
from mapforge.pipeline.run import run_region
from mapforge.pipeline.runners import InlineRunner

RUN = """
import json, sys
import torch
torch.set_num_threads(1)
from mapforge.config import settings_from_dict
from mapforge.pipeline.run import run_region
from mapforge.pipeline.runners import InlineRunner
class Told:
    def begin(self, stage, total, reused): print("begin", stage, flush=True)
    def advance(self, stage, item, error): print("advance", stage, flush=True)
    def end(self, stage, seconds): print("end", stage, flush=True)
run_region(settings_from_dict(json.loads(sys.argv[1])), InlineRunner(), Told())
print("done", flush=True)
"""
STAGES = ("ingest", "localization", "rasterization", "perception", "vectorization", "fusion", "tiles", "validation")


def run_until(settings: str, stage: str) -> str:
    """Starts a run and kills it a moment after `stage` has begun; returns the last line it said."""
    process = subprocess.Popen([sys.executable, "-c", RUN, settings], stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    line = ""
    for text in process.stdout:
        line = text.strip()
        if line == f"begin {stage}":
            time.sleep(0.3)
            os.kill(process.pid, signal.SIGKILL)
            break
    process.wait()
    return line


@pytest.mark.timeout(900)
def test_a_kill_in_each_stage_then_completion(road: Path, tmp_path: Path):
    undisturbed = settings_for(tmp_path / "undisturbed", road)
    run_region(undisturbed, InlineRunner())

    settings = settings_for(tmp_path / "killed", road)
    argument = json.dumps(settings_to_dict(settings))
    for stage in STAGES:
        assert run_until(argument, stage) == f"begin {stage}"
    report = run_region(settings, InlineRunner())

    assert report["tiles"]
    assert products(tmp_path / "killed") == products(tmp_path / "undisturbed")
    catalog = Catalog.of(settings.workspace, None)
    states = [run.state for run in catalog.runs()]
    assert states == ["done"] + ["interrupted"] * len(STAGES)
    assert all(tile.lease_owner is None for tile in catalog.tiles())
    leftovers = [path for path in (tmp_path / "killed" / "tmp").rglob("*") if path.suffix != ".lock"]
    assert leftovers == []
