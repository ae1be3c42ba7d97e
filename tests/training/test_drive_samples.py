import numpy as np
import pytest
import shapely

from mapforge.errors import LeakageError
from mapforge.geometry.crs import MapFrame
from mapforge.geometry.grid import BevGrid
from mapforge.geometry.tiles import TileId
from mapforge.io.rasters import write_raster
from mapforge.io.workspace import Workspace
from mapforge.schemas.elements import ElementClass, MapElement
from mapforge.schemas.rasters import LIDAR_CHANNELS, BevRaster
from mapforge.simulation.config import SimulationConfig
from mapforge.simulation.fleet import car_sensors
from mapforge.training.dataset import read_shard
from mapforge.training.drive_samples import drive_samples, write_drive_shards
from mapforge.training.drives import drive_dataset, varied
from mapforge.training.label_raster import IGNORED_BIT
from mapforge.training.places import world_place

FRAME = MapFrame(32632, (456100.0, 5427500.0))
TILE = TileId(32632, 4561, 54275)
PAINT_Y = 40.3


@pytest.fixture(scope="module")
def samples(tmp_path_factory):
    """One tile: a bright stripe at y = PAINT_Y, seen west of x = 60 only."""
    workspace = Workspace(tmp_path_factory.mktemp("workspace"))
    grid = BevGrid.of_tile(TILE, FRAME, 0.1)
    y = (np.arange(1000)[:, None] + 0.5) * 0.1 + np.zeros((1, 1000))
    seen = (np.arange(1000) < 600) & np.ones((1000, 1), dtype=bool)
    channels = {name: np.zeros(grid.shape, dtype=np.float32) for name in LIDAR_CHANNELS}
    channels["surface_hits"] = (3 * seen).astype(np.uint16)
    channels["intensity_mean"] = np.where(np.abs(y - PAINT_Y) < 0.1, 3.0, 1.0).astype(np.float16) * seen
    channels["ground_z_m"] = np.where(seen, 250.0, np.nan).astype(np.float32)
    write_raster(BevRaster(grid, channels), workspace.raster(TILE, "drive"), workspace.tmp)
    line = shapely.LineString([(0, PAINT_Y, 0), (100, PAINT_Y, 0)])
    truth = [MapElement("a", ElementClass.LANE_DIVIDER, line, {"marking_type": "solid", "colour": "white"})]
    return drive_samples(workspace, "drive", FRAME, truth, np.random.default_rng(0))


def test_labels_lie_on_what_the_raster_shows(samples):
    assert samples
    for sample in samples:
        bright = (sample.lidar[1] > 2).reshape(256, 2, 256, 2).any(axis=(1, 3))
        labelled = (sample.labels.flags & 1) > 0
        assert bright.any(), "each crop of this tile reaches the stripe"
        assert labelled[bright].all()


def test_what_was_not_seen_is_ignored(samples):
    for sample in samples:
        hit = (sample.lidar[0] > 0).reshape(256, 2, 256, 2).any(axis=(1, 3))
        ignored = (sample.labels.flags >> IGNORED_BIT) & 1
        assert not ignored[hit].any()
        assert abs(hit.mean() + ignored.mean() - 1) < 0.03


def test_height_is_relative_to_the_crop(samples):
    assert np.nanmax(np.abs(samples[0].lidar[5])) < 0.1
    assert np.isnan(samples[-1].lidar[5]).any() or np.isfinite(samples[-1].lidar[5]).all()


def test_shards_of_drives_come_back(samples, tmp_path):
    written = write_drive_shards(samples, world_place("town-1001"), tmp_path, "town-1001", 2)
    assert written is not None
    assert written.places == {"world:town-1001"}
    assert np.isfinite(read_shard(written.shards[0])[0].lidar).all()
    assert write_drive_shards(samples[:1], "world:x", tmp_path, "x", 2) is None


def test_the_demo_town_is_not_simulated_for_training(tmp_path):
    with pytest.raises(LeakageError, match="7"):
        drive_dataset(SimulationConfig(seed=7), tmp_path, tmp_path / "shards", 8, 1, for_training=True)


def test_towns_vary_by_their_seed_alone():
    one, again, other = (varied(SimulationConfig(), seed) for seed in (1001, 1001, 1002))
    assert one == again
    assert one.town != other.town
    assert one.seed == 1001


def test_worlds_take_turns_in_family_and_condition():
    families, conditions = ["town", "rural", "tram"], ["as_set", "wet"]
    worlds = [varied(SimulationConfig(), seed, families, conditions) for seed in range(1000, 1006)]
    assert len({(world.world, world.condition) for world in worlds}) == 6
    assert {world.world for world in worlds} == set(families)
    cars = [car_sensors(world, drive) for world in worlds for drive in (1, 2)]
    assert len({car.lidar.height_m for car in cars}) > 1
