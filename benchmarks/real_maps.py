"""The shipped weights on worlds made from real maps (AV2, nuScenes), which nothing was ever trained on.

    python benchmarks/real_maps.py [--out data/benchmark/real_maps] [key=value ...]

Skipped where `../shared/data` is absent. The roads, their lines and crossings are real, the sensors are simulated: five
drives a world, true poses, scored as `mapforge evaluate` scores the held-out worlds. The report's place is printed.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
from pathlib import Path

DATA = Path(__file__).resolve().parents[2] / "shared" / "data"
MAPFORGE = Path(sys.executable).with_name("mapforge")
CONDITIONS = ("clean", "worn", "clean", "clean", "sparse")
FIRST_SEED = 921


def worlds() -> list[str]:
    """family:condition:seed of every map; scenes whose map has no lanes to drive fail by themselves and are named."""
    maps = [
        *sorted((DATA / "av2").iterdir()),
        *(DATA / "nuscenes_scenes" / f"scene-{n}" for n in ("0061", "0103", "0655")),
    ]
    return [f"{path}:{condition}:{FIRST_SEED + k}" for k, (path, condition) in enumerate(zip(maps, CONDITIONS))]


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=Path, default=Path("data/benchmark/real_maps"))
    args, overrides = parser.parse_known_args()
    if not DATA.is_dir():
        print(f"skipped: no folder {DATA}")
        return 0
    words = [f"out={args.out}", f"evaluation.worlds=[{','.join(worlds())}]", "evaluation.camera_worlds=0", *overrides]
    return subprocess.run([str(MAPFORGE), "evaluate", *words], check=False).returncode


if __name__ == "__main__":
    sys.exit(main())
