from dataclasses import replace

import numpy as np
import pytest
import torch

from mapforge.models.normalisation import SEEN_FEATURE
from mapforge.training.batches import (
    Share,
    _turned,
    collate,
    difficulty,
    easiest,
    prefetched,
    stream,
    targets_of,
)
from mapforge.training.dataset import generate_shards, read_shard
from mapforge.training.generator import generate


@pytest.fixture(scope="module")
def sample():
    return generate(6)


@pytest.fixture(scope="module")
def shards(tmp_path_factory):
    return generate_shards(tmp_path_factory.mktemp("shards"), 6000, 2, 3, 1, lambda done, total: None)


@pytest.mark.parametrize("quarters", range(4))
@pytest.mark.parametrize("mirrored", [False, True])
def test_offsets_still_point_to_the_line_after_turning(sample, quarters, mirrored):
    """Where a boundary cell's offset points, the turned label has the line: its distance there is about 0."""
    _, _, classes, offset, direction, near, *_ = _turned(sample, quarters, mirrored, False)
    rows, columns = torch.nonzero(near[1] * classes[1], as_tuple=True)
    inner = (rows > 5) & (rows < 250) & (columns > 5) & (columns < 250)
    rows, columns = rows[inner], columns[inner]
    x, y = offset[2, rows, columns], offset[3, rows, columns]
    there_row = (rows + torch.round(y / 0.2)).long()
    there_column = (columns + torch.round(x / 0.2)).long()
    rest = torch.hypot(offset[2], offset[3])[there_row, there_column]
    assert rest.median() < 0.11
    length = torch.hypot(x, y)
    across = (x * x - y * y) / length**2  # cos of twice the offset's angle: opposite to the line's
    wrong = (direction[2, rows, columns] + across)[length > 0.1].abs()
    assert torch.quantile(wrong, 0.95) < 0.06


def test_four_quarters_are_none(sample):
    for turned, plain in zip(_turned(sample, 4, False, False)[2:], targets_of(sample)):
        assert torch.equal(turned, plain)


def test_dropping_the_camera_leaves_the_lidar(sample):
    lidar, camera, *_ = _turned(sample, 0, False, True)
    assert torch.equal(lidar, torch.from_numpy(sample.lidar))
    assert not camera.any()


def test_windows_cut_features_and_labels_alike(sample):
    batch = collate([sample] * 2, [[0], [1]], crop_cells=64)
    assert batch.features().shape[-2:] == batch.known.shape[-2:] == (64, 64)
    seen = batch.features()[:, SEEN_FEATURE] > 0
    assert not (seen & (batch.known == 0)).any()


def test_a_stream_goes_on_where_it_was_left(shards):
    whole = stream(shards.shards, 3, Share(2), 9, 0, crop_cells=64)
    late = stream(shards.shards, 3, Share(2), 9, 4, crop_cells=64)
    for _ in range(4):
        next(whole)
    for _ in range(2):
        assert torch.equal(next(whole)().lidar, next(late)().lidar)


def test_errors_of_the_preparing_thread_arrive():
    def broken():
        raise OSError("shard is gone")
        yield

    with pytest.raises(OSError, match="gone"):
        next(prefetched(broken()))


def test_processes_share_the_samples_of_a_step(shards):
    """What two processes see together is what one would see alone with batches of twice the size."""
    alone = next(stream(shards.shards, 3, Share(4), 9, 0, crop_cells=64))()
    parts = [next(stream(shards.shards, 3, Share(2, rank, 2), 9, 0, crop_cells=64))() for rank in (0, 1)]
    assert torch.equal(alone.lidar, torch.cat([part.lidar for part in parts]))
    assert torch.equal(alone.offset_m, torch.cat([part.offset_m for part in parts]))


def test_the_first_round_shows_the_easier_samples(shards):
    samples = [sample for shard in shards.shards for sample in read_shard(shard)]
    hardness = np.array([difficulty(sample) for sample in samples])
    shown = easiest(samples, np.arange(len(samples)), 0.5)
    left = np.setdiff1d(np.arange(len(samples)), shown)
    assert len(shown) == 3
    assert hardness[shown].max() <= hardness[left].min()


def test_fewer_hits_and_fainter_paint_are_harder(sample):
    lidar = sample.lidar.copy()
    lidar[0, ::3] = 0
    lidar[0, :, ::3] = 0
    fewer = replace(sample, lidar=lidar)
    faint = sample.lidar.copy()
    faint[1] = np.clip(faint[1], None, 1.0)
    assert difficulty(fewer) > difficulty(sample)
    assert difficulty(replace(sample, lidar=faint)) > difficulty(sample)
