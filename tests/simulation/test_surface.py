import numpy as np
import pytest
import shapely

from mapforge.simulation.surface import PAINT_COLOURS, build_surface
from mapforge.simulation.world import PaintMark, World

EVERYWHERE = shapely.box(300, 200, 500, 400)


def _with_paint(world: World, wear: float, colour: str = "white") -> World:
    mark = PaintMark(shapely.box(400, 300, 430, 310), colour, wear)
    return World(world.name, world.seed, world.frame, world.meshes, (mark,), (), world.lanes, world.ground, ())


@pytest.mark.parametrize("wear", [0.0, 0.3, 0.6, 1.0])
def test_wear_is_the_share_of_paint_that_is_gone(flat_world: World, wear: float) -> None:
    surface = build_surface(_with_paint(flat_world, wear), EVERYWHERE)
    rng = np.random.default_rng(1)
    x, y = rng.uniform(400, 430, 20000), rng.uniform(300, 310, 20000)
    _, amount = surface.paint_at(x, y)
    assert (amount > 0.5 * (1 - 0.45 * wear)).mean() == pytest.approx(1 - wear, abs=0.15)
    assert amount.min() >= 0 and amount.max() <= 1


def test_colour_and_edges_of_paint(flat_world: World) -> None:
    surface = build_surface(_with_paint(flat_world, 0.0, "yellow"), EVERYWHERE)
    x = np.array([399.97, 400.03, 415.0, 429.97, 430.03])
    colour, amount = surface.paint_at(x, np.full(5, 305.0))
    assert [PAINT_COLOURS[c] for c in colour] == ["", "yellow", "yellow", "yellow", ""]
    assert amount[0] == amount[-1] == 0


def test_the_road_is_the_same_for_every_drive(flat_world: World) -> None:
    near = build_surface(flat_world, shapely.Point(400, 300).buffer(30))
    far = build_surface(flat_world, EVERYWHERE)
    x, y = np.random.default_rng(2).uniform(-15, 15, (2, 5000)) + [[400], [300]]
    assert np.array_equal(near.asphalt_at(x, y), far.asphalt_at(x, y))
    assert np.array_equal(near.paint_at(x, y)[1], far.paint_at(x, y)[1])


def test_asphalt_varies_but_not_wildly(flat_world: World) -> None:
    surface = build_surface(flat_world, EVERYWHERE)
    x, y = np.random.default_rng(3).uniform(0, 1, (2, 20000)) * [[180], [14]] + [[310], [293]]
    tone = surface.asphalt_at(x, y)
    assert tone.min() > 0.2 and tone.max() < 1.5 and 0.03 < tone.std() < 0.3
