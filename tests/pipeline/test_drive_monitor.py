"""Vital signs of drives: measured from the store, and odd only against a fleet."""

from __future__ import annotations

from contextlib import closing
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from tiny_region import TOGETHER, tiny_settings

from mapforge.catalog import Catalog
from mapforge.catalog.tables import DriveState
from mapforge.io.drive_store import DriveReader
from mapforge.io.drive_writer import DriveWriter
from mapforge.io.workspace import Workspace
from mapforge.pipeline import drive_monitor, region
from mapforge.pipeline.drive_monitor import LEAST_FLEET, DriveVitals, _of_the_others, look_over, oddities, vitals_of
from mapforge.pipeline.planner import plan_region
from mapforge.pipeline.run import run_region
from mapforge.pipeline.runners import InlineRunner

HEALTHY = DriveVitals("a", ("roof",), 10.0, 0.1, 60_000.0, 0.2, 0.6, 14.0, 2.0, 5.0, 0.0)


def fleet(count: int, seed: int = 0) -> list[DriveVitals]:
    rng = np.random.default_rng(seed)
    points, light = 60_000.0 + rng.normal(0, 500, count), 0.2 * rng.uniform(0.9, 1.1, count)
    return [
        replace(HEALTHY, drive_id=f"d{k}", points_per_sweep=float(points[k]), intensity_median=float(light[k]))
        for k in range(count)
    ]


@pytest.mark.parametrize(
    ("name", "value", "words"),
    [
        ("intensity_median", 0.02, "median intensity"),
        ("points_per_sweep", 30_000.0, "returns a sweep"),
        ("longest_gap_s", 4.0, "without a sweep"),
        ("sweep_rate_hz", 5.0, "sweeps a second"),
        ("quarantined_share", 0.2, "quarantined"),
        ("gnss_fixes_per_s", 0.0, "GNSS"),
    ],
)
def test_a_sick_drive_is_odd_in_what_is_wrong_with_it(name: str, value: float, words: str) -> None:
    (found,) = oddities([replace(HEALTHY, **{name: value}), *fleet(12)])["a"]
    assert words in found


@pytest.mark.parametrize("seed", range(5))
def test_a_healthy_drive_is_not_odd_whatever_the_fleet(seed: int) -> None:
    assert oddities(fleet(40, seed)) == {}


def test_few_drives_or_other_sensors_are_no_fleet() -> None:
    sick = replace(HEALTHY, intensity_median=0.02)
    assert oddities([sick, *fleet(LEAST_FLEET - 1)]) == {}
    assert oddities([replace(sick, sensors=("front",)), *fleet(20)]) == {}


def test_a_few_sick_drives_do_not_hide_the_next() -> None:
    sick = [replace(HEALTHY, drive_id=f"s{k}", intensity_median=0.02) for k in range(4)]
    assert set(oddities([replace(HEALTHY, intensity_median=0.02), *fleet(12), *sick])) == {"a", "s0", "s1", "s2", "s3"}


@pytest.mark.parametrize("count", [2, 5, 6, 31, 40])
def test_the_others_are_all_but_oneself(count: int) -> None:
    values = np.random.default_rng(count).integers(0, 12, count).astype(float)
    middles, spreads = _of_the_others(values)
    for at in range(count):
        others = np.delete(values, at)
        assert middles[at] == np.median(others)
        assert spreads[at] == np.median(np.abs(others - np.median(others)))


def write_drive(workspace: Workspace, name: str, gain: float) -> None:
    rng = np.random.default_rng(len(name))
    with DriveWriter(workspace, name) as writer:
        for k in range(12):
            xyz = rng.uniform(2, 30, (200, 3)).astype(np.float32)
            intensity = (gain * rng.uniform(0.1, 0.5, 200)).astype(np.float32)
            ring, offset = np.zeros(200, np.int16), np.zeros(200, np.int32)
            writer.add_sweep(10**18 + k * 10**8, "roof", xyz, intensity, ring, offset)
        writer.finish(source_format="mcap", source_sha256=name, motion_compensated=True)


def test_a_dim_sensor_shows_among_drives_of_the_store(workspace: Workspace) -> None:
    names = [f"drive-{k}" for k in range(6)]
    for name in names:
        write_drive(workspace, name, 1.0)
    write_drive(workspace, "dim", 0.05)
    manifests = {name: DriveReader(workspace.drive(name)).manifest for name in [*names, "dim"]}
    found = look_over(workspace, manifests)
    assert set(found) == {"dim"}
    assert any("median intensity" in words for words in found["dim"])
    before = workspace.drive_vitals("dim").read_bytes()
    assert vitals_of(workspace, "dim").sweep_rate_hz == pytest.approx(10.0)
    assert workspace.drive_vitals("dim").read_bytes() == before


def test_a_later_look_reads_one_summary_and_only_new_drives(workspace: Workspace, monkeypatch) -> None:
    names = [f"drive-{k}" for k in range(7)]
    for name in names:
        write_drive(workspace, name, 0.05 if name == "drive-6" else 1.0)
    manifests = {name: DriveReader(workspace.drive(name)).manifest for name in names}
    looked_at = []
    measure = drive_monitor.vitals_of
    monkeypatch.setattr(drive_monitor, "vitals_of", lambda w, d: looked_at.append(d) or measure(w, d))
    look_over(workspace, {name: manifests[name] for name in names[:6]})
    first = look_over(workspace, manifests)
    assert looked_at == names, "each once"
    assert look_over(workspace, manifests) == first and set(first) == {"drive-6"}
    other_log = replace(manifests["drive-2"], source_sha256="another")
    look_over(workspace, {**manifests, "drive-2": other_log})
    assert looked_at == [*names, "drive-2"]
    workspace.fleet_vitals.write_text('{"drive-0": {"source_sha256": 3')
    assert look_over(workspace, manifests) == first
    assert looked_at == [*names, "drive-2", *names]


def test_an_odd_new_drive_is_parked_where_the_settings_say_so(
    tmp_path: Path, tiny_logs: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    odd = {TOGETHER[0]: ["0.01 median intensity, the fleet's 9 others have 0.2"]}
    monkeypatch.setattr(region, "look_over", lambda workspace, drives: {d: w for d, w in odd.items() if d in drives})
    settings = tiny_settings(tmp_path / "work", tiny_logs, "engine.hold_odd_drives=true")
    report = run_region(settings, InlineRunner())
    states = {drive["drive_id"]: (drive["state"], drive["note"]) for drive in report["drives"]}
    assert states[TOGETHER[0]][0] == "refused" and "median intensity" in states[TOGETHER[0]][1]
    assert states[TOGETHER[1]][0] == "used"
    with closing(Catalog.of(settings.workspace, None)) as catalog:
        assert catalog.drive(TOGETHER[0]).state == DriveState.PARKED
        assert not plan_region(settings, catalog).has_work
