import numpy as np
import pytest
import shapely

from mapforge.schemas.elements import ElementClass
from mapforge.simulation.ledger import TruthLedger
from mapforge.simulation.markings import draw_line
from mapforge.simulation.street_profile import LineSlot, PaintStyle
from mapforge.simulation.streets import Knot, through
from mapforge.simulation.world import PaintMark

STYLE = PaintStyle(line_width_m=0.12, dash_m=3.0, gap_m=9.0, double_gap_m=0.14, centre_colour="yellow")


def painted(kind: str, start_m: float, end_m: float, goes_on: bool = False) -> tuple[TruthLedger, list[PaintMark]]:
    curve, _ = through([Knot(0, 0, 0.0), Knot(100, 0, 0.0)])
    ledger, paint = TruthLedger(), []
    slot = LineSlot(1.0, kind, "yellow", "centre")
    draw_line(curve, slot, start_m, end_m, STYLE, 0.2, np.random.default_rng(0), ledger, paint, goes_on)
    return ledger, paint


def test_a_dashed_line_is_one_element_from_its_first_to_its_last_dash() -> None:
    ledger, paint = painted("dashed", 10.0, 50.0)
    assert [mark.area.bounds[0] for mark in paint] == pytest.approx([10.0, 22.0, 34.0, 46.0])
    assert all(mark.area.area == pytest.approx(3.0 * 0.12) for mark in paint)
    ((_, line, attributes),) = ledger.drawn(ElementClass.LANE_DIVIDER)
    assert line.bounds == pytest.approx((10.0, 1.0, 49.0, 1.0))
    assert attributes == {"marking_type": "dashed", "colour": "yellow"}


def test_a_dashed_line_that_goes_on_solid_has_no_gap_before_it() -> None:
    """The paint is the same; only the true line reaches to where the other paint begins."""
    ledger, paint = painted("dashed", 10.0, 58.0, goes_on=True)
    assert [mark.area.bounds[2] for mark in paint][-1] == pytest.approx(49.0)
    ((_, line, _),) = ledger.drawn(ElementClass.LANE_DIVIDER)
    assert line.bounds == pytest.approx((10.0, 1.0, 58.0, 1.0))


def test_a_double_line_is_one_element_on_its_centre() -> None:
    ledger, paint = painted("double_solid", 0.0, 20.0)
    ((_, line, _),) = ledger.drawn(ElementClass.LANE_DIVIDER)
    assert line.bounds == pytest.approx((0.0, 1.0, 20.0, 1.0))
    covered = shapely.union_all([mark.area for mark in paint])
    assert covered.area == pytest.approx(2 * 20.0 * 0.12)
    assert covered.bounds[1::2] == pytest.approx((1.0 - 0.19, 1.0 + 0.19))


def test_of_a_mixed_line_the_first_word_is_the_left_strand() -> None:
    _, paint = painted("solid_dashed", 0.0, 36.0)
    left = sum(mark.area.area for mark in paint if mark.area.centroid.y > 1.0)
    right = sum(mark.area.area for mark in paint if mark.area.centroid.y < 1.0)
    assert left == pytest.approx(36.0 * 0.12) and right == pytest.approx(9.0 * 0.12)


def test_no_room_for_a_dash_paints_nothing() -> None:
    ledger, paint = painted("dashed", 10.0, 10.3)
    assert not paint and not ledger.drawn(ElementClass.LANE_DIVIDER)
