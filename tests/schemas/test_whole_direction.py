"""A line put together from pieces runs the way its pieces did."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
import shapely

from mapforge.schemas.elements import ElementClass, MapElement
from mapforge.schemas.whole import whole_elements


@pytest.mark.parametrize("order", list(itertools.permutations(range(3))))
@pytest.mark.parametrize("sign", [1.0, -1.0])
def test_a_lane_keeps_its_direction_whichever_way_it_runs(order: tuple[int, ...], sign: float) -> None:
    x = sign * np.array([0.0, 10.0, 20.0, 30.0])
    pieces = [
        MapElement(
            "lane", ElementClass.LANE, shapely.LineString([(a, 0.0, 1.0), (b, 0.0, 1.0)]), sigma_m=(0.1 * i, 0.1 * i)
        )
        for i, (a, b) in enumerate(itertools.pairwise(x))
    ]
    (whole,) = whole_elements([pieces[i] for i in order])
    assert whole.xyz_map[:, 0] == pytest.approx(x)
    assert whole.sigma_m[0] == pytest.approx(0.0)
    assert whole.sigma_m[-1] == pytest.approx(0.2)
