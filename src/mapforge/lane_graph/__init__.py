"""The lane graph: lanes between dividers and boundaries, how they follow each other, and the ways through junctions.

The map elements of a tile and its eight neighbours, and the paths of the drives there, become LANE elements:

1. `borders`: dividers and boundaries are joined end to end over tile borders and short gaps, and sampled.
2. `facing`, `strips`, `shaping`: from every sample a ray goes to either side; two borders that face each other at the
   width of a lane, with road between them, make a strip. Wide strips of steady width are roads without markings and
   are divided; strips for `parking` and painted medians are put aside.
3. `votes`, `directions`: paths, and vehicles they saw, vote for the direction of the strips they run in; the others
   follow from the cross-section they are part of (driving side, what the markings say, where stop lines lie, whether
   another road lies beyond a median).
4. `lanes`, `mouths`, `openings`: runs of a strip with one direction, without short ones, led on to where the road opens
   into a junction, cut where another lane opens or closes beside them; neighbours and lines beside them.
5. `junctions`, `movements`, `ways`: which end of a lane leads to which start: arms of a junction, over medians too, the
   lanes of an arm in order, turns that fit, smooth ways that stay on the road, and every movement that a path made.
   Where a road is open but no lanes were found on it, no way is invented for the lanes that lead there.
6. `regulation`: stop lines, crossings, lights and speed limits of the lanes they rule.
7. `pieces`: all of it clipped to the tile.

Seams are equal by construction. Every step decides on a point from what lies within a fixed distance of it, and the
distances together (`LaneGraphConfig.reach_m`) are less than the 100 m that the neighbouring tiles reach, so two tiles
that share a border find the same vertices on it. Anchors of samples are the vertices of map elements at rest and the
poses of whole drives, neither of which depend on the tile at work. A tile writes only what lies in its core; the
tiles stage names the pieces and puts final ids into the references between them. `routing` works on whole lanes.
"""
