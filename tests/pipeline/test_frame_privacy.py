"""A region whose frames are blurred as they come in and deleted once they are used: nothing is made twice for it."""

from __future__ import annotations

from pathlib import Path

import pytest
from tiny_region import SIMULATION, products, tiny_settings

from mapforge.catalog import Catalog
from mapforge.config import Settings, compose_settings
from mapforge.errors import MissingInputError
from mapforge.io.drive_frames import NOTE, frame_files, frames_are_removed
from mapforge.io.workspace import Workspace
from mapforge.pipeline.collection import remove_used_frames
from mapforge.pipeline.execution import NoProgress
from mapforge.pipeline.frame_privacy import filter_fingerprint, frame_filter
from mapforge.pipeline.planner import plan_region
from mapforge.pipeline.run import run_region
from mapforge.pipeline.runners import InlineRunner

CAMERA = [
    "simulation.sensors.camera.enabled=true", "simulation.sensors.camera.width_px=160",
    "simulation.sensors.camera.height_px=96", "simulation.drives=1", "simulation.duration_s=3",
]  # fmt: skip
BLUR = ("ingest.privacy.blur=true", "ingest.privacy.keep_frames=false", "perception.signs.enabled=true")


@pytest.fixture(scope="module")
def logs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    from mapforge.simulation.stage import SimulationInputs
    from mapforge.simulation.stage import run as simulate

    out = tmp_path_factory.mktemp("seen")
    simulate(SimulationInputs(out, workers=1), compose_settings([*SIMULATION, *CAMERA]).simulation)
    return out / "logs"


def test_without_blurring_there_is_no_filter_and_no_weights_are_asked_for() -> None:
    settings = Settings()
    assert frame_filter(settings) is None and filter_fingerprint(settings) == ""


def test_weights_that_are_not_there_are_named(tmp_path: Path) -> None:
    settings = compose_settings(["ingest.privacy.blur=true", f"models.privacy={tmp_path / 'none.safetensors'}"])
    with pytest.raises(MissingInputError, match=r"none\.safetensors are missing; set models\.privacy"):
        frame_filter(settings)


def test_frames_go_when_they_were_used_and_nothing_is_made_again(tmp_path: Path, logs: Path, one_thread: None) -> None:
    settings = tiny_settings(tmp_path / "workspace", logs, *BLUR)
    with_catalog = Catalog.of(settings.workspace, settings.catalog_url)
    report = run_region(settings, InlineRunner())
    (drive,) = Workspace(tmp_path / "workspace").drives.glob("*")
    assert report["frames_removed"] == [f"camera frames of drive {drive.name}"]
    assert frames_are_removed(drive) and not frame_files(drive)
    before = products(tmp_path / "workspace")
    assert not plan_region(settings, with_catalog).has_work
    run_region(settings, InlineRunner())
    assert products(tmp_path / "workspace") == before
    # taken in again on request
    (drive / NOTE).unlink()
    plan = plan_region(settings, with_catalog)
    assert [task.stage for task in plan.tasks if str(task.action) == "run"] == ["ingest"]
    kept = tiny_settings(tmp_path / "workspace", logs, *BLUR, "ingest.privacy.keep_frames=true")
    run_region(kept, InlineRunner())
    assert frame_files(drive)
    assert products(tmp_path / "workspace") == before
    assert [group.what for group in remove_used_frames(kept, with_catalog, dry=True)] == report["frames_removed"]
    assert frame_files(drive)
    assert remove_used_frames(kept, with_catalog) and not frame_files(drive)
    with_catalog.close()


def test_frames_of_a_drive_that_is_not_done_stay(tmp_path: Path, logs: Path) -> None:
    from mapforge.pipeline.run import ingest_logs

    settings = tiny_settings(tmp_path / "workspace", logs)
    ingest_logs(settings, InlineRunner(), NoProgress(), "auto")
    catalog = Catalog.of(settings.workspace, settings.catalog_url)
    assert remove_used_frames(settings, catalog) == ()
    (drive,) = Workspace(tmp_path / "workspace").drives.glob("*")
    assert frame_files(drive)
    catalog.close()
