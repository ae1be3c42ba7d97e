"""The lane graph against simulated truth: edges, seams, routes, Lanelet2, cost.

    python benchmarks/lane_graph.py [--families town,urban] [--seeds 121,...,126] [--drives 8] [--seconds 40]
        [--seen_m 25] [--workspace WORKSPACE --truth TRUTH] [--out FOLDER]

Without a workspace: worlds are simulated (no sensors) and the graph is made from their true lines and driven paths,
with and without the arrows painted on lanes, which the pipeline does not see yet; --seen_m leaves of the lines what
lies so near to a path. With one, of a run over simulated drives:
the stage and the cut run again on its fused elements, tile by tile, and the result is judged against TRUTH
(`mapforge simulate` wrote it). Edges are those of `metrics.topology`, between lanes of which most lies within 20 m of a
driven path. Measured beside: how far pieces miss each other on tile borders, how Lanelet2 loads the export, and the
share of random routes that its routing graph finds as ours does. Prints a table, writes numbers to --out.
"""

from __future__ import annotations

import argparse
import json
import random
import shutil
import tempfile
import time
from collections.abc import Mapping
from itertools import pairwise
from pathlib import Path

import numpy as np
import shapely

from mapforge.geometry.crs import MapFrame
from mapforge.geometry.tiles import TileId
from mapforge.io.elements import read_elements
from mapforge.io.trajectories import read_trajectory
from mapforge.io.workspace import Workspace
from mapforge.lane_graph.config import LaneGraphConfig
from mapforge.lane_graph.graph import lane_graph
from mapforge.lane_graph.routing import LANE_CHANGE_M, shortest_path
from mapforge.lane_graph.stage import LaneGraphInputs
from mapforge.lane_graph.stage import run as link_lanes
from mapforge.metrics.centreline_graph import THRESHOLDS_M, matched_centrelines, strict_edge_scores, top_ll
from mapforge.metrics.topology import edge_scores, judged_lanes, lanes_along
from mapforge.schemas.elements import ElementClass, MapElement
from mapforge.simulation.config import SimulationConfig
from mapforge.simulation.worlds import make_plans, make_world
from mapforge.tiles.config import TilesConfig
from mapforge.tiles.lanelet2 import export_lanelet2
from mapforge.tiles.stage import TilesInputs
from mapforge.tiles.stage import run as cut_tiles
from mapforge.validation.tile_files import whole_map

Float = np.ndarray
Edges = dict[str, list[str]]
REACH_M = 20.0
ROUTES = 300


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seeds", default="121,122,123,124,125,126")
    parser.add_argument("--families", default="town")
    parser.add_argument("--drives", type=int, default=8)
    parser.add_argument("--seconds", type=float, default=40.0)
    parser.add_argument("--seen_m", type=float)
    parser.add_argument("--workspace", type=Path)
    parser.add_argument("--truth", type=Path)
    parser.add_argument("--out", type=Path, default=Path("data/benchmark-lanes"))
    options = parser.parse_args()
    if options.workspace is None:
        seeds = [int(seed) for seed in options.seeds.split(",")]
        made = {family: of_worlds(family, seeds, options) for family in options.families.split(",")}
        result = {"true_lines": made}
    else:
        result = {"fused": of_workspace(Workspace(options.workspace), options.truth)}
    options.out.mkdir(parents=True, exist_ok=True)
    (options.out / "lane_graph.json").write_text(json.dumps(result, indent=1, sort_keys=True))
    print(json.dumps(result, indent=1, sort_keys=True))


def of_worlds(family: str, seeds: list[int], options: argparse.Namespace) -> dict[str, dict[str, float]]:
    """Pooled over the worlds of one family."""
    pooled: dict[str, list[dict[str, float]]] = {}
    for seed in seeds:
        config = SimulationConfig(world=family, seed=seed, drives=options.drives, duration_s=options.seconds)
        world = make_world(config)
        paths = [plan.translation_m[::10] for plan in make_plans(world, config)]
        for name, hidden in (("with arrows", ()), ("without arrows", (ElementClass.ROAD_MARKING,))):
            seen = [e for e in world.truth if e.element_class not in (ElementClass.LANE, *hidden)]
            if options.seen_m:
                seen = within(seen, paths, options.seen_m)
            started = time.perf_counter()
            lanes = lane_graph(seen, paths, LaneGraphConfig())
            seconds = time.perf_counter() - started
            lines = {str(k): lane.centre for k, lane in enumerate(lanes)}
            onward = {str(k): [str(s) for s in lane.successors] for k, lane in enumerate(lanes)}
            beside = {str(k): [str(n) for n in (lane.left_lane, lane.right_lane)] for k, lane in enumerate(lanes)}
            scores = edges_of(list(world.truth), lines, onward, beside, paths)
            pooled.setdefault(name, []).append(scores | {"seconds": seconds})
            shown = ("successor_precision", "successor_recall", "neighbour_precision", "neighbour_recall", "top_ll")
            print(f"{family} {seed} {name}: " + " ".join(f"{k} {scores[k]:.3f}" for k in shown), flush=True)
    return {name: _pooled(rows) for name, rows in pooled.items()}


