import numpy as np
import pytest

from mapforge.schemas.elements import COLOURS, MARKING_TYPES
from mapforge.simulation.street_profile import PaintStyle, compose_profile, draw_profile

STYLE = PaintStyle(0.12, 3.0, 6.0, 0.12, "yellow")


def test_lanes_and_lines_lie_side_by_side() -> None:
    profile = compose_profile(1, 2, 3.0, 0.5, (2.0, 0.0), "double_solid", True, 50, True, STYLE)
    assert profile.half_width_m == pytest.approx((3 * 3.0 + 1.0 + 2.0) / 2)
    assert [lane.direction for lane in profile.lanes] == [-1, 1, 1]
    assert [lane.offset_m for lane in profile.lanes] == pytest.approx([2.0, -1.0, -4.0])
    assert [(line.offset_m, line.marking_type, line.role) for line in profile.lines] == [
        (3.5, "solid", "edge"),
        (0.5, "double_solid", "centre"),
        (-2.5, "dashed", "lane"),
        (-5.5, "solid", "edge"),
    ]


@pytest.mark.parametrize("seed", range(40))
def test_drawn_profiles_fit_between_their_curbs(seed: int) -> None:
    profile = draw_profile(np.random.default_rng(seed), minor=bool(seed % 2))
    assert all(abs(lane.offset_m) + lane.width_m / 2 < profile.half_width_m for lane in profile.lanes)
    assert all(2.8 <= lane.width_m <= 3.7 for lane in profile.lanes)
    assert 0.10 <= profile.style.line_width_m <= 0.20
    assert all(line.marking_type in MARKING_TYPES and line.colour in COLOURS for line in profile.lines)
    assert profile.forward >= 1
