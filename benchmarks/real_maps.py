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
MAPS = {
    "av2/7fab2350-7eaf-3b7e-a39d-6937a4c1bede": "clean",
    "av2/adcf7d18-0510-35b0-a2fa-b4cea13a6d76": "worn",
    "nuscenes_scenes/scene-0061": "clean",
    "nuscenes_scenes/scene-0103": "clean",
    "nuscenes_scenes/scene-0655": "sparse",
}
"""Map, and the condition of its world; the other scenes have too little road for five drives."""
FIRST_SEED = 921


def worlds() -> list[str]:
    """family:condition:seed of every map that is there."""
    every = [(DATA / name, f"{condition}:{FIRST_SEED + k}") for k, (name, condition) in enumerate(MAPS.items())]
    return [f"{path}:{rest}" for path, rest in every if path.exists()]


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=Path, default=Path("data/benchmark/real_maps"))
    args, overrides = parser.parse_known_args()
    if not worlds():
        print(f"skipped: no maps in {DATA}")
        return 0
    words = [f"out={args.out}", f"evaluation.worlds=[{','.join(worlds())}]", "evaluation.camera_worlds=0", *overrides]
    return subprocess.run([str(MAPFORGE), "evaluate", *words], check=False).returncode


if __name__ == "__main__":
    sys.exit(main())
