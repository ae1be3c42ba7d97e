import numpy as np
import pytest
import shapely

from mapforge.geometry import polylines
from mapforge.schemas.elements import ElementClass
from mapforge.simulation.charted import ChartedLine
from mapforge.simulation.ledger import TruthLedger
from mapforge.simulation.real_paint import distinct_lines, joined_lines, paint_real_map


def line(*points: tuple[float, float], kind: str = "solid") -> ChartedLine:
    return ChartedLine(np.array(points, dtype=np.float64), kind, "white")


def test_a_line_named_by_two_lanes_is_taken_once() -> None:
    lines = [line((0, 0), (30, 0)), line((30, 0.1), (0, 0.1)), line((0, 3.5), (30, 3.5))]
    assert len(distinct_lines(lines)) == 2


def test_pieces_that_meet_become_one_line() -> None:
    lines = [line((0, 0), (10, 0)), line((10.1, 0), (20, 1)), line((20, 1), (30, 1), kind="dashed")]
    joined = joined_lines(lines)
    assert sorted(polylines.length(j.xy) for j in joined) == pytest.approx([10.0, 20.05], abs=0.1)


def test_paint_keeps_off_curbs_and_crossings() -> None:
    asphalt = shapely.box(0, -5, 60, 5)
    ledger = TruthLedger()
    crossing = (np.array([[28.0, -6.0], [28.0, 6.0]]), np.array([[32.0, -6.0], [32.0, 6.0]]))
    lines = [line((-5, 0), (65, 0)), line((0, 4.95), (60, 4.95))]
    paint = paint_real_map(lines, [crossing], asphalt, 0.2, np.random.default_rng(0), ledger)
    assert all(asphalt.contains(mark.area) for mark in paint)
    dividers = [g for _, g, _ in ledger.drawn(ElementClass.LANE_DIVIDER)]
    assert len(dividers) == 2
    ((_, outline, _),) = ledger.drawn(ElementClass.PED_CROSSING)
    assert outline.bounds == pytest.approx((28.0, -4.6, 32.0, 4.6), abs=0.4)
    assert min(g.distance(outline) for g in dividers) >= 0.49
