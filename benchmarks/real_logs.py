"""The whole pipeline on real logs beside the checkout: AV2 scored against its own map, KITTI drawn.

    python benchmarks/real_logs.py [--out data/benchmark/real] [--pictures FOLDER]

Skipped where `../shared/data` is absent. The AV2 logs there hold two sweeps and one: their scores say what the weights
see in almost nothing. The KITTI drives have no labels: pictures show the accumulated sweeps with the vectors over them.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
from pathlib import Path

from mapforge.io.elements import read_elements
from mapforge.io.rasters import read_raster
from mapforge.io.trajectories import read_trajectory
from mapforge.io.workspace import Workspace
from mapforge.validation.pictures import bev_picture, png_bytes

DATA = Path(__file__).resolve().parents[2] / "shared" / "data"
MAPFORGE = Path(sys.executable).with_name("mapforge")
MARGIN_M = 30.0


def run(*words: str) -> dict:
    done = subprocess.run([str(MAPFORGE), "run", *words, "--json"], capture_output=True, text=True, check=False)
    if done.returncode not in (0, 1):
        raise SystemExit(done.stderr)
    return json.loads(done.stdout)


def av2(out: Path) -> None:
    for log in sorted((DATA / "av2").iterdir()):
        report = run(f"workspace={out / log.name}", f"region.logs=[{log}]", f"region.reference={log / 'map'}")
        print(f"AV2 {log.name}: {report['drives'][0]['length_m']:.0f} m")
        for name, values in report["metrics"].items():
            keys = ("mAP_easy", "completeness_0.5m", "correctness_0.5m", "lateral_shifted_median_m")
            shown = [f"{key} {values[key]:.3f}" for key in keys if values.get(key) is not None]
            print(f"  {name:<14} {'  '.join(shown)}")


def kitti(out: Path, pictures: Path) -> None:
    raw = out / "kitti_raw"
    if not raw.exists():
        unpack = DATA / "kitti_raw" / "unpack_kitti_raw.py"
        subprocess.run([sys.executable, str(unpack), str(raw)], check=True, stdout=subprocess.DEVNULL)
    report = run(f"workspace={out / 'kitti'}", "region=kitti_karlsruhe", f"region.logs=[{raw}]")
    print(f"KITTI: {len(report['tiles'])} tiles; {'; '.join(report['notes'])}")
    workspace = Workspace(out / "kitti")
    frame = workspace.read_frame()
    for drive in report["drives"]:
        name = drive["drive_id"]
        path = read_trajectory(workspace.trajectory(name), frame).translation_m[:, :2]
        (x0, y0), (x1, y1) = path.min(axis=0) - MARGIN_M, path.max(axis=0) + MARGIN_M
        rasters = [read_raster(file) for file in sorted((workspace.root / "rasters").rglob(f"{name}.parquet"))]
        elements, _ = read_elements(workspace.drive_elements(name), frame)
        target = pictures / f"{name}.png"
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(png_bytes(bev_picture(rasters, (x0, y0, x1, y1), elements, [], 10.0)))
        print(f"  {name}: {drive['length_m']:.0f} m, {len(elements)} elements, {target}")


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--out", default="data/benchmark/real")
    parser.add_argument("--pictures", default="data/benchmark/real/pictures")
    arguments = parser.parse_args()
    if not DATA.is_dir():
        print("skipped: no real logs beside the checkout")
        return
    out = Path(arguments.out).resolve()
    av2(out)
    kitti(out, Path(arguments.pictures))


if __name__ == "__main__":
    main()
