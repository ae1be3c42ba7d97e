import numpy as np
import shapely

from mapforge.simulation.terrain import build_ground, draw_hills


def test_hills_stay_gentle() -> None:
    for seed in range(20):
        hills = draw_hills(np.random.default_rng(seed), 6.0, 160.0)
        xy = np.stack(np.meshgrid(np.arange(0, 500, 5.0), np.arange(0, 500, 5.0)), axis=-1)
        z = hills(xy.reshape(-1, 2)).reshape(xy.shape[:2])
        slope = np.hypot(*np.gradient(z, 5.0))
        assert slope.max() < 0.13 and 150 < z.min() < z.max() < 170


def test_the_crown_rises_from_the_edges_of_the_road() -> None:
    road = shapely.box(0, 0, 100, 8)
    ground = build_ground(road, lambda xy: np.zeros(len(xy)), (-10, -10, 110, 18))
    edge, middle, outside = ground.at(np.array([[50.0, 0.3], [50.0, 4.0], [50.0, -6.0]]))
    assert outside < 0.001 and edge < 0.02 < 0.04 < middle < 0.08
