import numpy as np
import pytest
import shapely

from mapforge.schemas.elements import ElementClass
from mapforge.simulation.crosswalks import CROSSING_STYLES, draw_arrow, draw_crossing, draw_stop_line
from mapforge.simulation.ledger import TruthLedger
from mapforge.simulation.streets import Knot, through
from mapforge.simulation.world import PaintMark

CURVE, _ = through([Knot(0, 0, 0.0), Knot(60, 0, 0.0)])


@pytest.mark.parametrize("style", CROSSING_STYLES)
def test_the_truth_of_a_crossing_is_the_outline_of_its_paint(style: str) -> None:
    ledger, paint = TruthLedger(), list[PaintMark]()
    draw_crossing(CURVE, 5.0, 23.0, 20.0, style, 0.2, np.random.default_rng(2), ledger, paint)
    ((_, outline, _),) = ledger.drawn(ElementClass.PED_CROSSING)
    whole = shapely.union_all([mark.area for mark in paint])
    assert whole.bounds == pytest.approx(outline.bounds, abs=1e-6)
    assert outline.bounds[0::2] == pytest.approx((20.0, 23.0))
    assert -5.0 < outline.bounds[1] < outline.bounds[3] < 5.0


def test_the_truth_of_a_stop_line_is_the_centre_of_the_bar() -> None:
    ledger, paint = TruthLedger(), list[PaintMark]()
    draw_stop_line(CURVE, -3.0, 0.0, 30.4, 30.0, 0.1, ledger, paint)
    ((_, line, _),) = ledger.drawn(ElementClass.STOP_LINE)
    assert line.bounds == pytest.approx((30.2, -3.0, 30.2, 0.0))
    assert paint[0].area.area == pytest.approx(1.2)


@pytest.mark.parametrize("turns", [("left",), ("right", "straight"), ("left", "right"), ("left", "right", "straight")])
def test_arrows_are_valid_and_end_at_their_tip(turns: tuple[str, ...]) -> None:
    ledger, paint = TruthLedger(), list[PaintMark]()
    draw_arrow(np.array([10.0, 5.0]), np.pi / 2, turns, 0.0, ledger, paint)
    assert paint[0].area.is_valid and paint[0].area.bounds[3] <= 5.0 + 1e-9
    assert (paint[0].area.bounds[0] < 9.5) == ("left" in turns)
    assert (paint[0].area.bounds[2] > 10.5) == ("right" in turns)
