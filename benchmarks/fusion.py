"""Fusion against simulated truth: error over the number of drives, uncertainty, doubles, heights, cost.

    python benchmarks/fusion.py [WORKSPACE TRUTH] [--out data/benchmark-fusion] [--sets 4] [--counts 1,2,3,5,8]

WORKSPACE: of a run over simulated drives (drive elements and trajectories are used); TRUTH: the folder
`mapforge simulate` wrote (`map.parquet`, `trajectories/`). Without them a town that no setting was fitted on is
simulated and mapped first, which takes a quarter of an hour. Only fusion runs again. Measured against: the map of one
drive alone. Errors are those after the rigid shift of each 200 m window (DESIGN.md section 6), which takes the datum
out; heights are given with and without the median of all. Seconds are processor time, so other work on the machine
does not count. Writes numbers and a plot to --out.
"""

from __future__ import annotations

import argparse
import json
import shutil
import subprocess
import sys
import time
from dataclasses import dataclass, replace
from itertools import combinations
from pathlib import Path

import numpy as np
import shapely
import shapely.affinity

from error_plot import error_svg
from mapforge.fusion.config import FusionConfig
from mapforge.fusion.stage import FusionInputs
from mapforge.fusion.stage import run as fuse_tile
from mapforge.geometry.crs import MapFrame
from mapforge.geometry.tiles import TileId
from mapforge.io.elements import read_elements, write_elements
from mapforge.io.parquet import read_metadata
from mapforge.io.trajectories import read_trajectory
from mapforge.io.workspace import Workspace
from mapforge.metrics.lateral import Offsets, offsets, weighted_quantile
from mapforge.metrics.stations import SegmentIndex, Stations
from mapforge.metrics.uncertainty import interval_coverage
from mapforge.metrics.window_shift import window_shifts
from mapforge.schemas.elements import ElementClass, MapElement
from mapforge.tiles.config import TilesConfig
from mapforge.tiles.stage import TilesInputs
from mapforge.tiles.stage import run as cut_tiles
from mapforge.validation.class_lines import class_lines
from mapforge.validation.config import ValidationConfig
from mapforge.validation.judgement import Judgement, judgement
from mapforge.validation.map_scores import SCORED_CLASSES, MapScores, map_scores
from mapforge.validation.tile_files import whole_map

Float = np.ndarray
DOUBLES = ("double_solid", "double_dashed", "solid_dashed", "dashed_solid")
MAPFORGE = Path(sys.executable).with_name("mapforge")
HELD_OUT_SEED = 22


@dataclass(frozen=True)
class Bench:
    """A workspace whose drives are fused again, in `scratch`, and the truth they are judged by."""

    source: Workspace
    scratch: Workspace
    truth: list[MapElement]
    paths: dict[str, Float]
    frame: MapFrame
    tiles: list[TileId]

    @classmethod
    def read(cls, workspace: Path, truth: Path, scratch: Path) -> Bench:
        source, frame = Workspace(workspace), Workspace(workspace).read_frame()
        drives = sorted(path.stem for path in (workspace / "drive_elements").glob("*.parquet"))
        scratch.mkdir(parents=True, exist_ok=True)
        paths = {d: read_trajectory(truth / "trajectories" / f"{d}.parquet", frame).translation_m for d in drives}
        tiles = [TileId.parse("/".join(p.with_suffix("").parts[-3:])) for p in source.map_elements_files()]
        for folder in ("drive_elements", "trajectories"):
            link = scratch / folder
            if not link.exists():
                link.symlink_to((workspace / folder).resolve(), target_is_directory=True)
        return cls(source, Workspace(scratch), read_elements(truth / "map.parquet", frame)[0], paths, frame, tiles)

    @property
    def drives(self) -> list[str]:
        return sorted(self.paths)


@dataclass(frozen=True, eq=False)
class Fused:
    """A map of some drives: whole elements, datum sigma of each, processor seconds a tile."""

    elements: list[MapElement]
    datum_sigma_m: float
    seconds: list[float]


def fuse(bench: Bench, drives: list[str], config: FusionConfig) -> Fused:
    datum, seconds = [], []
    for tile in bench.tiles:
        started = time.process_time()
        fuse_tile(FusionInputs(bench.scratch, tile, bench.frame, drives, "benchmark"), config)
        seconds.append(time.process_time() - started)
        datum.append(float(read_metadata(bench.scratch.map_elements(tile)).get("datum_sigma_m", "0")))
    return Fused(whole_map(_cut(bench)), float(np.median(datum)), seconds)


