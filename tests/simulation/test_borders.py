import numpy as np
import pytest
import shapely

from mapforge.schemas.elements import ElementClass
from mapforge.simulation.borders import EDGE_STEP_M, GroundBeyond, border_mesh, build_borders, draw_boundaries
from mapforge.simulation.ledger import TruthLedger
from mapforge.simulation.terrain import build_ground
from mapforge.simulation.world import Material

ASPHALT = shapely.box(0, 0, 80, 60).difference(shapely.box(20, 20, 60, 40))
UNCURBED = shapely.box(-5, -5, 30, 5)
OPEN = shapely.box(75, -5, 85, 65)


@pytest.fixture(scope="module")
def borders() -> tuple:
    return build_borders(ASPHALT, UNCURBED, OPEN, np.random.default_rng(1))


def test_boundaries_change_element_where_their_kind_changes(borders: tuple) -> None:
    ledger = TruthLedger()
    draw_boundaries(borders, ledger)
    drawn = ledger.drawn(ElementClass.ROAD_BOUNDARY)
    length = {kind: sum(g.length for _, g, a in drawn if a["boundary_type"] == kind) for kind in ("curb", "edge")}
    assert length["edge"] == pytest.approx(35.0, abs=1.0)
    assert length["curb"] == pytest.approx(ASPHALT.length - 35.0 - 70.0, abs=2.0)
    assert all(ASPHALT.boundary.buffer(0.01).contains(g) for _, g, _ in drawn)


def test_curbs_are_as_high_as_curbs_are_and_edges_are_flat(borders: tuple) -> None:
    for border in borders:
        assert 0.08 <= border.full_m <= 0.18
        assert border.step_m[border.curb].max() <= 0.21
        assert np.all(border.step_m > 0)
    outer = borders[0]
    middle = (outer.xy[:, 1] < 1.0) & (outer.xy[:, 0] > 5) & (outer.xy[:, 0] < 25)
    assert np.all(outer.step_m[middle] <= EDGE_STEP_M + 1e-9)


def test_the_ground_beyond_is_a_step_up_and_the_mesh_reaches_it(borders: tuple) -> None:
    ground = build_ground(ASPHALT, lambda xy: np.full(len(xy), 100.0), (-20, -20, 100, 80), 0.0)
    beyond = GroundBeyond(borders, ground)
    inside_block = beyond(np.array([[40.0, 30.0]]))[0]
    assert inside_block == pytest.approx(100.0 + borders[1].full_m, abs=1e-3)
    mesh = border_mesh(borders, ground)
    assert 100.0 + 0.07 < mesh.vertices[:, 2].max() < 100.25
    assert {int(Material.CURB), int(Material.GRASS)} == set(mesh.materials.tolist())
    # tops of curbs lie outside the asphalt
    high = mesh.vertices[mesh.vertices[:, 2] > 100.05].astype(float)
    assert not shapely.contains_xy(ASPHALT.buffer(-0.01), high[:, 0], high[:, 1]).any()
