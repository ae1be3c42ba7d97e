"""A classical mapper, without any learning, beside ours on the same held-out worlds.

    python benchmarks/classical_mapper.py [--out data/evaluation] [key=value ...]

Both start from the same bird's-eye rasters of the same drives with true poses, and are judged on the same ground by the
same metrics; `mapforge evaluate` with the same settings makes worlds and rasters where they are missing. Prints tables
in markdown and writes classical.json into the folder. The mapper itself: classical_lines.py.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import time
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import numpy as np
import shapely

from classical_lines import ClassicalConfig, ClassicalMap, Found, accumulate, classical_map
from mapforge.config import Settings, compose_settings
from mapforge.errors import MapForgeError
from mapforge.evaluation.line_counts import line_counts
from mapforge.evaluation.mapping import JudgedMap, alone, map_world
from mapforge.evaluation.spread import EVERYTHING, Summary, summarise
from mapforge.evaluation.world_scores import ALONE, FUSED, MapFigures, WorldScores, defined
from mapforge.evaluation.worlds import HeldOutWorld, held_out_worlds, keep_as_ready, simulate, world_files
from mapforge.io.rasters import read_raster
from mapforge.pipeline.run import make_runner
from mapforge.pipeline.runners import Runner
from mapforge.schemas.elements import ElementClass, MapElement
from mapforge.validation.map_scores import map_scores

CLASSES = ("lane_divider", "road_boundary", "ped_crossing", "stop_line", "all")
FIGURES = ("mAP_easy", "mAP_hard")


def elements_of(found: ClassicalMap) -> list[MapElement]:
    """What was found, as a map; heights are not known."""
    kinds: list[tuple[ElementClass, list[Found]]] = [
        (ElementClass.LANE_DIVIDER, found.dividers),
        (ElementClass.ROAD_BOUNDARY, found.boundaries),
        (ElementClass.PED_CROSSING, found.crossings),
        (ElementClass.STOP_LINE, found.stop_lines),
    ]
    elements = []
    for element_class, shapes in kinds:
        for number, shape in enumerate(shapes):
            xyz = np.column_stack([shape.vertices, np.zeros(len(shape.vertices))])
            area = element_class is ElementClass.PED_CROSSING
            geometry = shapely.Polygon(xyz) if area else shapely.LineString(xyz)
            named = {"marking_type": shape.marking_type} if shape.marking_type else {}
            elements.append(MapElement(f"{element_class}-{number}", element_class, geometry, named, shape.strength))
    return elements


def figures_of(judged: JudgedMap, config: ClassicalConfig) -> tuple[MapFigures, MapFigures]:
    """Ours and the classical mapper's, of the drives that a map was made of, on the ground that ours covered."""
    result = judged.result
    folder = judged.workspace.root / "rasters"
    rasters = [read_raster(path) for drive in judged.drives for path in sorted(folder.rglob(f"{drive}.parquet"))]
    paths = [result.paths[drive] for drive in judged.drives]
    predicted = elements_of(classical_map(accumulate(rasters), paths, config))
    classical = replace(result, predicted=predicted, scores=map_scores(result.truth, predicted, result.judgement))
    return tuple(  # type: ignore[return-value]
        MapFigures(defined(each.scores.values), line_counts(each)) for each in (result, classical) if each.scores
    )


def score(
    world: HeldOutWorld, folder: Path, settings: Settings, runner: Runner, workers: int
) -> tuple[WorldScores, WorldScores]:
    """Ours and the classical one's."""
    files = world_files(world, folder, settings)
    logs = simulate(files, workers, lambda *_: None)
    fused = map_world(files, files.workspace, logs, settings, runner)
    if logs:
        keep_as_ready(files, settings.evaluation.keep_logs)
    maps = {FUSED: figures_of(fused, ClassicalConfig())}
    if settings.evaluation.single_drive and len(fused.drives) > 1:
        single = map_world(files, alone(files, fused.drives[0]), [], settings, runner)
        maps[ALONE] = figures_of(single, ClassicalConfig())
    about = (world.name, world.family_name, world.condition, world.seed, world.place, world.cameras)
    ours, classical = (WorldScores(*about, {kind: pair[side] for kind, pair in maps.items()}) for side in (0, 1))
    return ours, classical


def markdown(ours: Summary, classical: Summary, kind: str) -> str:
    """Group, class -> ours and theirs, a row each."""
    lines = [
        "| worlds | class | easy: ours | classical | hard: ours | classical |",
        "|---|---|---:|---:|---:|---:|",
    ]
    for group, kinds in ours.items():
        for name in CLASSES:
            cells = []
            for figure in FIGURES:
                for side in (kinds, classical[group]):
                    spread = side.get(kind, {}).get(name, {}).get(figure)
                    cells.append("" if spread is None else f"{spread.mean:.3f}")
            if any(cells):
                lines.append(f"| {group} | {name.replace('_', ' ')} | {' | '.join(cells)} |")
    return "\n".join(lines)


def behind(ours: Summary, classical: Summary) -> list[str]:
    """Where the classical mapper is ahead."""
    found = []
    for group, kinds in ours.items():
        for kind, classes in kinds.items():
            for name, figures in classes.items():
                for figure in FIGURES:
                    theirs = classical[group].get(kind, {}).get(name, {}).get(figure)
                    if theirs is not None and figure in figures and theirs.mean > figures[figure].mean:
                        found.append(f"{group}, {kind}, {name}, {figure}: {theirs.mean - figures[figure].mean:.3f}")
    return found


def as_plain(summary: Summary) -> dict:
    return {
        group: {
            kind: {name: {key: spread.as_list() for key, spread in own.items()} for name, own in classes.items()}
            for kind, classes in kinds.items()
        }
        for group, kinds in summary.items()
    }


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--out", default="data/evaluation")
    parser.add_argument("overrides", nargs="*", help="settings, key=value")
    arguments = parser.parse_args()
    settings = compose_settings(arguments.overrides)
    folder = Path(arguments.out).expanduser().resolve()
    config, workers = settings.evaluation, settings.engine.workers or os.cpu_count() or 1
    pairs: list[tuple[WorldScores, WorldScores]] = []
    with closing(make_runner(settings.engine)) as runner:
        for world in held_out_worlds(config):
            started = time.perf_counter()
            try:
                pairs.append(score(world, folder, settings, runner, workers))
            except MapForgeError as error:
                print(f"{world.name}: {error}", file=sys.stderr)
                continue
            easy = [side.maps[FUSED].metrics.get("all", {}).get("mAP_easy", float("nan")) for side in pairs[-1]]
            took = time.perf_counter() - started
            print(
                f"{world.name}: ours {easy[0]:.3f}, classical {easy[1]:.3f} ({took:.0f} s)", file=sys.stderr, flush=True
            )
    if not pairs:
        return 1
    ours, classical = (
        summarise([pair[side] for pair in pairs], config.bootstrap_rounds, config.interval) for side in (0, 1)
    )
    for kind in (FUSED, ALONE):
        if ours[EVERYTHING].get(kind):
            print(f"\n{len(pairs)} worlds, {kind}\n\n{markdown(ours, classical, kind)}")
    ahead = behind(ours, classical)
    print("\nours is ahead in every class and condition" if not ahead else "\nclassical ahead:\n" + "\n".join(ahead))
    document = {
        "ours": as_plain(ours), "classical": as_plain(classical), "classical_ahead": ahead,
        "worlds": [{"ours": a.as_dict(), "classical": b.as_dict()} for a, b in pairs],
    }  # fmt: skip
    (folder / "classical.json").write_text(json.dumps(document, indent=1) + "\n", encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
