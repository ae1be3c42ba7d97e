"""A world from above: asphalt, paint, truth, and where cars drove."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import shapely
from numpy.typing import NDArray
from PIL import Image, ImageDraw

from mapforge.schemas.elements import ElementClass
from mapforge.simulation.world import DrivePlan, World

BACKGROUND = (226, 232, 222)
ASPHALT = (150, 152, 155)
PAINT = {"white": (255, 255, 255), "yellow": (250, 205, 60), "blue": (90, 150, 250)}
TRUTH = {
    ElementClass.LANE_DIVIDER: (215, 40, 40),
    ElementClass.ROAD_BOUNDARY: (20, 40, 150),
    ElementClass.PED_CROSSING: (150, 40, 170),
    ElementClass.STOP_LINE: (0, 130, 60),
    ElementClass.TRAFFIC_SIGN: (0, 110, 140),
    ElementClass.TRAFFIC_LIGHT: (230, 120, 0),
}
ROUTES = ((255, 120, 20), (20, 170, 220), (230, 60, 180), (90, 180, 30), (120, 90, 240), (200, 160, 0))


def draw_world(
    world: World, plans: Sequence[DrivePlan] = (), px_per_m: float = 4.0, bounds_m: Sequence[float] | None = None
) -> Image.Image:
    """A picture, north up. bounds_m: (xmin, ymin, xmax, ymax) of the map frame; None: all asphalt and 10 m."""
    area = shapely.union_all([e.geometry for e in world.truth if e.element_class == ElementClass.DRIVABLE_AREA])
    xmin, ymin, xmax, ymax = bounds_m or shapely.bounds(area) + np.array([-10.0, -10.0, 10.0, 10.0])
    size = (int((xmax - xmin) * px_per_m), int((ymax - ymin) * px_per_m))
    image = Image.new("RGB", size, BACKGROUND)
    draw = ImageDraw.Draw(image)

    def px(coordinates: NDArray) -> list[tuple[float, float]]:
        return [(float((x - xmin) * px_per_m), float((ymax - y) * px_per_m)) for x, y in coordinates[:, :2]]

    for part in shapely.get_parts(area):
        draw.polygon(px(shapely.get_coordinates(part.exterior)), fill=ASPHALT)
        for hole in part.interiors:
            draw.polygon(px(shapely.get_coordinates(hole)), fill=BACKGROUND)
    for mark in world.paint:
        fresh = np.array(PAINT.get(mark.colour, PAINT["white"])) * (1 - mark.wear) + np.array(ASPHALT) * mark.wear
        draw.polygon(px(shapely.get_coordinates(mark.area.exterior)), fill=tuple(int(v) for v in fresh))
    for number, plan in enumerate(plans):
        draw.line(px(plan.translation_m[::10]), fill=ROUTES[number % len(ROUTES)], width=2)
    for element in world.truth:
        colour = TRUTH.get(element.element_class)
        points = px(element.xyz_map) if colour else []
        if len(points) == 1:
            (x, y), heading = points[0], element.attributes["heading_rad"]
            draw.ellipse([x - 3, y - 3, x + 3, y + 3], fill=colour)
            draw.line([(x, y), (x + 8 * np.cos(heading), y - 8 * np.sin(heading))], fill=colour, width=2)
        elif points:
            draw.line(points, fill=colour, width=1)
    return image
