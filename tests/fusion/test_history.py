"""A street that changes between drives, a drive that errs, roads above roads, dividers with two sides."""

from __future__ import annotations

import json

import numpy as np
import pytest
import shapely
from seen_drives import FRAME, WEST, write_drive
from test_stage import fused, lines_of

from mapforge.geometry.polylines import resample
from mapforge.io.elements import read_elements
from mapforge.io.parquet import read_metadata
from mapforge.io.workspace import Workspace
from mapforge.schemas.elements import ElementClass, MapElement

DIVIDER, BOUNDARY = ElementClass.LANE_DIVIDER, ElementClass.ROAD_BOUNDARY
HOUR_NS = 3_600_000_000_000


def line(y_m: float, marking: str = "solid", z_m: float = 0.0, reverse: bool = False, turn: float = 0.0) -> MapElement:
    """A divider from west to east through the tile; turn: metres it climbs north on the way."""
    xy = resample(np.array([[5.0, y_m], [95.0, y_m + turn]]), 1.0)
    xyz = np.column_stack([xy, np.full(len(xy), z_m)])
    return MapElement(
        "x",
        DIVIDER,
        shapely.LineString(xyz[::-1] if reverse else xyz),
        {"marking_type": marking, "colour": "white"},
        confidence=0.9,
        sigma_m=(0.03,) * len(xyz),
    )


def write_day(workspace: Workspace, number: int, lines: list[MapElement], seed: int = 0) -> str:
    """One drive an hour after the other; it looked everywhere, and saw the lines with a few centimetres of error."""
    name = f"drive{number}"
    rng = np.random.default_rng([seed, number])
    shift = np.append(rng.normal(0.0, 0.03, 2), 0.0)
    begun = number * HOUR_NS
    elements = [
        MapElement(
            f"{name}-{k}",
            one.element_class,
            shapely.LineString(one.xyz_map + shift),
            one.attributes,
            one.confidence,
            one.sigma_m,
            first_seen_ns=begun,
            last_seen_ns=begun + 1000,
            sources=(name,),
        )
        for k, one in enumerate(lines)
    ]
    looked = shapely.force_3d(shapely.box(0, 0, 100, 100), 0.0)
    elements.append(MapElement(f"{name}-c", ElementClass.COVERAGE, looked, sources=(name,)))
    write_drive(workspace, name, elements, start_ns=begun)
    return name


def findings(workspace: Workspace) -> dict:
    stated = read_metadata(workspace.map_elements(WEST))
    return {name: json.loads(stated[name]) for name in ("changes", "outlier_drives")}


def kinds(workspace: Workspace) -> set[tuple[str, int]]:
    return {(change["kind"], change["after_ns"]) for change in findings(workspace)["changes"]}


def days(workspace: Workspace, before: list[MapElement], after: list[MapElement]) -> list[MapElement]:
    """The map of five drives that saw `before` and three later ones that saw `after`."""
    names = [write_day(workspace, n, before if n < 5 else after) for n in range(8)]
    return lines_of(fused(workspace, WEST, names), DIVIDER)


def test_a_shifted_line_is_where_newer_drives_saw_it(workspace: Workspace) -> None:
    steady = line(20.0)
    found = sorted(days(workspace, [steady, line(40.0)], [steady, line(40.5)]), key=lambda e: e.xyz_map[0, 1])
    assert len(found) == 2
    assert found[1].xyz_map[:, 1] == pytest.approx(40.5, abs=0.06)
    assert found[1].first_seen_ns == 5 * HOUR_NS
    assert found[0].first_seen_ns == 0
    assert kinds(workspace) == {("moved", 4 * HOUR_NS)}
    assert findings(workspace)["changes"][0]["length_m"] == pytest.approx(180, abs=20)


def test_a_removed_line_leaves_the_map(workspace: Workspace) -> None:
    (kept,) = days(workspace, [line(20.0), line(40.0)], [line(20.0)])
    assert kept.xyz_map[:, 1] == pytest.approx(20.0, abs=0.06)
    assert kinds(workspace) == {("removed", 4 * HOUR_NS)}


