"""What the leakage gate knows a simulated world by."""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path

from mapforge.io.fingerprint import sha256_of_file
from mapforge.simulation.real_map import centre_of_real_world, map_file_of
from mapforge.simulation.worlds import family_of
from mapforge.training.places import map_place, world_place


def place_of_world(world: str, seed: int) -> str:
    """Of a family the family and the seed, of a real map where on earth its roads are.

    Raises MissingInputError or ConfigurationError when `world` is a path at which there is no map.
    """
    if family_of(world) is not None:
        return world_place(f"{world}-{seed}")
    path = map_file_of(Path(world))
    return _place_of_map(path, seed, sha256_of_file(path))


def world_word(world: str) -> str:
    """A family's name, or that of a map file with a digest of its content: many maps have the same file name."""
    if family_of(world) is not None:
        return world
    path = map_file_of(Path(world))
    return f"{path.stem}-{sha256_of_file(path)[:8]}"


@lru_cache(maxsize=256)
def _place_of_map(path: Path, seed: int, sha256: str) -> str:
    return map_place(centre_of_real_world(path, seed), sha256[:16])
