"""How lidar of the simulator, of the crop generator and of real cars differ: distributions, distances, a picture.

    python benchmarks/sensor_statistics.py --simulated WORKSPACE --real WORKSPACE [--crops 24] [--truth MAP]
        [--picture docs/sensor_statistics.png] [--out sensor_statistics.json]

Both workspaces hold drives, trajectories and rasters of the pipeline (`mapforge run`; `benchmarks/real_logs.py` makes
those of AV2 and KITTI). Everything is measured near the car's path, where there is road. Real drives are told apart by
the first word of their name. Distances are Wasserstein-1, divided by the spread (10 to 90 %) of the real samples.
"""

from __future__ import annotations

import argparse
import json
import math
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import shapely
import torch
from numpy.typing import NDArray
from scipy.ndimage import distance_transform_edt, uniform_filter
from scipy.stats import wasserstein_distance

from mapforge.geometry.crs import MapFrame
from mapforge.geometry.grid import BevGrid
from mapforge.io.drive_store import DriveReader
from mapforge.io.parquet import read_metadata
from mapforge.io.rasters import read_raster
from mapforge.io.trajectories import read_trajectory
from mapforge.io.workspace import Workspace
from mapforge.schemas.vocabulary import ElementClass
from mapforge.training.fields import FINE_M, fine_grid, scene_fields
from mapforge.training.generator import generate
from mapforge.training.label_raster import BAND_HALF_M
from mapforge.training.layout import Layout, Road
from mapforge.training.random_layout import random_layout
from mapforge.training.scan import Pass, random_pass, random_scanner, scan
from mapforge.training.surface import build_surface
from mapforge.validation.reference import read_reference

Float = NDArray[np.float64]
Samples = dict[str, list[Float]]

STATISTICS = {
    "road_intensity": "intensity of road cells (road = 1)",
    "intensity_grain": "intensity of a cell over its 0.5 m surroundings",
    "paint_contrast": "paint over the road beside it",
    "height_std_m": "spread of height in a cell, 3+ returns (m)",
    "height_grain_m": "height of a cell over its 0.5 m surroundings (m)",
    "hits_per_cell": "returns in a hit road cell",
    "returns_per_m2_05_10": "returns a sweep and m2 of road, 5-10 m",
    "returns_per_m2_10_20": "returns a sweep and m2 of road, 10-20 m",
    "returns_per_m2_20_25": "returns a sweep and m2 of road, 20-25 m",
    "grazing_deg": "angle of road returns to the road (deg)",
    "rings_on_road": "rings that meet road at 4-25 m",
}
RANGES_M = {"05_10": (5.0, 10.0), "10_20": (10.0, 20.0), "20_25": (20.0, 25.0)}
ROAD_HALF_M = 4.0
ROAD_BAND_M = 0.12
"""Returns this near the plane of the road are taken for road."""
SAMPLES_MIN, SAMPLES_MAX = 3, 20_000
QUANTILES = (0.05, 0.25, 0.5, 0.75, 0.95)


def add(samples: Samples, name: str, values: Float, rng: np.random.Generator) -> None:
    """At most some thousand of the finite values."""
    values = np.asarray(values, dtype=np.float64).ravel()
    values = values[np.isfinite(values)]
    kept = values if len(values) <= SAMPLES_MAX else rng.choice(values, SAMPLES_MAX, replace=False)
    samples.setdefault(name, []).append(kept)


def grain(values: Float, hit: NDArray[np.bool_]) -> tuple[Float, Float]:
    """Each hit cell and the mean of the hit cells round it, itself left out (NaN with fewer than three)."""
    size = 5
    count = uniform_filter(hit.astype(np.float64), size, mode="constant") * size**2 - 1
    total = uniform_filter(np.where(hit, values, 0.0), size, mode="constant") * size**2 - np.where(hit, values, 0.0)
    mean = np.where(count >= 3, total / np.maximum(count, 1), np.nan)
    return values[hit], mean[hit]


