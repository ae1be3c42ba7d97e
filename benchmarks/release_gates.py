"""Which faults do the label-free gates catch, and from which size on? And do they let good maps pass?

    python benchmarks/release_gates.py WORKSPACE [--drive ID]

WORKSPACE: any built workspace of several drives; it is only read. Faults are injected into a copy of its drive
elements or tiles, fused and cut again where fusion sees them, and judged against the map as it was. A fault is caught
when a gate holds a tile or the whole.
"""

from __future__ import annotations

import argparse
import random
import shutil
import tempfile
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import shapely

from mapforge.fusion.config import FusionConfig
from mapforge.fusion.stage import FusionInputs
from mapforge.fusion.stage import run as fuse
from mapforge.geometry.tiles import TileId
from mapforge.io.elements import read_elements, write_elements
from mapforge.io.workspace import Workspace
from mapforge.schemas.elements import AREA_CLASSES, ElementClass, MapElement
from mapforge.tiles.config import TilesConfig
from mapforge.tiles.stage import TilesInputs
from mapforge.tiles.stage import run as cut
from mapforge.validation.candidate import CandidateInputs, CandidateVerdict, judge
from mapforge.validation.config import ValidationConfig

Edit = Callable[[list[MapElement]], list[MapElement]]
GROUND = (ElementClass.COVERAGE, ElementClass.DRIVABLE_AREA)


@dataclass(frozen=True)
class Bench:
    """A workspace to read, its tiles and drives, and a folder to work in."""

    source: Workspace
    work: Path

    @property
    def drives(self) -> list[str]:
        return sorted(path.stem for path in (self.source.root / "drive_elements").glob("*.parquet"))

    @property
    def tiles(self) -> list[TileId]:
        files = self.source.map_elements_files()
        return [TileId.parse("/".join([*path.parent.parts[-2:], path.stem])) for path in files]

    def build(self, name: str, drives: list[str], edits: dict[str, Edit]) -> tuple[Workspace, dict[TileId, Path]]:
        """Fuses and cuts the elements of some drives, those of a few edited first."""
        workspace = Workspace(self.work / name)
        shutil.rmtree(workspace.root, ignore_errors=True)
        frame = self.source.read_frame()
        workspace.write_frame(frame)
        for drive in drives:
            elements, _ = read_elements(self.source.drive_elements(drive), frame)
            edit = edits.get(drive)
            target = workspace.drive_elements(drive)
            write_elements(edit(elements) if edit else elements, frame, target, workspace.tmp)
            if self.source.detections(drive).exists():
                workspace.detections(drive).parent.mkdir(parents=True, exist_ok=True)
                workspace.detections(drive).symlink_to(self.source.detections(drive))
            workspace.trajectory(drive).parent.mkdir(parents=True, exist_ok=True)
            workspace.trajectory(drive).symlink_to(self.source.trajectory(drive))
        for tile in self.tiles:
            fuse(FusionInputs(workspace, tile, frame, drives, name), FusionConfig())
        inputs = TilesInputs(workspace, self.tiles, frame, {}, dict.fromkeys(self.tiles, name))
        builds = cut(inputs, TilesConfig())
        return workspace, {tile: workspace.tile(tile, build) for tile, build in sorted(builds.items())}


def verdict(workspace: Workspace, new: dict[TileId, Path], old: dict[TileId, Path]) -> CandidateVerdict:
    drives = sorted(path.stem for path in (workspace.root / "drive_elements").glob("*.parquet"))
    inputs = CandidateInputs(
        workspace.read_frame(),
        new,
        old,
        {drive: workspace.trajectory(drive) for drive in drives},
        {drive: workspace.drive_elements(drive) for drive in drives},
    )
    return judge(inputs, ValidationConfig())


def edited(tiles: dict[TileId, Path], workspace: Workspace, name: str, edit: Edit, only: set[TileId] | None = None):
    """The tiles, some with their elements changed after fusion."""
    frame = workspace.read_frame()
    changed = dict(tiles)
    for tile in sorted(only or tiles):
        target = workspace.tile(tile, name)
        write_elements(edit(read_elements(tiles[tile], frame)[0]), frame, target, workspace.tmp, {"tile": str(tile)})
        changed[tile] = target
    return changed


def shifted(east_m: float, north_m: float) -> Edit:
    """Everything aside, heights as they are."""

    def moved(xyz: np.ndarray) -> np.ndarray:
        return xyz + (east_m, north_m, 0.0)

    def edit(elements: list[MapElement]) -> list[MapElement]:
        shapes = [shapely.transform(shapely.force_3d(e.geometry), moved, include_z=True) for e in elements]
        return [e.with_geometry(shape, e.sigma_m) for e, shape in zip(elements, shapes)]

    return edit


