from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest
import torch

from mapforge.schemas.rasters import OFFSET_STEP_M
from mapforge.training.fields import at_cells, scene_fields
from mapforge.training.generator import _labels, generate
from mapforge.training.label_raster import IGNORED_BIT
from mapforge.training.layout import Layout, Place
from mapforge.training.paint_lines import divider_coverage
from mapforge.training.random_layout import random_layout
from mapforge.training.scan import random_pass, random_scanner, scan
from mapforge.training.surface import build_surface

SEEDS = range(6)


@pytest.fixture(scope="module")
def samples():
    return [generate(seed) for seed in SEEDS]


def test_same_seed_same_sample(samples):
    again = generate(2)
    assert np.array_equal(again.lidar, samples[2].lidar)
    assert np.array_equal(again.camera, samples[2].camera)
    assert np.array_equal(again.labels.flags, samples[2].labels.flags)


def test_channels_mean_what_rasters_mean(samples):
    for sample in samples:
        hits, intensity, height, spread, obstacle, ground = sample.lidar
        assert np.isfinite(sample.lidar).all()
        unhit = hits == 0
        assert (intensity[unhit] == 0).all()
        assert (height[unhit] == 0).all()
        assert (spread[hits <= 1] == 0).all()
        assert intensity.max() <= 8
        assert obstacle.min() >= 0
        assert obstacle.max() <= 1
        assert (ground == 0).all()


def test_bare_road_is_about_one(samples):
    medians = []
    for sample in samples:
        road = np.kron((sample.labels.flags >> 4) & 1, np.ones((2, 2), dtype=np.uint8)) > 0
        seen = road & (sample.lidar[0] > 0)
        medians.append(np.median(sample.lidar[1][seen]))
    assert 0.6 < np.median(medians) < 1.6


def test_the_noise_floor_is_higher_where_the_road_returns_little():
    """Intensities are relative to the drive's own road, so that a dim road's noise is scaled up with it."""

    def noise_of(dimming: float) -> float:
        clouds = []
        for seed in (1, 2):
            rng = np.random.default_rng(3)
            layout = random_layout(rng)
            fields = scene_fields(layout, torch.device("cpu"))
            surface = replace(build_surface(fields, rng, torch.device("cpu")), dimming=dimming)
            track = random_pass(layout, rng)
            scanner = replace(random_scanner(rng), intensity_noise=0.0, noise_floor=0.05)
            clouds.append(scan(surface, fields, track, scanner, rng, torch.Generator().manual_seed(seed)))
        once = (clouds[0].hits == 1) & (clouds[1].hits == 1)
        return float((clouds[0].intensity - clouds[1].intensity)[once].abs().median())

    assert noise_of(0.4) > 1.5 * noise_of(1.0)


def test_boundary_labels_lie_on_the_edge_of_the_drivable_area(samples):
    """Where the offset of a boundary cell points to, drivable area ends."""
    for sample in samples:
        drivable = (sample.labels.flags >> 4) & 1
        rows, columns = np.nonzero((sample.labels.flags >> 1) & 1)
        inner = (rows > 4) & (rows < 251) & (columns > 4) & (columns < 251)
        rows, columns = rows[inner], columns[inner]
        offset = sample.labels.offset[2:4, rows, columns] * OFFSET_STEP_M
        length = np.hypot(*offset)
        step = offset / np.maximum(length, 1e-6) * (length + 0.3)
        inside = drivable[rows, columns]
        beyond_row = np.rint(rows + step[1] / 0.2).astype(int)
        beyond_column = np.rint(columns + step[0] / 0.2).astype(int)
        beyond = drivable[beyond_row, beyond_column]
        assert (inside != beyond)[length > 0.02].mean() > 0.93


def test_most_of_a_road_is_labelled_and_something_is_ignored(samples):
    ignored = np.array([((s.labels.flags >> IGNORED_BIT) & 1).mean() for s in samples])
    assert ignored.mean() < 0.7
    assert ignored.max() > 0


def test_all_kinds_of_places_come_up():
    places = {random_layout(np.random.default_rng(seed)).place for seed in range(80)}
    assert places == set(Place)


@pytest.mark.parametrize("seed", [3, 11, 19])
def test_road_fields_measure_metres(seed):
    """Lateral positions grow by a metre a metre across a road, stations along it."""
    layout = random_layout(np.random.default_rng(seed))
    fields = scene_fields(layout, torch.device("cpu"))
    for road in fields.roads:
        near = at_cells(road.edge_m) < 2.0
        if near.sum() < 100:
            continue
        for field, limit in ((road.lateral_m, 0.02), (road.station_m, 0.2)):
            gy, gx = torch.gradient(at_cells(field), spacing=0.2)
            assert (torch.hypot(gx, gy)[near] - 1).abs().median() < limit


def test_tight_bends_have_finite_fields():
    """2000528: a bend tighter than the crop, whose foot search once ran away."""
    for seed in (2000528, *range(40)):
        fields = scene_fields(random_layout(np.random.default_rng(seed)), torch.device("cpu"))
        assert all(bool(torch.isfinite(road.lateral_m).all()) for road in fields.roads)


def _street(seed: int, **changes) -> Layout:
    """A straight bare street with one solid line, changed as asked."""
    rng = np.random.default_rng(seed)
    while True:
        layout = random_layout(rng)
        if layout.place is Place.STREET and layout.roads[0].dividers and not layout.roads[0].mid_crossings:
            break
    line = replace(layout.roads[0].dividers[0], lateral_m=0.0, marking_type="solid", start_m=-1e3, end_m=1e3)
    plain = {"bend_per_m": 0.0, "wave_m": 0.0, "ghosts": [], "tram_m": [], "islands": [], "clear_m": -1e3}
    road = replace(layout.roads[0], dividers=[replace(line, **changes)], edge_line=None, **plain)
    return replace(layout, roads=[replace(road, x_m=0.0, y_m=0.0, heading_rad=0.0)], junction_m=(0.0, 0.0))


def _labelled(layout: Layout) -> np.ndarray:
    """(K, 2) x, y of cells labelled as dividers."""
    fields = scene_fields(layout, torch.device("cpu"))
    hits = torch.ones((512, 512))
    labels = _labels(fields, SimpleNamespace(hits=hits))
    rows, columns = np.nonzero(labels.flags & 1)
    return (np.stack([columns, rows], axis=1) - 127.5) * 0.2


def test_a_line_that_pauses_has_neither_paint_nor_label_there():
    layout = _street(3, pause_m=(-6.0, 9.0))
    x = _labelled(layout)[:, 0]
    assert x.min() < -20 and x.max() > 20
    assert not ((x > -5.7) & (x < 8.7)).any()
    station = torch.tensor([-7.0, 0.0, 10.0])
    paint = divider_coverage(layout.roads[0].dividers[0], torch.zeros(3), station)
    assert (paint > 0).tolist() == [True, False, True]


def test_a_branch_leaves_its_line_at_its_taper():
    layout = _street(3, start_m=-10.0, end_m=15.0, taper=0.1)
    xy = _labelled(layout)
    assert xy[:, 0].min() > -10.4 and xy[:, 0].max() < 15.4
    assert np.abs(xy[:, 1] - 0.1 * (xy[:, 0] + 10.0)).max() < 0.45
    paint = divider_coverage(layout.roads[0].dividers[0], torch.tensor([0.0, 1.0]), torch.tensor([0.0, 0.0]))
    assert (paint > 0).tolist() == [False, True]
