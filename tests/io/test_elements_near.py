from __future__ import annotations

from pathlib import Path

import pytest
import shapely

from mapforge.errors import CrsMismatchError, MissingInputError
from mapforge.geometry.crs import MapFrame
from mapforge.io.elements import read_elements, read_elements_near, write_elements
from mapforge.schemas.elements import ElementClass, MapElement

FRAME = MapFrame(32617, (586000.0, 4475000.0))


def test_only_what_meets_the_window_is_read_whole(tmp_path: Path) -> None:
    lines = [shapely.LineString([(x, 0, 0), (x + 50, 10, 0)]) for x in (0.0, 100, 200)]
    elements = [MapElement(str(k), ElementClass.STOP_LINE, line) for k, line in enumerate(lines)]
    path = tmp_path / "elements.parquet"
    write_elements(elements, FRAME, path, tmp_path / "tmp")
    near = read_elements_near(path, FRAME, (120.0, 5.0, 130.0, 6.0))
    assert [element.element_id for element in near] == ["1"]
    assert near[0] == read_elements(path, FRAME)[0][1]
    assert read_elements_near(path, FRAME, (60.0, 0.0, 90.0, 9.0)) == []
    with pytest.raises(CrsMismatchError):
        read_elements_near(path, MapFrame(32618, (0.0, 0.0)), (0.0, 0.0, 1.0, 1.0))
    with pytest.raises(MissingInputError):
        read_elements_near(tmp_path / "none.parquet", FRAME, (0.0, 0.0, 1.0, 1.0))