def within(elements: list[MapElement], paths: list[Float], seen_m: float) -> list[MapElement]:
    """What of the elements lies near a path."""
    area = shapely.union_all([shapely.LineString(path[:, :2]).buffer(seen_m) for path in paths])
    shapely.prepare(area)
    kept = []
    for element in elements:
        own = shapely.intersection(element.geometry, area)
        parts = [part for part in shapely.get_parts(own) if part.geom_type == element.geometry.geom_type]
        kept += [element.with_geometry(part) for part in parts if part.geom_type == "Point" or part.length > 1.0]
    return kept


def of_workspace(source: Workspace, truth: Path) -> dict[str, object]:
    """Stage, cut, export and routes on fused elements."""
    frame = source.read_frame()
    paths = [read_trajectory(path, frame).translation_m for path in sorted((truth / "trajectories").glob("*.parquet"))]
    with tempfile.TemporaryDirectory() as folder:
        scratch = Workspace(Path(folder))
        for name in ("map_elements", "trajectories"):
            shutil.copytree(source.root / name, scratch.root / name)
        shutil.copy(source.root / "map.json", scratch.root / "map.json")
        tiles = [TileId.parse("/".join([*p.parent.parts[-2:], p.stem])) for p in scratch.map_elements_files()]
        drives = sorted(path.stem for path in (scratch.root / "trajectories").glob("*.parquet"))
        started = time.perf_counter()
        for tile in tiles:
            link_lanes(LaneGraphInputs(scratch, tile, frame, drives, "benchmark"), LaneGraphConfig())
        seconds = time.perf_counter() - started
        builds = cut_tiles(TilesInputs(scratch, tiles, frame, {}, dict.fromkeys(tiles, "benchmark")), TilesConfig())
        files = {tile: scratch.tile(tile, build) for tile, build in builds.items()}
        elements = whole_map([piece for path in files.values() for piece in read_elements(path, frame)[0]])
        lanes = {e.element_id: e for e in elements if e.element_class is ElementClass.LANE}
        onward = {name: list(e.attributes.get("successor_ids") or ()) for name, e in lanes.items()}
        sides = ("left_neighbour_id", "right_neighbour_id")
        beside = {name: [str(e.attributes.get(side)) for side in sides] for name, e in lanes.items()}
        true_elements = read_elements(truth / "map.parquet", frame)[0]
        scores = edges_of(true_elements, {n: e.xyz_map for n, e in lanes.items()}, onward, beside, paths)
        (osm, _) = export_lanelet2(sorted(files.values()), scratch.root / "export")
        return {
            **scores,
            "tiles": len(tiles),
            "seconds_per_tile": round(seconds / len(tiles), 3),
            "seam_gap_m": seam_gap_m(scratch, tiles),
            "lanelet2": against_lanelet2(osm, elements, lanes, frame),
        }


def edges_of(
    truth: list[MapElement], lines: Mapping[str, Float], onward: Edges, beside: Edges, paths: list[Float]
) -> dict[str, float]:
    """Precision and recall of successor and neighbour edges between judged lanes, as `validation.map_scores` has
    them: what runs along true lanes of all of which less was seen is left out."""
    area = shapely.union_all([shapely.LineString(path[:, :2]).buffer(REACH_M) for path in paths])

    def judged(xyz: Float) -> bool:
        return bool(shapely.contains_xy(area, xyz[:, 0], xyz[:, 1]).mean() > 0.5)

    true = {e.element_id: e for e in truth if e.element_class is ElementClass.LANE and judged(e.xyz_map)}
    whole = {e.element_id: e.xyz_map for e in truth if e.element_class is ElementClass.LANE}
    found = {name for name, line in lines.items() if judged(line)}
    found = set(judged_lanes(found, lanes_along(whole, {name: lines[name] for name in found}), true))
    centrelines = {n: e.xyz_map for n, e in true.items()}, {n: lines[n] for n in found}
    matches = lanes_along(*centrelines)
    strict = {within_m: matched_centrelines(*centrelines, {}, within_m) for within_m in THRESHOLDS_M}
    scores: dict[str, float] = {"lanes_true": len(true), "lanes_found": len(found)}
    for kind, own, keys in (
        ("successor", onward, ("successor_ids",)),
        ("neighbour", beside, ("left_neighbour_id", "right_neighbour_id")),
    ):
        named = {n: [e.attributes.get(key) for key in keys] for n, e in true.items()}
        true_edges = [(n, o) for n, given in named.items() for v in given for o in _listed(v) if o in true]
        edges = [(n, o) for n in sorted(found) for o in own[n] if o in found]
        if kind == "successor":
            scores["top_ll"] = top_ll(centrelines[0], true_edges, centrelines[1], edges)
        for within_m, pairs in strict.items():
            for key, value in strict_edge_scores(true_edges, edges, pairs).items():
                scores[f"{kind}_{key}_frechet_{within_m:.0f}m"] = value
        own_scores = edge_scores(true_edges, edges, matches)
        scores |= {f"{kind}_{key}": own_scores[key] for key in ("precision", "recall", "n_truth", "n_predictions")}
    return scores


