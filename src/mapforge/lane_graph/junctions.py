"""Arms of junctions: lanes that end and begin side by side."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import coo_matrix
from scipy.sparse.csgraph import connected_components

from mapforge.lane_graph.lanes import VEHICLE, Lane, LaneStrips
from mapforge.lane_graph.sections import NONE

Float = NDArray[np.float64]
Index = NDArray[np.int64]
Port = tuple[int, bool]
"""A lane, and whether its last vertex is meant."""

_STAGGER_M = 14.0


@dataclass(frozen=True, eq=False)
class Arm:
    """One road where it meets others. inbound, outbound: lanes towards and away from there, left to right as their own
    traffic sees it. ahead: (2,) unit direction of inbound traffic."""

    inbound: tuple[int, ...]
    outbound: tuple[int, ...]
    ahead: Float


def arms_of(lanes: list[Lane], found: LaneStrips) -> list[Arm]:
    """Ends of driving lanes that lie beside each other, or on both sides of a median, as arms."""
    ports: list[Port] = [
        (k, last) for k, lane in enumerate(lanes) if lane.lane_type == VEHICLE for last in (False, True)
    ]
    number = {port: n for n, port in enumerate(ports)}
    pairs = [(number[a], number[b]) for a in ports for b in _beside(a, lanes, found) if b in number]
    a, b = np.array(pairs, dtype=np.int64).reshape(-1, 2).T
    graph = coo_matrix((np.ones(len(a)), (a, b)), shape=(len(ports), len(ports)))
    label = connected_components(graph, directed=False)[1] if ports else np.zeros(0, dtype=np.int64)
    members = [[ports[int(n)] for n in np.flatnonzero(label == k)] for k in range(int(label.max(initial=-1)) + 1)]
    return [_arm(group, lanes) for group in members]


def _beside(port: Port, lanes: list[Lane], found: LaneStrips) -> list[Port]:
    """Ports of the lanes across both borders, or across a median there, if they end within a few metres along the
    road."""
    lane, last = port
    sample = int(np.searchsorted(found.strips.strip, lane, "right" if last else "left")) - (1 if last else 0)
    near = []
    for across in (found.beside.left, found.beside.right, found.over.left, found.over.right):
        other = int(across[sample])
        if other == NONE:
            continue
        strip = int(found.strips.strip[other])
        same = float(found.strips.along[sample] @ found.strips.along[other]) > 0.0
        end = last if same else not last
        tip = lanes[strip].centre[-1 if end else 0, :2]
        if np.linalg.norm(tip - found.strips.centre[other, :2]) <= _STAGGER_M:
            near.append((strip, end))
    return near


def _arm(ports: list[Port], lanes: list[Lane]) -> Arm:
    headings = [lanes[k].heading(last) * (1.0 if last else -1.0) for k, last in ports]
    ahead = np.sum(headings, axis=0)
    ahead = ahead / max(float(np.linalg.norm(ahead)), 1e-9)
    to_right = np.array([ahead[1], -ahead[0]])

    def across(port: Port) -> float:
        return float(lanes[port[0]].centre[-1 if port[1] else 0, :2] @ to_right)

    inbound = sorted((port for port in ports if port[1]), key=across)
    outbound = sorted((port for port in ports if not port[1]), key=lambda port: -across(port))
    return Arm(tuple(k for k, _ in inbound), tuple(k for k, _ in outbound), ahead)
