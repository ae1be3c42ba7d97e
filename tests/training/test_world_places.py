"""The same streets are the same place, whatever the file is called."""

from __future__ import annotations

from pathlib import Path

import pytest

from mapforge.errors import LeakageError, MissingInputError
from mapforge.training.places import require_apart
from mapforge.training.world_places import place_of_world, world_word

DEGREE_M = 111_320.0


def road(lat: float = 49.0, placed: bool = True) -> str:
    """A Lanelet2 map of one lane of 100 m."""
    nodes, ways = [], []
    for side, y in enumerate((3.5, 0.0)):
        for end, x in enumerate((0.0, 100.0)):
            where = f'lat="{lat + y / DEGREE_M}" lon="{8.4 + x / DEGREE_M}"' if placed else 'lat="" lon=""'
            local = f'<tag k="local_x" v="{x}"/><tag k="local_y" v="{y}"/>'
            nodes.append(f'<node id="{2 * side + end + 1}" {where}>{local}</node>')
        ways.append(f'<way id="{side + 5}"><nd ref="{2 * side + 1}"/><nd ref="{2 * side + 2}"/></way>')
    members = '<member type="way" ref="5" role="left"/><member type="way" ref="6" role="right"/>'
    lanelet = f'<relation id="7">{members}<tag k="type" v="lanelet"/><tag k="subtype" v="road"/></relation>'
    return f'<osm version="0.6">{"".join(nodes)}{"".join(ways)}{lanelet}</osm>'


def written(folder: Path, text: str) -> str:
    folder.mkdir(exist_ok=True)
    (folder / "map.osm").write_text(text)
    return str(folder / "map.osm")


def test_a_family_is_a_place_a_seed() -> None:
    assert place_of_world("town", 7) == "world:town-7"
    assert world_word("town") == "town"


def test_a_real_map_is_a_place_on_earth_whatever_its_file_and_seed(tmp_path: Path) -> None:
    first = place_of_world(written(tmp_path / "a", road()), 1001)
    again = place_of_world(written(tmp_path / "b", road() + "\n"), 1002)
    assert first == again
    assert first.startswith("map:8.400") and ",49.000" in first
    with pytest.raises(LeakageError, match="m from each other"):
        require_apart([first], [place_of_world(written(tmp_path / "c", road(49.005)), 3)])
    require_apart([first], [place_of_world(written(tmp_path / "d", road(49.02)), 3)])


def test_a_map_without_georeference_is_its_content(tmp_path: Path) -> None:
    here, there = (place_of_world(written(tmp_path / name, road(placed=False)), 5) for name in "ab")
    assert here == there and "," not in here
    assert world_word(written(tmp_path / "a", road())) != world_word(written(tmp_path / "b", road(50.0)))


def test_no_map_is_named(tmp_path: Path) -> None:
    with pytest.raises(MissingInputError, match="nowhere"):
        place_of_world(str(tmp_path / "nowhere.osm"), 1)
