"""The element table: any element goes in and comes out, and wrong columns do not."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pytest
import shapely
from hypothesis import given, settings
from hypothesis import strategies as st

from mapforge.errors import ContractError
from mapforge.geometry.crs import MapFrame
from mapforge.schemas.elements import (
    COLOURS,
    ELEMENTS,
    LINE_CLASSES,
    MARKING_TYPES,
    ElementClass,
    MapElement,
    elements_to_table,
    table_to_elements,
)

FRAME = MapFrame(32617, (586_000.0, 4_475_000.0))
tenth_mm = st.integers(-10_000_000, 10_000_000).map(lambda i: i / 10_000)


@st.composite
def line_elements(draw: st.DrawFn) -> MapElement:
    vertices = draw(st.lists(st.tuples(tenth_mm, tenth_mm, tenth_mm), min_size=2, max_size=6))
    attributes = {"marking_type": draw(st.sampled_from(MARKING_TYPES)), "colour": draw(st.sampled_from(COLOURS))}
    return MapElement(
        draw(st.text("0123456789abcdef", min_size=1, max_size=16)),
        draw(st.sampled_from(LINE_CLASSES)),
        shapely.LineString(vertices),
        attributes,
        draw(st.integers(0, 1_000_000)) / 1e6,
        tuple(draw(st.lists(st.sampled_from([0.0, 0.25, 0.5]), max_size=6))),
        draw(st.integers(1, 9)),
        0,
        draw(st.integers(0, 2**62)),
        tuple(draw(st.lists(st.text(min_size=1, max_size=5), max_size=3))),
    )


@settings(deadline=None, derandomize=True, max_examples=25)
@given(st.lists(line_elements(), max_size=4))
def test_round_trip(elements: list[MapElement]) -> None:
    table = elements_to_table(elements, FRAME)
    assert table.schema.equals(ELEMENTS)
    back = table_to_elements(table, FRAME)
    for element, again in zip(elements, back, strict=True):
        np.testing.assert_allclose(again.xyz_map, element.xyz_map, atol=1e-8)
        for name in ("element_id", "element_class", "attributes", "confidence", "sigma_m", "n_drives", "last_seen_ns"):
            assert getattr(again, name) == getattr(element, name)
        assert again.sources == element.sources
    assert elements_to_table(back, FRAME).equals(table)


def test_the_box_covers_the_geometry() -> None:
    line = shapely.LineString([(1, 5, 0), (3, 2, 0)])
    row = elements_to_table([MapElement("a", ElementClass.STOP_LINE, line)], FRAME).to_pylist()[0]
    assert row["bbox"] == {"xmin": 586_001.0, "ymin": 4_475_002.0, "xmax": 586_003.0, "ymax": 4_475_005.0}


def test_flat_geometry_gets_a_height() -> None:
    flat = MapElement("a", ElementClass.STOP_LINE, shapely.LineString([(1, 5), (3, 2)]))
    assert table_to_elements(elements_to_table([flat], FRAME), FRAME)[0].xyz_map[:, 2].tolist() == [0.0, 0.0]


def test_unknown_attributes_and_columns_are_refused() -> None:
    element = MapElement("a", ElementClass.TRAFFIC_SIGN, shapely.Point(1, 2, 3), {"shape": "round"})
    with pytest.raises(ContractError, match=r"element a.*'shape'"):
        elements_to_table([element], FRAME)
    table = elements_to_table([], FRAME)
    with pytest.raises(ContractError, match="tiles: missing column 'confidence'"):
        table_to_elements(table.drop_columns(["confidence"]), FRAME, "tiles")
    with pytest.raises(ContractError, match="unexpected column 'extra'"):
        table_to_elements(table.append_column("extra", pa.array([], pa.int8())), FRAME)
    wrong = table.set_column(table.schema.get_field_index("n_drives"), "n_drives", pa.array([], pa.string()))
    with pytest.raises(ContractError, match="column 'n_drives' is string, not int32"):
        table_to_elements(wrong, FRAME)


def test_vertices_of_a_polygon_are_its_outline() -> None:
    ring = [(0, 0, 1), (4, 0, 1), (4, 3, 1), (0, 0, 1)]
    element = MapElement("a", ElementClass.PED_CROSSING, shapely.Polygon(ring))
    np.testing.assert_array_equal(element.xyz_map, ring)
