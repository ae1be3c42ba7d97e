"""Training samples at rest: shards of safetensors, a manifest of where each sample comes from, and splits by place."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from functools import partial
from multiprocessing import get_context
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from safetensors.numpy import load_file, save

from mapforge.errors import ConfigurationError, MissingInputError
from mapforge.io.atomic import atomic_file, write_text
from mapforge.io.fingerprint import code_version
from mapforge.training.generator import Sample, generate
from mapforge.training.label_raster import LabelRaster
from mapforge.training.places import generated_place

_STD_STEP_M = 0.002
_INTENSITY_STEPS = 512.0


@dataclass(frozen=True)
class ShardSet:
    """Shards of one dataset. places: what its samples show (`generated:<seed>` ranges, `town:<seed>`, ...)."""

    folder: Path
    shards: tuple[Path, ...]
    places: frozenset[str]
    samples_per_shard: int


def generate_shards(
    folder: Path,
    first_seed: int,
    shards: int,
    samples_per_shard: int,
    workers: int,
    progress: Callable[[int, int], None],
) -> ShardSet:
    """Generates what is missing of a dataset of generator seeds first_seed, first_seed + 1, ...

    A shard's name carries its seeds and the generator's code version, so that shards of other code are not used.
    progress: called with shards done and shards in all.
    """
    if shards < 1 or samples_per_shard < 1:
        raise ConfigurationError(f"{shards} shards of {samples_per_shard} samples: both must be at least 1")
    version = generator_version()
    jobs = [
        (first_seed + i * samples_per_shard, folder / f"{version}-{first_seed + i * samples_per_shard}.safetensors")
        for i in range(shards)
    ]
    missing = [(seed, path) for seed, path in jobs if not path.exists()]
    present = len(jobs) - len(missing)
    write = partial(_write_generated, count=samples_per_shard, tmp=folder / "tmp")
    if workers > 1:
        with ProcessPoolExecutor(workers, mp_context=get_context("spawn")) as pool:
            for done, _ in enumerate(pool.map(write, missing), start=present + 1):
                progress(done, len(jobs))
    else:
        for done, job in enumerate(missing, start=present + 1):
            write(job)
            progress(done, len(jobs))
    places = [generated_place(first_seed + i) for i in range(shards * samples_per_shard)]
    paths = tuple(path for _, path in jobs)
    write_manifest(folder, f"{version}-{first_seed}", paths, places, samples_per_shard)
    return ShardSet(folder, paths, frozenset(places), samples_per_shard)


def write_manifest(folder: Path, name: str, shards: Iterable[Path], places: Iterable[str], samples: int) -> None:
    """Writes `<name>.json`: the shards (in order), what they show, and how many samples each holds."""
    manifest = {
        "shards": [path.name for path in shards],
        "places": sorted(set(places)),
        "samples_per_shard": samples,
    }
    write_text(folder / f"{name}.json", json.dumps(manifest, indent=1) + "\n", folder / "tmp")


def read_shard_set(folder: Path) -> ShardSet:
    """All shards that the manifests of a folder name. Raises MissingInputError when there is none."""
    manifests = [json.loads(path.read_text(encoding="utf-8")) for path in sorted(folder.glob("*.json"))]
    if not manifests:
        raise MissingInputError(f"{folder} holds no shard manifest (*.json); make the dataset first")
    sizes = {manifest["samples_per_shard"] for manifest in manifests}
    if len(sizes) != 1:
        raise ConfigurationError(f"shards in {folder} hold {sorted(sizes)} samples; keep sizes in folders of their own")
    shards = tuple(folder / name for manifest in manifests for name in manifest["shards"])
    places = frozenset(place for manifest in manifests for place in manifest["places"])
    return ShardSet(folder, shards, places, sizes.pop())


def generator_version() -> str:
    """Short name of the generator's code."""
    names = ("generator", "layout", "random_layout", "fields", "surface", "scan", "label_raster")
    return code_version(*(f"mapforge.training.{name}" for name in names))[:10]


def _write_generated(job: tuple[int, Path], count: int, tmp: Path) -> None:
    torch.set_num_threads(1)
    seed, path = job
    write_shard([generate(seed + i) for i in range(count)], path, tmp)


def write_shard(samples: list[Sample], target: Path, tmp: Path) -> None:
    """Packs samples: heights as float16, hits, spread and ratio as bytes, intensity in 512ths."""
    lidar = np.stack([sample.lidar for sample in samples])
    intensity = np.rint(lidar[:, 1].clip(0, 8) * _INTENSITY_STEPS).astype(np.uint16)
    tensors = {
        "hits": lidar[:, 0].clip(0, 255).astype(np.uint8),
        "intensity": intensity,
        "height": (lidar[:, 2] + np.nan_to_num(lidar[:, 5])).astype(np.float16),
        "height_std": np.rint(lidar[:, 3] / _STD_STEP_M).clip(0, 255).astype(np.uint8),
        "obstacle": np.rint(lidar[:, 4] * 255).clip(0, 255).astype(np.uint8),
        "camera": np.stack([sample.camera for sample in samples]),
    }
    for name in ("flags", "offset", "angle", "marking_type", "colour"):
        tensors[name] = np.stack([getattr(sample.labels, name) for sample in samples])
    with atomic_file(target, tmp) as path:
        path.write_bytes(save(tensors))


def read_shard(path: Path) -> list[Sample]:
    """The inverse of `write_shard`, up to the precision kept. Raises MissingInputError."""
    if not path.exists():
        raise MissingInputError(f"training shard {path} is missing; generate the dataset again")
    tensors = load_file(path)
    count = len(tensors["hits"])
    return [_unpack({name: array[i] for name, array in tensors.items()}) for i in range(count)]


def _unpack(arrays: dict[str, NDArray]) -> Sample:
    lidar = np.stack(
        [
            arrays["hits"].astype(np.float32),
            arrays["intensity"].astype(np.float32) / _INTENSITY_STEPS,
            arrays["height"].astype(np.float32),
            arrays["height_std"].astype(np.float32) * _STD_STEP_M,
            arrays["obstacle"].astype(np.float32) / 255,
            np.zeros(arrays["hits"].shape, dtype=np.float32),
        ]
    )
    labels = LabelRaster(
        *(arrays[name] for name in ("flags", "offset", "angle", "marking_type", "colour")),
    )
    return Sample(lidar, arrays["camera"], labels)
