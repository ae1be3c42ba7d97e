from dataclasses import replace

import numpy as np
import pytest
import torch

from mapforge.errors import ConfigurationError, MissingInputError
from mapforge.geometry.crs import MapFrame
from mapforge.geometry.tiles import TileId
from mapforge.io.rasters import read_raster
from mapforge.models.bev_segmenter import load_bev_segmenter
from mapforge.perception.bev_config import BevConfig
from mapforge.perception.config import PerceptionConfig
from mapforge.perception.mosaic import assemble
from mapforge.perception.observation import encode
from mapforge.perception.stage import PerceptionInputs, infer, run
from mapforge.schemas.rasters import OBSERVATION_CHANNELS

FRAME = MapFrame(32632, (456000.0, 5427000.0))
WEST, EAST = TileId(32632, 4561, 54275), TileId(32632, 4562, 54275)
DRIVE = "drive-1"
EXACT = PerceptionConfig(bev=BevConfig(bf16=False))


def inputs(workspace, tile, weights):
    return PerceptionInputs(workspace, tile, DRIVE, FRAME, weights, "cpu", "abc")


@pytest.fixture(scope="module")
def observations(two_tiles, weights):
    for tile in (WEST, EAST):
        run(inputs(two_tiles, tile, weights), EXACT)
    return [read_raster(two_tiles.observation(tile, DRIVE)) for tile in (WEST, EAST)]


def test_an_observation_has_exactly_its_channels(observations):
    for observation in observations:
        assert set(observation.channels) == set(OBSERVATION_CHANNELS)
        assert observation.grid.shape == (500, 500)
        assert observation.grid.resolution_m == 0.2
        assert observation.metadata["fingerprint"] == "abc"


def test_what_was_not_seen_is_blank(observations):
    west = observations[0].channels
    unseen = west["seen"] == 0
    assert 0.05 < 1 - unseen.mean() < 0.2
    assert all(np.all(values[unseen] == 0) for name, values in west.items() if name != "ground_z_m")
    assert west["p_drivable_area"][~unseen].any()
    assert np.isnan(west["ground_z_m"][:100]).all()


def test_ground_height_comes_along(observations):
    assert np.nanmax(np.abs(observations[0].channels["ground_z_m"] - 100.0)) < 0.6


def test_tiles_agree_with_one_computation_over_both(two_tiles, weights, observations):
    """Seams: what a cell becomes does not depend on the tile that computes it."""
    wide = assemble(two_tiles, WEST, DRIVE, 60.0)
    model = load_bev_segmenter(weights, "cpu")
    rows, columns = slice(640, 1568), slice(1136, 2064)  # 0.1 m cells; the starts lie on whole strides
    parts = (wide.lidar[:, rows, columns], wide.camera[:, rows, columns])
    lidar, camera = (torch.from_numpy(np.ascontiguousarray(part)) for part in parts)
    whole = encode(infer(model, lidar, camera, "cpu", bf16=False))
    tiles = (slice(130, 370), slice(376, 624))  # 0.2 m cells counted from the western tile's corner
    seen = np.hstack([o.channels["seen"] for o in observations])[tiles] > 0
    assert seen.mean() > 0.9
    for name, values in whole.items():
        mine = np.hstack([o.channels[name] for o in observations])[tiles][seen].astype(int)
        other = values[110:350, 108:356][seen].astype(int)
        assert np.abs(mine - other).max() <= 1, name


def test_a_single_tile_without_cameras_works(lidar_only, weights):
    run(inputs(lidar_only, WEST, weights), PerceptionConfig())
    observation = read_raster(lidar_only.observation(WEST, DRIVE))
    assert observation.channels["seen"].any()


def test_bfloat16_is_near(two_tiles, weights, observations, tmp_path):
    run(inputs(two_tiles, WEST, weights), PerceptionConfig())
    rough = read_raster(two_tiles.observation(WEST, DRIVE)).channels["p_drivable_area"].astype(int)
    exact = observations[0].channels["p_drivable_area"].astype(int)
    assert np.abs(rough - exact).max() <= 0.02 * 255 + 1


def test_the_same_inputs_give_the_same_bytes(lidar_only, weights):
    target = lidar_only.observation(WEST, DRIVE)
    run(inputs(lidar_only, WEST, weights), EXACT)
    first = target.read_bytes()
    run(inputs(lidar_only, WEST, weights), EXACT)
    assert target.read_bytes() == first


def test_missing_weights_and_rasters_are_named(lidar_only, weights):
    with pytest.raises(MissingInputError, match="nothing"):
        run(replace(inputs(lidar_only, WEST, weights), weights=weights.with_name("nothing")), EXACT)
    with pytest.raises(MissingInputError, match="4562"):
        run(inputs(lidar_only, EAST, weights), EXACT)


def test_a_halo_shorter_than_the_reach_is_refused():
    with pytest.raises(ConfigurationError, match="halo_m"):
        BevConfig(halo_m=10.0)
