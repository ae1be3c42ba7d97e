"""A failed tile with all that made it fail, in one zip that runs anywhere.

bundle.json      what failed: tile, stage, drives, error, and the command that reproduces it
settings.yaml    the resolved settings of the run
error.txt        the error with its traceback
attempts.json    what was tried on the tile, run by run
workspace/       the inputs: what each drive saw near the tile, cut to its surroundings
"""

from __future__ import annotations

import json
import zipfile
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
import yaml

from mapforge.catalog import Catalog
from mapforge.config import Settings, settings_from_dict, settings_to_dict
from mapforge.errors import MissingInputError
from mapforge.geometry.tiles import TileId
from mapforge.io.atomic import atomic_file
from mapforge.pipeline.job_inputs import cutting_job, fusion_job, lanes_job, perception_job
from mapforge.pipeline.jobs import Job, Outcome, execute
from mapforge.pipeline.plan import Action, Task
from mapforge.pipeline.recipes import Recipes
from mapforge.pipeline.region_facts import RegionFacts
from mapforge.pipeline.stage_files import Product, StageFiles, products_of_tile, seen_by, traffic_of
from mapforge.pipeline.staging import fetch
from mapforge.pipeline.stamps import Failure, Recipe

COMMAND = "mapforge reproduce bundle=."
STAGES = ("perception", "fusion", "lane_graph", "tiles")
"""Of which a job can be made to fail again."""
SURROUNDINGS_M = 40.0
"""Beyond fusion's halo, what is kept of each drive."""


@dataclass(frozen=True)
class BundleDescription:
    """What a bundle is about. stage, item: of the job that failed, or of fusion when none did. error: its message."""

    tile: str
    stage: str
    item: str
    drives: list[str]
    run_id: str | None
    kind: str | None
    error: str | None
    fingerprint: str
    command: str = COMMAND


def write_bundle(settings: Settings, catalog: Catalog, tile: TileId, out: Path, raw: bool = False) -> BundleDescription:
    """Writes the zip; returns what is in it. raw: the drives' own data too, which are large.

    Raises UnknownRunError when the tile was never planned, MissingInputError before the first run.
    """
    known = catalog.tile(str(tile))
    facts = RegionFacts(settings, catalog, Recipes.of(settings))
    facts.read_manifests()
    facts.look_at_drives()
    drives = facts.drives_by_tile().get(tile, [])
    failure = _failure_of(facts, tile)
    stage = failure.stage if failure is not None and failure.stage != "tiles" else known.stage
    stage = stage if stage in STAGES else "fusion"
    item = failure.item if failure is not None and failure.stage == stage else str(tile)
    about = BundleDescription(
        str(tile),
        stage,
        item,
        drives,
        failure.run_id if failure is not None else known.run_id,
        failure.kind if failure is not None else None,
        failure.message if failure is not None else known.error,
        Recipe(failure.parts).fingerprint if failure is not None else known.fingerprint or "",
    )
    fetch(_read_by(about, facts, raw), facts.workspace)
    texts = {
        "bundle.json": json.dumps(asdict(about), indent=1),
        "settings.yaml": yaml.safe_dump(_portable(settings), sort_keys=False),
        "error.txt": f"{about.kind}: {about.error}\n\n{failure.traceback if failure is not None else ''}",
        "attempts.json": json.dumps([_plain(a) for a in catalog.attempts(item=str(tile))], indent=1, default=str),
    }
    with atomic_file(out, out.parent) as path, zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as bundle:
        for name, text in texts.items():
            bundle.writestr(name, text)
        for name, content in _inputs(facts, tile, about, raw):
            bundle.write(content, f"workspace/{name}")
    return about


def reproduce(folder: Path) -> tuple[BundleDescription, Outcome]:
    """Runs the job of an unpacked bundle; how it ended. Raises MissingInputError when the folder is none."""
    try:
        about = BundleDescription(**json.loads((folder / "bundle.json").read_text(encoding="utf-8")))
        settings = settings_from_dict(yaml.safe_load((folder / "settings.yaml").read_text(encoding="utf-8")))
    except FileNotFoundError as error:
        raise MissingInputError(f"{folder} is no unpacked bundle: {error.filename} is missing") from error
    settings.workspace = str(folder.resolve() / "workspace")
    return about, execute(_job(about, settings))


def _job(about: BundleDescription, settings: Settings) -> Job:
    with TemporaryDirectory() as empty:
        catalog = Catalog.of(empty, None)
        facts = RegionFacts(settings, catalog, Recipes.of(settings))
        tile = TileId.parse(about.tile)
        if about.stage == "tiles":
            return cutting_job({tile: about.fingerprint}, [], facts)
        drive = about.item.rpartition("@")[2] if about.stage == "perception" else None
        recipe = Recipe({"bundle": about.fingerprint})
        task = Task(about.stage, about.item, Action.RUN, drive=drive, tile=tile, recipe=recipe)
        if drive is not None:
            return perception_job(task, facts)
        make = lanes_job if about.stage == "lane_graph" else fusion_job
        return make(task, about.drives, facts)


