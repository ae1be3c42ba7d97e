"""Each stage as a job: what it is called with, and the files it leaves."""

from __future__ import annotations

from pathlib import Path
from typing import Any

# Stages are imported inside, so that planning (and `mapforge status`) does not load torch and open3d.


def ingest(inputs: Any, config: Any) -> list[Path]:
    from mapforge.ingest import stage

    manifest = stage.run(inputs, config)
    return [inputs.workspace.drive(manifest.drive_id) / "manifest.json"]


def localize(inputs: Any, config: Any) -> list[Path]:
    from mapforge.localization import stage

    stage.run(inputs, config)
    workspace, drive = inputs.workspace, inputs.drive_id
    return [workspace.unaligned_trajectory(drive), workspace.trajectory_quality(drive)]


def align(inputs: Any, config: Any) -> list[Path]:
    from mapforge.localization import alignment

    alignment.run(inputs, config)
    finals = [inputs.workspace.trajectory(drive) for drive in inputs.moving]
    return [path for path in finals if path.exists()]


def rasterize(inputs: Any, config: Any) -> list[Path]:
    from mapforge.rasterization import stage

    return [inputs.workspace.raster(tile, inputs.drive_id) for tile in stage.run(inputs, config)]


def perceive(inputs: Any, config: Any) -> list[Path]:
    from mapforge.perception import stage

    stage.run(inputs, config)
    return [inputs.workspace.observation(inputs.tile, inputs.drive_id)]


def detect(inputs: Any, config: Any) -> list[Path]:
    from mapforge.perception import signs, traffic

    signs.run(inputs, config)
    moving = traffic.TrafficInputs(inputs.workspace, inputs.drive_id, inputs.frame, inputs.fingerprint)
    traffic.run(moving, config)
    return [inputs.workspace.detections(inputs.drive_id), inputs.workspace.traffic(inputs.drive_id)]


def vectorize(inputs: Any, config: Any) -> list[Path]:
    from mapforge.vectorization import stage

    stage.run(inputs, config)
    return [inputs.workspace.drive_elements(inputs.drive_id)]


def fuse(inputs: Any, config: Any) -> list[Path]:
    from mapforge.fusion import stage

    stage.run(inputs, config)
    return [inputs.workspace.map_elements(inputs.tile)]


def link_lanes(inputs: Any, config: Any) -> list[Path]:
    from mapforge.lane_graph import stage

    stage.run(inputs, config)
    return [inputs.workspace.lane_graph(inputs.tile)]


def cut(inputs: Any, config: Any) -> list[Path]:
    from mapforge.tiles import stage

    builds = stage.run(inputs, config)
    return [inputs.workspace.tile(tile, build) for tile, build in sorted(builds.items())]
