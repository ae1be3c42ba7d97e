import numpy as np
import pytest

from mapforge.errors import ConfigurationError, LeakageError, MissingInputError
from mapforge.training.config import BevTrainingConfig
from mapforge.training.dataset import generate_shards, read_shard, read_shard_set
from mapforge.training.generator import generate
from mapforge.training.places import map_place, require_apart, require_training_seed, world_place


@pytest.fixture(scope="module")
def shards(tmp_path_factory):
    folder = tmp_path_factory.mktemp("shards")
    return generate_shards(folder, 5000, 2, 2, 1, lambda done, total: None)


def test_shards_hold_the_samples_of_their_seeds(shards):
    sample, expected = read_shard(shards.shards[1])[1], generate(5003)
    assert np.array_equal(sample.lidar[0], expected.lidar[0].clip(0, 255))
    assert np.abs(sample.lidar[1] - expected.lidar[1]).max() <= 0.001
    assert np.abs(sample.lidar[2] - expected.lidar[2]).max() <= 0.002
    assert np.abs(sample.lidar[4] - expected.lidar[4]).max() <= 0.002
    assert np.array_equal(sample.labels.offset, expected.labels.offset)
    assert np.array_equal(sample.camera, expected.camera)


def test_what_is_there_is_not_generated_again(shards):
    before = [path.stat().st_mtime_ns for path in shards.shards]
    again = generate_shards(shards.folder, 5000, 2, 2, 1, lambda done, total: pytest.fail("nothing was missing"))
    assert again.shards == shards.shards
    assert [path.stat().st_mtime_ns for path in shards.shards] == before


def test_the_manifest_names_shards_and_places(shards):
    found = read_shard_set(shards.folder)
    assert found.shards == shards.shards
    assert found.places == {f"generated:{seed}" for seed in range(5000, 5004)}
    assert found.samples_per_shard == 2


def test_a_folder_without_manifest_is_refused(tmp_path):
    with pytest.raises(MissingInputError, match="manifest"):
        read_shard_set(tmp_path)


def test_the_gate_refuses_shared_places():
    require_apart([world_place("town-1001")], [world_place("town-7")])
    with pytest.raises(LeakageError, match="town-7"):
        require_apart([world_place("town-1001"), world_place("town-7")], [world_place("town-7")])


def test_seeds_of_the_demo_are_not_trained_on():
    require_training_seed(1000)
    with pytest.raises(LeakageError, match="7"):
        require_training_seed(7)
    with pytest.raises(LeakageError):
        BevTrainingConfig(first_seed=12)


def test_nonsense_sizes_are_refused(tmp_path):
    with pytest.raises(ConfigurationError, match="shards"):
        generate_shards(tmp_path, 5000, 0, 2, 1, lambda done, total: None)


def test_worlds_of_real_maps_must_not_share_streets() -> None:
    """Whatever the file or the seed: the same streets are the same place."""
    here, near, far = (map_place((8.424, lat), "") for lat in (49.003, 49.008, 49.018))
    require_apart([here], [far, world_place("town-7"), map_place(None, "8b1f")])
    with pytest.raises(LeakageError, match="557 m from each other"):
        require_apart([here], [near])
    with pytest.raises(LeakageError):
        require_apart([map_place(None, "8b1f")], [map_place(None, "8b1f")])
    with pytest.raises(LeakageError):
        require_apart([map_place((179.999, -17.0), "")], [map_place((-179.999, -17.0), "")])
