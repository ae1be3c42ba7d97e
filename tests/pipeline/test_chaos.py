"""A few of the hundred kills of benchmarks/chaos.py."""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path

import pytest

CHAOS = Path(__file__).resolve().parents[2] / "benchmarks" / "chaos.py"


@pytest.fixture
def chaos():
    spec = importlib.util.spec_from_file_location("chaos", CHAOS)
    module = importlib.util.module_from_spec(spec)
    sys.modules["chaos"] = module  # its dataclasses look themselves up
    spec.loader.exec_module(module)
    yield module
    del sys.modules["chaos"]


@pytest.mark.slow
@pytest.mark.timeout(1800)
def test_five_kills_tear_nothing_lose_nothing_and_repeat_little(chaos, tiny_logs, tmp_path):
    tally = chaos.run_chaos(tiny_logs, tmp_path, kills=5, seed=4)
    assert tally.faults == []
    assert sum(tally.kills.values()) == 5
    assert tally.rounds >= 1


def test_a_torn_or_doubled_product_is_a_fault(chaos, mapped):
    wanted = chaos.products(mapped)
    tiles = {"/".join(Path(name).parts[1:4]) for name in wanted if name.startswith("tiles/")}
    assert chaos.faults_now(mapped, wanted) == []
    assert chaos.faults_at_the_end(mapped, wanted, tiles) == []
    torn = mapped / next(name for name in wanted if name.startswith("map_elements/"))
    torn.write_bytes(torn.read_bytes()[:100])
    assert chaos.faults_now(mapped, wanted) == [f"{torn.relative_to(mapped)} has other bytes"]
    assert len(chaos.faults_at_the_end(mapped, wanted, tiles | {"32632/1/1"})) == 2


def test_tasks_that_begin_twice_are_counted(chaos, tmp_path):
    trace = tmp_path / "trace"
    trace.write_text("begin a\nend a\nbegin b\nbegin b\nbegin a\nend a\n")
    assert chaos._begun_again(trace) == 2