def _failure_of(facts: RegionFacts, tile: TileId) -> Failure | None:
    """The newest thing that failed on the tile."""
    fused = facts.ledger.failure("fusion", str(tile))
    linked = facts.ledger.failure("lane_graph", str(tile))
    seen = [f for f in facts.ledger.failures("perception") if f.item.rpartition("@")[0] == str(tile)]
    cut = facts.ledger.failure("tiles", "map")
    return next((failure for failure in (*seen, fused, linked, cut) if failure is not None), None)


def _inputs(facts: RegionFacts, tile: TileId, about: BundleDescription, raw: bool) -> Iterator[tuple[str, Path]]:
    """Name in the workspace -> a file to store under it, which may go when the next one is asked for."""
    workspace = facts.workspace
    whole = [workspace.root / "map.json"]
    around = [tile, *tile.neighbours()]
    if about.stage == "perception":
        drive = about.item.rpartition("@")[2]
        whole += [workspace.raster(near, drive) for near in around]
    if about.stage == "lane_graph":
        whole += [workspace.map_elements(near) for near in around]
    if about.stage == "tiles":
        products = (workspace.map_elements, workspace.lane_graph, workspace.tile_names)
        whole += [path_of(near) for near in around for path_of in products]
    if raw:
        whole += [path for drive in about.drives for path in sorted(workspace.drive(drive).glob("*"))]
    for path in whole:
        if path.exists():
            yield path.relative_to(workspace.root).as_posix(), path
    yield from _cut_inputs(facts, tile, about.drives)


def _read_by(about: BundleDescription, facts: RegionFacts, raw: bool) -> StageFiles:
    """What `_inputs` takes from the workspace, for one that lies elsewhere."""
    workspace, tile = facts.workspace, TileId.parse(about.tile)
    around = sorted({tile, *tile.neighbours()})
    products = [product for drive in about.drives for product in seen_by(drive, workspace)]
    if about.stage == "perception":
        drive = about.item.rpartition("@")[2]
        products.append(Product("rasterization", drive, tuple(workspace.raster(near, drive) for near in around)))
    if about.stage == "lane_graph":
        products += [Product("fusion", str(near), (workspace.map_elements(near),)) for near in around]
        products += [traffic_of(drive, workspace) for drive in about.drives]
    if about.stage == "tiles":
        for stage in ("fusion", "lane_graph", "tiles"):
            products += [Product(stage, str(near), products_of_tile(stage, near, workspace)) for near in around]
    return StageFiles(tuple(products), drives=tuple(about.drives) if raw else ())


def _cut_inputs(facts: RegionFacts, tile: TileId, drives: list[str]) -> Iterator[tuple[str, Path]]:
    """The parts of the drives' small products that lie near the tile."""
    workspace = facts.workspace
    bounds = tile.bounds_projected(facts.settings.fusion.halo_m + SURROUNDINGS_M)
    for drive in drives:
        for path in (
            workspace.drive_elements(drive),
            workspace.detections(drive),
            workspace.traffic(drive),
            workspace.trajectory(drive),
        ):
            if path.exists():
                with TemporaryDirectory() as folder:
                    part = Path(folder) / path.name
                    table = pq.ParquetFile(path).read()
                    pq.write_table(table.filter(_near(table, bounds)), part, compression="zstd")
                    yield path.relative_to(workspace.root).as_posix(), part


def _near(table: pa.Table, bounds: tuple[float, float, float, float]) -> pa.Array:
    """Rows whose box or place meets the bounds (absolute metres of the CRS)."""
    if "bbox" in table.schema.names:
        box = table["bbox"].combine_chunks()
        low_x, high_x, low_y, high_y = (box.field(name) for name in ("xmin", "xmax", "ymin", "ymax"))
    else:
        x, y = ("x_m", "y_m") if "x_m" in table.schema.names else ("tx_m", "ty_m")
        low_x = high_x = table[x].combine_chunks()
        low_y = high_y = table[y].combine_chunks()
    inside = [
        pc.less_equal(low_x, bounds[2]),
        pc.greater_equal(high_x, bounds[0]),
        pc.less_equal(low_y, bounds[3]),
        pc.greater_equal(high_y, bounds[1]),
    ]
    return pa.array(np.logical_and.reduce([np.asarray(pc.fill_null(mask, False)) for mask in inside]))


def _portable(settings: Settings) -> dict[str, Any]:
    """Settings without places of this machine; the weights stay where they are named."""
    plain = settings_to_dict(settings)
    plain["workspace"], plain["catalog_url"] = "workspace", None
    plain["region"]["logs"], plain["region"]["reference"] = [], None
    return plain


def _plain(attempt: Any) -> dict[str, Any]:
    names = ("run_id", "stage", "item", "ended_ns", "seconds", "error", "traceback")
    return {name: getattr(attempt, name) for name in names}
