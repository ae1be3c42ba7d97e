import numpy as np
import pytest

from mapforge.simulation.road_network import draw_network


@pytest.mark.parametrize(("east", "north", "junctions"), [(2, 1, 2), (2, 2, 5), (1, 3, 4), (3, 3, 12)])
def test_streets_begin_and_end_at_junctions(east: int, north: int, junctions: int) -> None:
    network = draw_network(np.random.default_rng(3), east, north, 90.0, 0.5, np.array([500.0, 400.0]))
    assert junctions - 2 <= len(network.nodes_xy) <= junctions
    for street in network.streets:
        for node, place in ((street.start_node, street.curve.xy[0]), (street.end_node, street.curve.xy[-1])):
            assert node < 0 or np.allclose(network.nodes_xy[node], place, atol=1e-9)
    met = np.bincount([n for s in network.streets for n in (s.start_node, s.end_node) if n >= 0])
    assert met.min() >= 3 and met.max() <= 4


def test_corridors_run_on_smoothly_through_junctions() -> None:
    network = draw_network(np.random.default_rng(5), 2, 2, 90.0, 1.0, np.zeros(2))
    for a in network.streets:
        for b in network.streets:
            if a.corridor == b.corridor and a.end_node == b.start_node >= 0:
                turn = a.curve.heading_rad[-1] - b.curve.heading_rad[0]
                assert abs(np.angle(np.exp(1j * turn))) < 1e-6


def test_no_curvature_gives_straight_blocks() -> None:
    network = draw_network(np.random.default_rng(1), 2, 2, 90.0, 0.0, np.zeros(2))
    straight = [np.ptp(s.curve.heading_rad) < 1e-6 for s in network.streets]
    assert sum(straight) >= 3