def _cut(bench: Bench) -> list[MapElement]:
    """The pieces of all tiles under names that hold over borders."""
    if bench.scratch.tiles.exists():
        shutil.rmtree(bench.scratch.tiles)
    prints = dict.fromkeys(bench.tiles, "benchmark")
    builds = cut_tiles(TilesInputs(bench.scratch, bench.tiles, bench.frame, {}, prints), TilesConfig())
    paths = [bench.scratch.tile(tile, build) for tile, build in sorted(builds.items())]
    return [element for path in paths for element in read_elements(path, bench.frame)[0]]


@dataclass(frozen=True, eq=False)
class Judged:
    """Scores of one map, and the offsets of its classes before and after the shift of the windows."""

    scores: MapScores
    before: dict[str, Offsets]
    after: dict[str, Offsets]
    moved: dict[str, Stations]


def judge(bench: Bench, fused: Fused, drives: list[str]) -> Judged:
    ground: Judgement = judgement(
        fused.elements, bench.truth, [bench.paths[d] for d in drives], bench.tiles, bench.frame, ValidationConfig()
    )
    scores = map_scores(bench.truth, fused.elements, ground)
    index = {name: own.index for name, own in scores.classes.items()}
    stations = {name: own.predicted for name, own in scores.classes.items()}
    _, moved = window_shifts(stations, index, ground.anchors)
    before = {name: own.matched for name, own in scores.classes.items()}
    after = {name: offsets(moved[name], index[name]) for name in scores.classes}
    return Judged(scores, before, after, moved)


def relative(matched: Offsets, datum_sigma_m: float) -> Offsets:
    """Stated sigmas without the part that the shift of the windows took out."""
    return replace(matched, sigma_m=np.sqrt(np.maximum(matched.sigma_m**2 - datum_sigma_m**2, 1e-8)))


def error_of(parts: list[Offsets]) -> dict[str, float]:
    """Median and p95 of the absolute offsets of all parts together."""
    size, weight = (np.concatenate([getattr(part, name) for part in parts]) for name in ("offset_m", "length_m"))
    return {
        "median_m": weighted_quantile(np.abs(size), weight, 0.5),
        "p95_m": weighted_quantile(np.abs(size), weight, 0.95),
    }


def drive_sets(drives: list[str], count: int, most: int) -> list[list[str]]:
    """At most `most` sets of `count` drives, spread over all there are, always the same."""
    every = list(combinations(drives, count))
    order = np.random.default_rng(count).permutation(len(every))[:most]
    return [list(every[k]) for k in sorted(order)]


def error_by_count(bench: Bench, counts: list[int], most: int, config: FusionConfig) -> dict[int, dict]:
    """By number of drives: errors, interval shares and AP over several sets of that many drives."""
    table = {}
    for count in counts:
        found: list[tuple[Judged, Fused]] = []
        for drives in drive_sets(bench.drives, count, most):
            fused = fuse(bench, drives, config)
            found.append((judge(bench, fused, drives), fused))
        table[count] = {**_errors(found), **_shares(found), **_precision(found)}
        print(f"{count} drives", json.dumps(table[count]), flush=True)
    return table


def _errors(found: list[tuple[Judged, Fused]]) -> dict:
    rows = {}
    for name in ("lane_divider", "road_boundary", "ped_crossing", "stop_line"):
        parts = [judged.after[name] for judged, _ in found if name in judged.after]
        if parts:
            rows[name] = {key: round(value, 4) for key, value in error_of(parts).items()}
    lines = [j.after[name] for j, _ in found for name in ("lane_divider", "road_boundary") if name in j.after]
    rows["all"] = {key: round(value, 4) for key, value in error_of(lines).items()}
    return {"error": rows}


def _shares(found: list[tuple[Judged, Fused]]) -> dict:
    """Interval shares of absolute offsets, and of those after the shift with the datum's part taken out."""
    shares: dict[str, dict] = {"absolute": {}, "relative": {}}
    for name in map(str, SCORED_CLASSES):
        pairs = [(judged, fused) for judged, fused in found if name in judged.after]
        if pairs:
            absolute = _joined([judged.before[name] for judged, _ in pairs])
            after = _joined([relative(judged.after[name], fused.datum_sigma_m) for judged, fused in pairs])
            for kind, matched in (("absolute", absolute), ("relative", after)):
                own = interval_coverage(matched)
                shares[kind][name] = [round(own["interval_68_share"], 3), round(own["interval_95_share"], 3)]
    return {"interval_68_95": shares}