def of_cells(
    samples: Samples,
    channels: dict[str, Float],
    road: NDArray[np.bool_],
    line_m: Float | None,
    rng: np.random.Generator,
) -> None:
    """What a raster tells. channels: hits, intensity, height, height_std; line_m: distance to the nearest paint."""
    hit = road & (channels["hits"] > 0)
    if hit.sum() < 200:
        return
    add(samples, "road_intensity", channels["intensity"][hit], rng)
    add(samples, "hits_per_cell", channels["hits"][hit], rng)
    cell, around = grain(channels["intensity"], hit)
    add(samples, "intensity_grain", cell / np.maximum(around, 0.05), rng)
    cell, around = grain(channels["height"], hit)
    add(samples, "height_grain_m", cell - around, rng)
    add(samples, "height_std_m", channels["height_std"][hit & (channels["hits"] >= 3)], rng)
    if line_m is not None:
        add(samples, "paint_contrast", paint_contrast(channels["intensity"], hit, line_m), rng)


def paint_contrast(intensity: Float, hit: NDArray[np.bool_], line_m: Float, block_cells: int = 40) -> Float:
    """A value a 4 m block: 95th percentile on a line (0.35 m each way: poses are not exact) over the road beside."""
    ratios = []
    on, beside = hit & (line_m < 0.35), hit & (line_m > 0.5) & (line_m < 1.2)
    for row in range(0, intensity.shape[0], block_cells):
        for column in range(0, intensity.shape[1], block_cells):
            block = np.s_[row : row + block_cells, column : column + block_cells]
            if on[block].sum() >= 15 and beside[block].sum() >= 15:
                paint = np.percentile(intensity[block][on[block]], 95)
                ratios.append(paint / max(float(np.median(intensity[block][beside[block]])), 0.05))
    return np.array(ratios)


def distance_to(xy_map: Float, grid: BevGrid) -> Float:
    """(rows, columns) metres from each cell to the nearest of (N, 2) points."""
    rows, columns = grid.cells_of(xy_map)
    inside = grid.contains(rows, columns)
    free = np.ones(grid.shape, dtype=bool)
    free[rows[inside], columns[inside]] = False
    return np.asarray(distance_transform_edt(free)) * grid.resolution_m if inside.any() else np.full(grid.shape, np.inf)


def of_workspace(
    folder: Path, drives: str, references: list[Path], files_max: int, rng: np.random.Generator
) -> Samples:
    """Statistics of the drives of a workspace whose names begin with `drives`."""
    workspace = Workspace(folder)
    samples: Samples = {}
    for path in sorted((folder / "trajectories").glob(f"{drives}*.parquet")):
        raw = json.loads(read_metadata(path)["frame"])
        frame = MapFrame(raw["epsg"], tuple(raw["origin_m"]), raw["epoch"])
        drive_id = path.stem
        way = read_trajectory(path, frame).translation_m[:, :2]
        steps = np.arange(0.0, max(len(way) - 1, 1), 0.02)
        way = np.stack([np.interp(steps, np.arange(len(way)), way[:, axis]) for axis in (0, 1)], axis=1)
        lines = painted_lines(references, frame)
        rasters = sorted((folder / "rasters").rglob(f"{drive_id}.parquet"), key=lambda p: -p.stat().st_size)
        for file in rasters[:files_max]:
            raster = read_raster(file)
            path_m = distance_to(way, raster.grid)
            line_m = None if lines is None else distance_to(lines, raster.grid)
            keys = {"hits": "surface_hits", "intensity": "intensity_mean", "height": "height_mean_m"}
            channels = {key: raster.channels[name].astype(np.float64) for key, name in keys.items()}
            channels["height_std"] = raster.channels["height_std_m"].astype(np.float64)
            of_cells(samples, channels, path_m < ROAD_HALF_M, line_m, rng)
        of_sweeps(samples, DriveReader(workspace.drive(drive_id)), rng)
    return samples


