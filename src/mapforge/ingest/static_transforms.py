"""The tree of fixed transforms of a log (/tf_static): where each sensor sits on the car."""

from __future__ import annotations

from collections import deque

from mapforge.geometry.se3 import SE3

EGO_FRAMES = ("ego", "ego_vehicle", "base_link", "base_footprint", "rear_axle", "vehicle", "car", "chassis")
_NOT_ON_CAR = ("map", "odom", "world", "earth", "utm", "local_map")


class StaticTransforms:
    """Edges parent_SE3_child, searched in both directions."""

    def __init__(self) -> None:
        self._edges: dict[str, dict[str, SE3]] = {}
        self._parents: dict[str, str] = {}
        self._reached: dict[str, SE3] | None = None

    def __len__(self) -> int:
        return len(self._parents)

    def add(self, parent: str, child: str, parent_SE3_child: SE3) -> None:
        """The last word on a pair counts. Frames of the world, not of the car, are left out."""
        if parent in _NOT_ON_CAR or child in _NOT_ON_CAR:
            return
        self._edges.setdefault(parent, {})[child] = parent_SE3_child
        self._edges.setdefault(child, {})[parent] = parent_SE3_child.inverse()
        self._parents[child] = parent
        self._reached = None

    def ego_frame(self) -> str | None:
        """The well-known name of the car's frame that occurs, else the tree's only root."""
        known = next((name for name in EGO_FRAMES if name in self._edges), None)
        roots = sorted(set(self._edges) - set(self._parents))
        return known or (roots[0] if len(roots) == 1 else None)

    def ego_SE3(self, frame: str) -> SE3 | None:
        """`ego_SE3_frame`, None when no path of fixed transforms leads there."""
        if self._reached is None:
            self._reached = self._reach()
        return self._reached.get(frame)

    def _reach(self) -> dict[str, SE3]:
        """`ego_SE3_frame` of every frame connected with the car's."""
        ego = self.ego_frame()
        if ego is None:
            return {}
        reached = {ego: SE3.identity()}
        queue = deque([ego])
        while queue:
            here = queue.popleft()
            for neighbour, edge in sorted(self._edges.get(here, {}).items()):
                if neighbour not in reached:
                    reached[neighbour] = reached[here] @ edge
                    queue.append(neighbour)
        return reached