def _joined(parts: list[Offsets]) -> Offsets:
    names = Offsets.__dataclass_fields__
    return Offsets(*(np.concatenate([getattr(part, name) for part in parts]) for name in names))


def _precision(found: list[tuple[Judged, Fused]]) -> dict:
    scores = {}
    for name in ("lane_divider", "road_boundary", "ped_crossing", "stop_line", "all"):
        for key in ("mAP_easy", "mAP_hard", "completeness_0.5m", "correctness_0.5m", "duplicated_length"):
            own = [judged.scores.values.get(name, {}).get(key) for judged, _ in found]
            known = [value for value in own if value is not None]
            if known:
                scores.setdefault(name, {})[key] = round(float(np.mean(known)), 4)
    return {"scores": scores}


def floor_and_noise(table: dict[int, dict], name: str) -> dict[str, float]:
    """Least squares of median^2 = floor^2 + noise^2 / count: what more drives cannot take away, and what they do."""
    counts = np.array(sorted(table), dtype=np.float64)
    squared = np.array([table[int(c)]["error"][name]["median_m"] ** 2 for c in counts])
    design = np.stack([np.ones(len(counts)), 1.0 / counts], axis=1)
    floor, noise = np.linalg.lstsq(design, squared, rcond=None)[0]
    return {"floor_m": float(np.sqrt(max(floor, 0.0))), "noise_m": float(np.sqrt(max(noise, 0.0)))}


def doubles(bench: Bench, fused: Fused) -> dict[str, float]:
    """Of the length of true double lines that the map has, the share typed double, and typed exactly right."""
    truth = [e for e in bench.truth if e.element_class is ElementClass.LANE_DIVIDER]
    lines = [e for e in fused.elements if e.element_class is ElementClass.LANE_DIVIDER]
    index = SegmentIndex([e.xyz_map for e in lines])
    stations = class_lines([e for e in truth if e.attributes.get("marking_type") in DOUBLES], ElementClass.LANE_DIVIDER)
    owner = _types_of(truth)
    points = stations.stations(0.5)
    feet = index.nearest(points.xyz, 0.5)
    got = np.array([lines[k].attributes.get("marking_type") for k in feet.line])
    want = owner(points.xyz[feet.query])
    weight = points.length_m[feet.query]
    if not len(weight):
        return {"double_length_m": 0.0}
    return {
        "double_length_m": round(float(weight.sum()), 1),
        "typed_double": round(float(weight[np.isin(got, DOUBLES)].sum() / weight.sum()), 4),
        "typed_exactly": round(float(weight[got == want].sum() / weight.sum()), 4),
    }


def _types_of(truth: list[MapElement]):
    index = SegmentIndex([e.xyz_map for e in truth])
    types = np.array([e.attributes.get("marking_type") for e in truth])

    def at(xyz: Float) -> Float:
        return types[index.nearest(xyz, 5.0).line]

    return at


def heights(judged: Judged) -> dict[str, float]:
    """Absolute height errors of dividers and boundaries: as they are, and without the median of all (the datum's)."""
    parts = [judged.after[name] for name in ("lane_divider", "road_boundary") if name in judged.after]
    height, weight = (np.concatenate([getattr(p, key) for p in parts]) for key in ("height_m", "length_m"))
    known = np.isfinite(height)
    height, weight = height[known], weight[known]
    datum = weighted_quantile(height, weight, 0.5)
    return {
        "median_m": round(weighted_quantile(np.abs(height), weight, 0.5), 4),
        "datum_m": round(datum, 4),
        "median_without_datum_m": round(weighted_quantile(np.abs(height - datum), weight, 0.5), 4),
        "p95_without_datum_m": round(weighted_quantile(np.abs(height - datum), weight, 0.95), 4),
    }


def halves(bench: Bench, config: FusionConfig) -> dict[str, float]:
    """Two disjoint sets of drives against each other, after the shift between them."""
    drives = bench.drives
    one, other = (fuse(bench, part, config) for part in (drives[::2], drives[1::2]))
    pretend = replace(bench, truth=one.elements)
    judged = judge(pretend, other, drives)
    parts = [judged.after[name] for name in ("lane_divider", "road_boundary")]
    return {key: round(value, 4) for key, value in error_of(parts).items()}