def painted_lines(references: list[Path], frame: MapFrame) -> Float | None:
    """(N, 2) points 5 cm apart along painted lines of the reference maps, None without any."""
    elements = [element for reference in references for element in read_reference(reference, frame)]
    lines = [
        element.geometry
        for element in elements
        if element.element_class == ElementClass.LANE_DIVIDER
        and element.attributes.get("marking_type", "none") not in (None, "none")
    ]
    if not lines:
        return None
    dense = shapely.segmentize(shapely.force_2d(np.array(lines, dtype=object)), 0.05)
    return np.asarray(shapely.get_coordinates(dense))


def of_sweeps(samples: Samples, reader: DriveReader, rng: np.random.Generator, sweeps_max: int = 12) -> None:
    """Density by range, grazing angle and rings on the strip of road the car is on."""
    mounts = {name: sensor.ego_SE3_sensor.translation_m for name, sensor in reader.calibration().items()}
    count = len(reader.sweep_index())
    for index in np.unique(np.linspace(0, count - 1, min(count, sweeps_max)).round().astype(int)).tolist():
        sweep = reader.sweep(index)
        xyz = sweep.xyz_ego.astype(np.float64)
        radius = np.hypot(xyz[:, 0], xyz[:, 1])
        strip = (np.abs(xyz[:, 1]) < ROAD_HALF_M) & (radius > 3) & (radius < 25)
        plane = road_plane(xyz[strip])
        if plane is None:
            continue
        mount = mounts.get(sweep.sensor, np.array([0.0, 0.0, 1.73]))
        above_m = mount[2] - plane[0] - mount[:2] @ plane[1:]
        reach_m = np.hypot(xyz[:, 0] - mount[0], xyz[:, 1] - mount[1])
        on = strip & (np.abs(xyz[:, 2] - plane[0] - xyz[:, :2] @ plane[1:]) < ROAD_BAND_M)
        for name, (near, far) in RANGES_M.items():
            here = on & (radius >= near) & (radius < far)
            add(samples, f"returns_per_m2_{name}", np.array([here.sum() / strip_area_m2(near, far)]), rng)
        add(samples, "grazing_deg", np.degrees(np.arctan2(above_m, reach_m[on])), rng)
        rings, hits = np.unique(sweep.ring[on & (radius > 4)], return_counts=True)
        if rings.max(initial=-1) > 0:
            add(samples, "rings_on_road", np.array([float((hits >= 5).sum())]), rng)


def road_plane(xyz: Float) -> Float | None:
    """(3,) height at the car and slopes along x and y of the road among the points: a trimmed least-squares fit."""
    low = xyz[(xyz[:, 2] > -3.0) & (xyz[:, 2] < 0.5) & (np.hypot(xyz[:, 0], xyz[:, 1]) < 10.0)]
    if len(low) < 100:
        return None
    counts, edges = np.histogram(low[:, 2], np.arange(-3.0, 0.55, 0.1))
    plane = np.array([edges[counts.argmax()] + 0.05, 0.0, 0.0])
    for band_m, reach_m in ((0.25, 8.0), (0.2, 12.0), (0.15, 25.0), (ROAD_BAND_M, 25.0), (ROAD_BAND_M, 25.0)):
        off = xyz[:, 2] - plane[0] - xyz[:, :2] @ plane[1:]
        near = (np.abs(off) < band_m) & (np.hypot(xyz[:, 0], xyz[:, 1]) < reach_m)
        if near.sum() < 100:
            return None
        design = np.column_stack([np.ones(near.sum()), xyz[near, :2]])
        plane = np.linalg.lstsq(design, xyz[near, 2], rcond=None)[0]
    return plane


def strip_area_m2(near_m: float, far_m: float) -> float:
    """Of the ring between two ranges, what lies within the half width of the road."""

    def disc(radius: float) -> float:
        h = min(ROAD_HALF_M, radius)
        return 2 * (h * math.sqrt(radius**2 - h**2) + radius**2 * math.asin(h / radius))

    return disc(far_m) - disc(near_m)