def thinned(share: float, seed: int = 0) -> Edit:
    """Leaves out elements, ground aside, drawn at random until that share of their length is gone."""

    def edit(elements: list[MapElement]) -> list[MapElement]:
        drawn = [e for e in elements if e.element_class not in GROUND]
        random.Random(seed).shuffle(drawn)
        total, gone, removed = sum(e.geometry.length for e in drawn), 0.0, set()
        for element in drawn:
            if gone >= share * total:
                break
            gone += element.geometry.length
            removed.add(id(element))
        return [e for e in elements if id(e) not in removed]

    return edit


def emptied(elements: list[MapElement]) -> list[MapElement]:
    return [e for e in elements if e.element_class in GROUND]


def overconfident(factor: float) -> Edit:
    return lambda elements: [replace(e, sigma_m=tuple(s * factor for s in e.sigma_m)) for e in elements]


def without_classes(*classes: ElementClass) -> Edit:
    return lambda elements: [e for e in elements if e.element_class not in classes]


def show(fault: str, judged: CandidateVerdict, n_tiles: int, verbose: bool) -> None:
    by = sorted({reading.gate for reading in judged.readings if not reading.passed})
    outcome = (
        "HELD WHOLE" if judged.blocking else f"{len(judged.held)}/{n_tiles} tiles held" if judged.held else "passes"
    )
    print(f"{fault:<48} {outcome:<18} {', '.join(by)}", flush=True)
    if verbose:
        for reading in judged.readings:
            if not reading.about.startswith("tile ") or not reading.passed:
                print(f"      {'ok ' if reading.passed else 'BAD'} {reading.about}: {reading.sentence()}")
        worst = {}
        for reading in judged.readings:
            if reading.about.startswith("tile ") and reading.value == reading.value:
                worst.setdefault(reading.gate, []).append(reading.value)
        for gate, values in sorted(worst.items()):
            print(f"      per tile {gate}: {min(values):.3f} .. {max(values):.3f}")


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("workspace", type=Path)
    parser.add_argument("--drive", help="the one that is shifted; default: the second")
    parser.add_argument("--verbose", action="store_true", help="every reading, not only what came of it")
    parser.add_argument("--quick", action="store_true", help="leave out the faults that need fusing again")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as work:
        bench = Bench(Workspace(arguments.workspace.resolve()), Path(work))
        drives = bench.drives
        bad = arguments.drive or drives[1]
        n = len(bench.tiles)
        good, released = bench.build("good", drives, {})

        def say(
            fault: str, workspace: Workspace, tiles: dict[TileId, Path], old: dict[TileId, Path] = released
        ) -> None:
            show(fault, verdict(workspace, tiles, old), n, arguments.verbose)

        say("good: no release before", good, released, {})
        for left in () if arguments.quick else (1, 2, len(drives) // 2):
            fewer, old = bench.build(f"fewer{left}", drives[:-left], {})
            say(f"good: {len(drives) - left} drives, nothing released", fewer, old, {})
            say(f"good: {left} drives more than released", good, released, old)
        for size in () if arguments.quick else (0.1, 0.2, 0.3, 0.4, 0.5, 0.7, 1.0, 2.0):
            for others, label in ((drives, "8 drives"), (drives[:3], "3 drives")):
                before = released if others is drives else bench.build("three", others, {})[1]
                moved, tiles = bench.build("moved", others, {bad: shifted(0.6 * size, 0.8 * size)})
                say(f"one drive of {label} {size:.1f} m aside", moved, tiles, before)
        for share in (0.05, 0.1, 0.2, 0.3, 0.5):
            say(f"{share:.0%} of the lines deleted", good, edited(released, good, f"thin{share}", thinned(share)))
            say(
                f"{share:.0%} of the lines deleted, first release",
                good,
                edited(released, good, f"thin{share}", thinned(share)),
                {},
            )
        for tile in bench.tiles:
            length = sum(e.geometry.length for e in emptied_of(released[tile], good))
            say(f"tile {tile} emptied ({length:.0f} m)", good, edited(released, good, "empty", emptied, {tile}))
        for size in (0.1, 0.2, 0.3, 0.5, 1.0):
            say(
                f"the whole map {size:.1f} m aside",
                good,
                edited(released, good, f"m{size}", shifted(0.6 * size, 0.8 * size)),
            )
        for factor in (0.5, 0.2, 0.1):
            say(f"sigmas times {factor}", good, edited(released, good, f"s{factor}", overconfident(factor)))
        for name in (ElementClass.LANE_DIVIDER, ElementClass.ROAD_BOUNDARY, *AREA_CLASSES):
            say(f"no {name} at all", good, edited(released, good, f"no{name}", without_classes(name)))


def emptied_of(path: Path, workspace: Workspace) -> list[MapElement]:
    return [e for e in read_elements(path, workspace.read_frame())[0] if e.element_class not in GROUND]


if __name__ == "__main__":
    main()