def cost(bench: Bench, counts: tuple[int, ...], config: FusionConfig, out: Path) -> dict[int, dict[str, float]]:
    """Seconds a tile; beyond the drives there are, copies of them moved by some centimetres stand in."""
    workspace = Workspace(out / "cost")
    workspace.tmp.mkdir(parents=True, exist_ok=True)
    rng = np.random.default_rng(0)
    names = []
    for k in range(max(counts)):
        drive = bench.drives[k % len(bench.drives)]
        elements = read_elements(bench.source.drive_elements(drive), bench.frame)[0]
        dx, dy = rng.normal(0.0, 0.03, 2)
        moved = [
            e.with_geometry(
                shapely.affinity.translate(e.geometry, dx, dy) if k >= len(bench.drives) else e.geometry, e.sigma_m
            )
            for e in elements
        ]
        names.append(f"drive{k:02d}")
        write_elements(moved, bench.frame, workspace.drive_elements(names[-1]), workspace.tmp, {"start_ns": str(k)})
    table = {}
    for count in counts:
        seconds = fuse(replace(bench, scratch=workspace), names[:count], config).seconds
        table[count] = {"median_s": round(float(np.median(seconds)), 3), "max_s": round(max(seconds), 3)}
    return table


def made(out: Path) -> tuple[Path, Path]:
    """A workspace over 8 drives of a held-out town, with GNSS that is biased and drifts, and its truth."""
    world, workspace = out / "world", out / "workspace"
    gnss = ["simulation.sensors.gnss.bias_sigma_m=0.15", "simulation.sensors.gnss.drift_m_per_100m=0.2"]
    steps = [
        ["simulate", f"out={world}", "world=town", f"seed={HELD_OUT_SEED}", "drives=8", "duration_s=40", *gnss],
        ["run", f"workspace={workspace}", "region.name=benchmark", f"region.logs=[{world / 'logs'}]"],
    ]
    for words in steps:
        if subprocess.run([str(MAPFORGE), *words], check=False).returncode not in (0, 1):
            raise SystemExit(f"mapforge {words[0]} failed")
    return workspace, world / "truth"


def plot(table: dict[int, dict], fits: dict[str, dict[str, float]], world: str, target: Path) -> None:
    """Error against number of drives, with what of it more drives cannot take away."""
    names = ("lane_divider", "road_boundary")
    errors = {name: {count: row["error"][name]["median_m"] for count, row in table.items()} for name in names}
    subtitle = f"{world}: median after the shift of each 200 m window"
    target.write_text(error_svg(errors, fits, subtitle), encoding="utf-8")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("workspace", type=Path, nargs="?")
    parser.add_argument("truth", type=Path, nargs="?")
    parser.add_argument("--out", type=Path, default=Path("data/benchmark-fusion"))
    parser.add_argument("--counts", default="1,2,3,5,8")
    parser.add_argument("--sets", type=int, default=4, help="sets of drives a count")
    parser.add_argument("--cost", action="store_true", help="only the cost table")
    arguments = parser.parse_args()
    config = FusionConfig()
    workspace, truth = arguments.workspace, arguments.truth
    if workspace is None or truth is None:
        workspace, truth = made(arguments.out.resolve())
    bench = Bench.read(workspace, truth, arguments.out / "scratch")
    result: dict = {}
    if not arguments.cost:
        counts = [int(c) for c in arguments.counts.split(",") if int(c) <= len(bench.drives)]
        table = error_by_count(bench, counts, arguments.sets, config)
        fits = {name: floor_and_noise(table, name) for name in ("all", "lane_divider", "road_boundary")}
        everything = fuse(bench, bench.drives, config)
        judged = judge(bench, everything, bench.drives)
        result = {
            "by_count": table,
            "floor_and_noise": fits,
            "doubles": doubles(bench, everything),
            "heights": heights(judged),
            "halves": halves(bench, config),
            "datum_sigma_m": everything.datum_sigma_m,
        }
        plot(table, fits, truth.resolve().parent.name, arguments.out / "error_by_drives.svg")
    result["cost"] = cost(bench, (2, 5, 10, 20), config, arguments.out)
    arguments.out.mkdir(parents=True, exist_ok=True)
    (arguments.out / "fusion.json").write_text(json.dumps(result, indent=1) + "\n", encoding="utf-8")
    print(json.dumps(result, indent=1))


if __name__ == "__main__":
    main()