def of_generator(crops: int, rng: np.random.Generator) -> Samples:
    """Statistics of generated crops; density and angle from one more sweep of each, by the same scanner."""
    samples: Samples = {}
    place = torch.device("cpu")
    x, y = (axis.numpy() for axis in fine_grid(place))
    for seed in range(crops):
        sample = generate(seed)
        draws = np.random.default_rng(seed)
        layout = random_layout(draws)
        fields = scene_fields(layout, place)
        surface = build_surface(fields, draws, place)
        track, scanner = random_pass(layout, draws), random_scanner(draws)
        path_m = np.min([np.hypot(x - px, y - py) for px, py in track.xy_m], axis=0)
        near = (path_m < max(ROAD_HALF_M, 1.5 * track.smear_m)) & (surface.edge_m.numpy() < -0.2)
        lidar = dict(zip(("hits", "intensity", "height", "height_std"), sample.lidar.astype(np.float64)))
        band = np.kron(sample.labels.flags & 1, np.ones((2, 2))) > 0
        line_m = np.asarray(distance_transform_edt(~band)) * FINE_M + BAND_HALF_M * ~band
        of_cells(samples, lidar, near, line_m if band.any() else None, rng)
        noise = torch.Generator().manual_seed(seed)
        once = Pass(track.xy_m[:1], np.ones(1), 0.02)
        hits = scan(surface, fields, once, scanner, draws, noise).hits.numpy()
        radius = np.hypot(x - track.xy_m[0, 0], y - track.xy_m[0, 1])
        on = (surface.edge_m.numpy() < 0) & (np.abs(distance_to_line(layout, x, y, track.xy_m[0])) < ROAD_HALF_M)
        for name, (low, high) in RANGES_M.items():
            here = on & (radius >= low) & (radius < high)
            if here.sum() > 1000:
                add(samples, f"returns_per_m2_{name}", np.array([hits[here].sum() / (here.sum() * FINE_M**2)]), rng)
        here = on & (radius > 3) & (radius < 25)
        angles = np.degrees(np.arctan2(scanner.height_m, radius[here]))
        add(samples, "grazing_deg", np.repeat(angles, hits[here].astype(int)), rng)
        down = np.array([e for e in scanner.elevation_rad if e < -0.005])
        reach = scanner.height_m / np.tan(-down)
        add(samples, "rings_on_road", np.array([float(((reach > 4) & (reach < 25)).sum())]), rng)
    return samples


def distance_to_line(layout: Layout, x: Float, y: Float, xy: Float) -> Float:
    """Distance across the direction of the layout's road that runs nearest to a place."""

    def across(road: Road, px: Float, py: Float) -> Float:
        return np.asarray(math.cos(road.heading_rad) * (py - xy[1]) - math.sin(road.heading_rad) * (px - xy[0]))

    nearest = min(layout.roads, key=lambda road: abs(float(across(road, np.array(road.x_m), np.array(road.y_m)))))
    return across(nearest, x, y)


def table(sources: dict[str, dict[str, Float]]) -> dict[str, dict[str, object]]:
    """Quantiles a source, and distances of simulator and generator to the real sources taken together."""
    rows: dict[str, dict[str, object]] = {}
    for name, meaning in STATISTICS.items():
        known = {source: values[name] for source, values in sources.items() if len(values.get(name, ())) >= SAMPLES_MIN}
        real = [known[source] for source in known if source not in ("simulated", "generated")]
        row: dict[str, object] = {"meaning": meaning}
        for source, values in known.items():
            row[source] = {"n": len(values), "quantiles": [round(float(q), 4) for q in np.quantile(values, QUANTILES)]}
        if real:
            pooled = np.concatenate([np.resize(values, SAMPLES_MAX) for values in real])
            spread = max(float(np.subtract(*np.quantile(pooled, (0.9, 0.1)))), 1e-9)
            for source in ("simulated", "generated"):
                if source in known:
                    row[f"distance_{source}"] = round(wasserstein_distance(known[source], pooled) / spread, 3)
            if len(real) > 1:
                row["distance_between_real"] = round(wasserstein_distance(real[0], real[1]) / spread, 3)
        rows[name] = row
    return rows


