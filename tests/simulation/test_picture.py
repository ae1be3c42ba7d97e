from mapforge.simulation.config import TownConfig
from mapforge.simulation.picture import ASPHALT, BACKGROUND, TRUTH, draw_world
from mapforge.simulation.town import make_town


def test_a_picture_shows_asphalt_and_truth() -> None:
    image = draw_world(make_town(4, TownConfig(blocks_north=1)), px_per_m=2.0)
    colours = {colour for _, colour in image.getcolors(1 << 24)}
    assert {ASPHALT, BACKGROUND} <= colours
    assert len(colours & set(TRUTH.values())) >= 4