def test_a_new_line_is_as_sure_as_if_nobody_had_looked_before(workspace: Workspace) -> None:
    found = sorted(days(workspace, [line(20.0)], [line(20.0), line(60.0)]), key=lambda e: e.xyz_map[0, 1])
    assert [round(e.xyz_map[0, 1]) for e in found] == [20, 60]
    assert found[1].confidence > 0.9
    assert found[1].first_seen_ns == 5 * HOUR_NS
    assert kinds(workspace) == {("appeared", 4 * HOUR_NS)}


def test_new_paint_wins(workspace: Workspace) -> None:
    (found,) = days(workspace, [line(40.0, "solid")], [line(40.0, "dashed")])
    assert found.attributes["marking_type"] == "dashed"
    assert (found.first_seen_ns, found.last_seen_ns) == (5 * HOUR_NS, 7 * HOUR_NS + 1000)
    assert kinds(workspace) == {("repainted", 4 * HOUR_NS)}


def test_a_drive_that_errs_is_no_change(workspace: Workspace) -> None:
    """A drive 0.7 m off between others: listed, and without any say."""
    names = [write_day(workspace, n, [line(20.0 + 0.7 * (n == 2)), line(50.0 + 0.7 * (n == 2))]) for n in range(6)]
    found = lines_of(fused(workspace, WEST, names), DIVIDER)
    assert len(found) == 2
    for e, y_m in zip(sorted(found, key=lambda e: e.xyz_map[0, 1]), (20.0, 50.0)):
        others = [n for n in names if n != "drive2"]
        assert list(e.sources) == others
        without = lines_of(fused(workspace, WEST, others), DIVIDER)
        near = min(without, key=lambda w: abs(w.xyz_map[0, 1] - y_m))
        assert np.abs(e.xyz_map[:, 1].mean() - near.xyz_map[:, 1].mean()) < 1e-3
    fused(workspace, WEST, names)
    assert findings(workspace) == {"changes": [], "outlier_drives": {"drive2": 1.0}}


def test_the_line_of_a_bridge_stays_on_the_bridge(workspace: Workspace) -> None:
    """Three drives below, two above, their lines 0.1 m apart in plan."""
    below = [write_day(workspace, n, [line(50.0)]) for n in range(3)]
    above = [write_day(workspace, n, [line(50.1, z_m=6.0)]) for n in range(3, 5)]
    found = lines_of(fused(workspace, WEST, below + above), DIVIDER)
    assert sorted((round(float(e.xyz_map[:, 2].mean()), 3), e.n_drives) for e in found) == [(0.0, 3), (6.0, 2)]


def test_near_parallel_lines_stay_two(workspace: Workspace) -> None:
    """Two lines that open from 0.4 m to 3 m; every second drive sees only one of them."""
    both = [line(40.0), line(40.4, turn=2.6)]
    names = [write_day(workspace, n, both if n % 2 == 0 else both[n // 2 % 2 :][:1]) for n in range(6)]
    found = lines_of(fused(workspace, WEST, names), DIVIDER)
    total = sum(e.geometry.length for e in found)
    assert total == pytest.approx(180.0, rel=0.02)


def test_sides_of_paint_do_not_depend_on_the_way_a_drive_went(workspace: Workspace) -> None:
    """Solid on the left going east is solid on the right going west."""
    east, west = line(40.0, "solid_dashed"), line(40.0, "dashed_solid", reverse=True)
    names = [write_day(workspace, n, [east if n % 2 else west]) for n in range(5)]
    (found,) = lines_of(fused(workspace, WEST, names), DIVIDER)
    eastward = found.xyz_map[-1, 0] > found.xyz_map[0, 0]
    assert found.attributes["marking_type"] == ("solid_dashed" if eastward else "dashed_solid")


def test_sigma_holds_the_datum_and_the_footer_states_it(workspace: Workspace) -> None:
    names = [write_day(workspace, n, [line(40.0)]) for n in range(3)]
    (alone,) = lines_of(fused(workspace, WEST, names), DIVIDER)
    for n, name in enumerate(names):
        write_day(workspace, n, [line(40.0)])
        elements, _ = read_elements(workspace.drive_elements(name), FRAME)
        write_drive(workspace, name, elements, start_ns=n * HOUR_NS, datum_sigma_m=0.08)
    (shared,) = lines_of(fused(workspace, WEST, names), DIVIDER)
    assert np.array(shared.sigma_m) == pytest.approx(np.hypot(alone.sigma_m, 0.08), abs=1e-4)
    assert read_metadata(workspace.map_elements(WEST))["datum_sigma_m"] == "0.0800"
