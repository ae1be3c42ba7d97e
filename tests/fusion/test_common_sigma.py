"""What all drives see wrongly alike: more where the network is in doubt, far away, and at ends."""

from __future__ import annotations

import numpy as np
import pytest
import shapely

from mapforge.fusion.config import FusionConfig
from mapforge.fusion.existence import Visibility
from mapforge.fusion.labels import Labels
from mapforge.fusion.uncertainty import FAR_M, common_sigma
from mapforge.schemas.elements import ElementClass

CONFIG = FusionConfig()
BOUNDS = (0.0, 0.0, 100.0, 100.0)


def sigma(exists: float = 0.9, path_m: float = 5.0, end_m: float = 50.0, kind: str = "lane_divider") -> float:
    label = np.zeros(1, dtype=np.int64)
    labels = Labels(**dict.fromkeys(Labels.__dataclass_fields__, label) | {"doubt": np.zeros(1)})
    values = (np.array([value]) for value in (exists, path_m, end_m))
    return float(common_sigma(ElementClass(kind), labels, *values, CONFIG)[0])


@pytest.mark.parametrize("kind", ["lane_divider", "road_boundary"])
def test_doubt_distance_and_ends_add_to_it(kind: str) -> None:
    usual = sigma(kind=kind)
    assert sigma(exists=0.99, kind=kind) < usual < sigma(exists=0.5, kind=kind)
    assert sigma(path_m=2.0, kind=kind) < usual < sigma(path_m=20.0, kind=kind) < sigma(path_m=30.0, kind=kind)
    assert usual < sigma(end_m=2.0, kind=kind) < sigma(end_m=0.0, kind=kind)
    # the setting is what holds beside the path, of a line that exists with 0.9; far ends have no say at all
    assert sigma(path_m=0.0, kind=kind) == pytest.approx(getattr(CONFIG, f"common_{kind.split('_')[1]}_sigma_m"))
    assert sigma(end_m=8.0, kind=kind) == usual
    # nothing grows without end
    assert sigma(exists=1.0, kind=kind) > 0.3 * usual
    assert sigma(0.0, 1e3, 0.0, kind) < 10 * usual


def test_stop_lines_have_theirs() -> None:
    assert sigma(0.5, 30.0, 0.0, "stop_line") == CONFIG.common_stop_line_sigma_m


def test_the_nearest_path_of_all_drives_counts() -> None:
    def seen(paths: list) -> Visibility:
        return Visibility.of([[shapely.box(*BOUNDS)]] * len(paths), BOUNDS, paths)

    xyz = np.array([[10.0, 50.0, 0.0], [50.0, 50.0, 0.0], [50.0, 95.0, 0.0]])
    low = np.array([[10.0, 40.0, 0.0], [50.0, 44.0, 0.0]])
    above = np.array([[50.0, 50.0, 9.0]])
    assert seen([low]).to_nearest_path_m(xyz, FAR_M).tolist() == [10.0, 6.0, FAR_M]
    # a bridge over the line is no path beside it
    assert seen([low, above, None]).to_nearest_path_m(xyz, FAR_M).tolist() == [10.0, 6.0, FAR_M]
    assert seen([None]).to_nearest_path_m(xyz, FAR_M).tolist() == [0.0, 0.0, 0.0]
    assert seen([np.zeros((0, 3))]).to_nearest_path_m(xyz, FAR_M).tolist() == [FAR_M] * 3
