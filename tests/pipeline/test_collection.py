"""The storage budget: what goes, in which order, and what never does."""

from __future__ import annotations

import time

import pytest
from tiny_region import attempts, products, tiny_settings

from mapforge.catalog import Catalog
from mapforge.io.workspace import Workspace
from mapforge.pipeline.collection import collect
from mapforge.pipeline.run import run_region
from mapforge.pipeline.runners import InlineRunner
from mapforge.releases.publish import publish


def budget(workspace, logs, gigabytes, *more):
    return tiny_settings(workspace, logs, f"engine.storage_budget_gb={gigabytes}", *more)


@pytest.fixture
def catalog(mapped):
    found = Catalog.of(str(mapped), None)
    yield found
    found.close()


def folders(workspace):
    """Kinds of products there are of tiles."""
    names = ("rasters", "observations", "map_elements", "tiles")
    return {name for name in names if any((workspace / name / "32632").rglob("*.parquet"))}


def test_without_a_budget_everything_stays(mapped, tiny_logs, catalog):
    before = products(mapped)
    assert collect(tiny_settings(mapped, tiny_logs), catalog).removed == ()
    assert products(mapped) == before


def test_a_plan_removes_nothing_and_says_what_would_go(mapped, tiny_logs, catalog):
    before = products(mapped)
    planned = collect(budget(mapped, tiny_logs, 0), catalog, dry=True)
    assert products(mapped) == before
    done = collect(budget(mapped, tiny_logs, 0), catalog)
    assert [group.what for group in done.removed] == [group.what for group in planned.removed]
    assert done.freed_bytes == planned.freed_bytes > 0


def test_rasters_and_observations_of_finished_drives_go_and_nothing_new_stays_nothing(mapped, tiny_logs, catalog):
    done = collect(budget(mapped, tiny_logs, 0), catalog)
    assert folders(mapped) == {"map_elements", "tiles"}
    assert done.note == "what is left is needed"
    report = run_region(tiny_settings(mapped, tiny_logs), InlineRunner())
    assert attempts(mapped, report["run_id"]) == {}


def test_no_more_goes_than_the_budget_asks_and_the_oldest_first(mapped, tiny_logs, catalog):
    everything = collect(budget(mapped, tiny_logs, 0), catalog, dry=True)
    first = everything.removed[0]
    some = collect(budget(mapped, tiny_logs, (everything.used_bytes - 1) / 1e9), catalog)
    assert [group.what for group in some.removed] == [first.what]
    assert sorted(group.modified_ns for group in everything.removed) == [g.modified_ns for g in everything.removed]


def test_drives_whose_elements_are_due_keep_what_they_are_made_of(mapped, tiny_logs, catalog):
    collect(budget(mapped, tiny_logs, 0, "vectorization.min_length_m=3.5"), catalog)
    assert {"rasters", "observations"} <= folders(mapped)


def test_a_released_build_stays_and_an_old_one_goes(mapped, tiny_logs, catalog):
    first = run_region(tiny_settings(mapped, tiny_logs), InlineRunner())
    released = {t: b for t, b in catalog.current_builds().items() if catalog.tile(t).state == "valid"}
    if not released:
        tile, build = next(iter(catalog.current_builds().items()))
        catalog.set_tile(tile, "valid")
        released = {tile: build}
    publish(Workspace(mapped), catalog, released, first["run_id"], "one")
    for confidence in (0.45, 0.46):
        time.sleep(0.01)
        run_region(tiny_settings(mapped, tiny_logs, f"fusion.min_confidence={confidence}"), InlineRunner())
    collect(budget(mapped, tiny_logs, 0, "fusion.min_confidence=0.46"), catalog)
    left = {"/".join(p.parts[-4:-1]) + ":" + p.stem for p in (mapped / "tiles").rglob("*.parquet")}
    current = {f"{tile}:{build}" for tile, build in catalog.current_builds().items()}
    assert left == current | {f"{tile}:{build}" for tile, build in released.items()}


def test_nothing_goes_while_another_run_is_at_work(mapped, tiny_logs, catalog):
    catalog.start_run("other", "tiny", {})
    before = products(mapped)
    done = collect(budget(mapped, tiny_logs, 0), catalog, own_run="mine")
    assert "another run" in done.note
    assert products(mapped) == before


def test_at_the_end_of_a_run_the_budget_is_kept(mapped, tiny_logs):
    report = run_region(budget(mapped, tiny_logs, 0, "fusion.min_confidence=0.45"), InlineRunner())
    assert report["collected"]["freed_bytes"] > 0
    assert folders(mapped) == {"map_elements", "tiles"}
