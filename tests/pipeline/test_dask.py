"""The pipeline on a real Dask cluster: a scheduler and two workers, each a process of its own."""

from __future__ import annotations

from pathlib import Path

import jobs_for_tests as work
import pytest
from dask_cluster import KillOnce, dask_cluster
from tiny_region import products, tiny_settings

from mapforge.config import compose_settings
from mapforge.errors import ConfigurationError
from mapforge.pipeline.dask_runner import DaskRunner
from mapforge.pipeline.jobs import Job
from mapforge.pipeline.recipes import Recipes
from mapforge.pipeline.run import make_runner, run_region
from mapforge.pipeline.stamps import Recipe

pytestmark = pytest.mark.server


def test_a_cluster_that_loses_a_worker_gives_the_bytes_of_the_local_run(mapped_once, tiny_logs, tmp_path):
    workspace = tmp_path / "on dask"
    with dask_cluster(tmp_path / "cluster", [None, None]) as cluster:
        settings = tiny_settings(workspace, tiny_logs, "engine.kind=dask", f"engine.address={cluster.address}")
        runner = make_runner(settings.engine)
        progress = KillOnce("perception", lambda: cluster.kill(0))
        report = run_region(settings, runner, progress)
        runner.close()
        assert cluster.workers[0].poll() is not None
        assert cluster.workers[1].poll() is None
    assert progress.left == 0
    assert progress.done["perception"] > 2
    folders = ("trajectories", "rasters", "observations", "drive_elements", "map_elements", "lane_graph", "tiles")
    assert products(workspace, folders) == products(mapped_once[0], folders)
    assert report["tiles"] == mapped_once[1]["tiles"]


def test_jobs_on_the_device_run_where_the_resource_is_and_one_at_a_time(workspace, tmp_path, monkeypatch):
    monkeypatch.setenv("PYTHONPATH", str(Path(work.__file__).parent))  # the scheduler reads jobs, too
    with dask_cluster(tmp_path / "cluster", [None, {"RESOURCES": "GPU=1"}]) as c:
        runner = DaskRunner(c.address, 0, gpu_resource="GPU")
        made = [job(workspace, i, uses_device=i % 2 == 0) for i in range(8)]
        outcomes = list(runner.map(made))
        runner.close()
        pids = {o.item: int(o.outputs[0].read_text()) for o in outcomes if o.error is None}
        assert len(pids) == 8
        assert {pids[j.item] for j in made if j.uses_device} == {c.workers[1].pid}
        with pytest.raises(ConfigurationError, match="TPU: no worker"):
            list(DaskRunner(c.address, 0, gpu_resource="TPU").map(made))


def job(workspace, i, uses_device):
    inputs = work.Inputs(workspace, f"item{i}")
    return Job(
        "stage", inputs.name, work.write_pid, inputs, "c", Recipe({"a": "1"}), workspace, uses_device=uses_device
    )


def test_an_address_without_a_scheduler_is_named(monkeypatch):
    monkeypatch.setattr("mapforge.pipeline.dask_runner.CONNECT_TIMEOUT_S", 0.5)
    with pytest.raises(ConfigurationError, match=r"tcp://127\.0\.0\.1:9: no Dask scheduler answers"):
        DaskRunner("tcp://127.0.0.1:9", 1)


def test_the_device_of_the_cluster_is_not_looked_for_here():
    on_cluster = ["engine.kind=dask", "engine.address=tcp://gpus:8786", "engine.device=cuda", "engine.gpu_resource=GPU"]
    assert Recipes.of(compose_settings(on_cluster)).device == "cuda"