def draw(sources: dict[str, dict[str, Float]], target: Path) -> None:
    """One panel a statistic: its distribution in every source."""
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot

    figure, axes = pyplot.subplots(3, 4, figsize=(13, 8.2), dpi=80)
    colours = dict(zip(sources, ("#1f77b4", "#ff7f0e", "#2ca02c", "#7f3fbf")))
    for axis, (name, meaning) in zip(axes.flat, STATISTICS.items()):
        values = {s: v[name] for s, v in sources.items() if len(v.get(name, ())) >= SAMPLES_MIN}
        low, high = np.transpose([np.quantile(v, (0.01, 0.98)) for v in values.values()])
        bins = np.linspace(low.min(), max(np.sort(high)[-2:].mean(), low.min() + 1e-6), 61)
        for source, samples in values.items():
            counts, _ = np.histogram(np.clip(samples, bins[0], bins[-1]), bins)
            axis.step(bins[:-1], np.cumsum(counts) / counts.sum(), where="post", color=colours[source], label=source)
        axis.set_title(meaning, fontsize=8.5)
        axis.tick_params(labelsize=7)
        axis.grid(alpha=0.3)
    for axis in list(axes.flat)[len(STATISTICS) :]:
        axis.axis("off")
        axis.legend(*axes.flat[0].get_legend_handles_labels(), loc="center", fontsize=10, title="cumulative share")
    figure.tight_layout()
    target.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(target)


def merged(samples: Samples) -> dict[str, Float]:
    return {name: np.concatenate(parts) for name, parts in samples.items()}


def collect(arguments: argparse.Namespace) -> Iterator[tuple[str, dict[str, Float]]]:
    rng = np.random.default_rng(0)
    if arguments.simulated:
        truth = [arguments.truth] if arguments.truth else []
        yield "simulated", merged(of_workspace(arguments.simulated, "", truth, arguments.files, rng))
    yield "generated", merged(of_generator(arguments.crops, rng))
    if arguments.real:
        names = {path.stem for path in (arguments.real / "trajectories").glob("*.parquet")}
        kitti = sorted(name for name in names if "kitti" in name or "_sync" in name)
        maps = sorted(arguments.maps.glob("*/map")) if arguments.maps and arguments.maps.is_dir() else []
        for label, chosen in (("AV2", sorted(names - set(kitti))), ("KITTI", kitti)):
            samples: Samples = {}
            for name in chosen:
                references = [m for m in maps if name.split("_")[-1] in str(m)] if label == "AV2" else []
                for key, parts in of_workspace(arguments.real, name, references, arguments.files, rng).items():
                    samples.setdefault(key, []).extend(parts)
            if samples:
                yield label, merged(samples)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--simulated", type=Path, help="workspace of simulated drives")
    parser.add_argument("--truth", type=Path, help="their map, for the contrast of paint")
    parser.add_argument("--real", type=Path, help="workspace of AV2 and KITTI drives")
    parser.add_argument("--maps", type=Path, default=Path(__file__).resolve().parents[2] / "shared" / "data" / "av2")
    parser.add_argument("--crops", type=int, default=24)
    parser.add_argument("--files", type=int, default=3, help="rasters a drive")
    parser.add_argument("--out", type=Path, default=Path("data/benchmark/sensor_statistics.json"))
    parser.add_argument("--picture", type=Path, default=None)
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    sources = dict(collect(arguments))
    rows = table(sources)
    arguments.out.parent.mkdir(parents=True, exist_ok=True)
    arguments.out.write_text(json.dumps(rows, indent=1) + "\n", encoding="utf-8")
    if arguments.picture:
        draw(sources, arguments.picture)
    print(json.dumps(rows, indent=1))


if __name__ == "__main__":
    main()
