"""Drives confirm each other where both looked."""

from __future__ import annotations

import numpy as np
import pytest
import shapely

from mapforge.metrics.agreement import agreement, confirm, covered_share

LINE = np.array([[0.0, 0.0], [40.0, 0.0]])


def test_two_drives_that_agree_and_a_line_only_one_saw() -> None:
    confirmations = confirm({"a": [LINE, LINE + (0.0, 5.0)], "b": [LINE + (0.0, 0.1)]}, {})
    scores = agreement(list(confirmations.values()))
    assert scores["agreement_0.5m"] == pytest.approx(2 / 3)
    assert scores["agreement_median_m"] == pytest.approx(0.1)
    assert scores["agreement_length_m"] == pytest.approx(120.0)


def test_where_no_other_drive_looked_nothing_is_asked() -> None:
    seen = {"a": None, "b": shapely.box(0.0, -1.0, 20.0, 1.0)}
    scores = agreement(list(confirm({"a": [LINE], "b": []}, seen).values()))
    assert scores["agreement_length_m"] == pytest.approx(20.0)
    assert scores["agreement_0.5m"] == 0.0


def test_one_drive_alone_has_no_agreement() -> None:
    assert np.isnan(agreement(list(confirm({"a": [LINE]}, {}).values()))["agreement_0.5m"])


def test_covered_share() -> None:
    wanted = shapely.box(0.0, 0.0, 10.0, 10.0)
    assert covered_share(shapely.box(0.0, 0.0, 5.0, 20.0), wanted) == pytest.approx(0.5)
    assert covered_share(None, wanted) == 0.0
    assert np.isnan(covered_share(None, shapely.Polygon()))