def _listed(value: object) -> list[str]:
    return [] if value is None else list(value) if isinstance(value, list | tuple) else [str(value)]


def _pooled(rows: list[dict[str, float]]) -> dict[str, float]:
    """Weighted by edges, so that a world with many counts for more."""
    done = {"seconds_per_world": float(np.mean([row["seconds"] for row in rows])), "worlds": float(len(rows))}
    for kind in ("successor", "neighbour"):
        for score, weight in (("precision", "n_predictions"), ("recall", "n_truth")):
            kept = [row for row in rows if row[f"{kind}_{weight}"] > 0]
            weights = [row[f"{kind}_{weight}"] for row in kept]
            shares = [row[f"{kind}_{score}"] for row in kept]
            done[f"{kind}_{score}"] = float(np.average(shares, weights=weights)) if kept else float("nan")
            done[f"{kind}_{weight}"] = float(sum(weights))
    for name in [key for key in rows[0] if key == "top_ll" or "frechet" in key]:
        done[name] = float(np.nanmean([row[name] for row in rows]))
    return done


def seam_gap_m(workspace: Workspace, tiles: list[TileId]) -> float:
    """Largest distance from an end of a lane on a tile border to the nearest end of the neighbour's lanes."""
    frame = workspace.read_frame()
    ends = []
    for tile in tiles:
        lanes = read_elements(workspace.lane_graph(tile), frame)[0]
        borders = np.array(tile.bounds_map(frame)).reshape(2, 2)
        for lane in lanes:
            for end in (lane.xyz_map[0], lane.xyz_map[-1]):
                if np.abs(borders - end[:2]).min() < 2e-3:
                    ends.append((tile, end))
    gaps = [min(np.linalg.norm(a - b) for other, b in ends if other != tile) for tile, a in ends]
    return float(max(gaps, default=0.0))


def against_lanelet2(
    osm: Path, elements: list[MapElement], lanes: dict[str, MapElement], frame: MapFrame
) -> dict[str, object]:
    """Errors on loading, and random routes beside ours, with and without changes of lane.

    Lanelet2 routes on lengths measured over a few points of each lanelet (`approximatedLength2d`), so that of two ways
    of nearly one length it may take the longer: by how much at most is given beside the share of identical ones.
    """
    from lanelet2 import io, projection, routing, traffic_rules

    lon, lat, _ = frame.to_wgs84(np.zeros((1, 3)))[0]
    loaded, errors = io.loadRobust(str(osm), projection.UtmProjector(io.Origin(lat, lon)))
    rules = traffic_rules.create(traffic_rules.Locations.Germany, traffic_rules.Participants.Vehicle)
    graph = routing.RoutingGraph(loaded, rules)
    first = {}
    for piece in loaded.laneletLayer:
        name = piece.attributes["lane_id"]
        if not any(before.attributes["lane_id"] == name for before in graph.previous(piece)):
            first[name] = piece
    result: dict[str, object] = {"errors": len(errors), "lanelets": len(loaded.laneletLayer)}
    for changes, label in ((False, "routes"), (True, "routes_with_lane_changes")):
        draw, same, reach, excess = random.Random(7), 0, 0, 0.0
        for _ in range(ROUTES):
            start, goal = draw.sample(sorted(lanes), 2)
            ours = shortest_path(elements, start, goal, changes)
            theirs = graph.shortestPath(first[start], first[goal], 0, changes)
            names = () if theirs is None else tuple(dict.fromkeys(piece.attributes["lane_id"] for piece in theirs))
            reach += (theirs is None) == (ours is None)
            same += names == (() if ours is None else ours.lane_ids)
            if ours is not None and ours.length_m > 0.0 and names:
                own = ours.length_m + LANE_CHANGE_M * ours.lane_changes
                excess = max(excess, _length_m(names, lanes) / own - 1.0)
        result |= {f"{label}_identical": same / ROUTES, f"{label}_same_reach": reach / ROUTES}
        result[f"{label}_lanelet2_longer_by"] = round(excess, 4)
    return result


def _length_m(names: tuple[str, ...], lanes: dict[str, MapElement]) -> float:
    """What a route costs by our measure."""
    onward = [b in (lanes[a].attributes.get("successor_ids") or ()) for a, b in pairwise(names)]
    return sum(lanes[a].geometry.length if drives else LANE_CHANGE_M for a, drives in zip(names, onward))


if __name__ == "__main__":
    main()
