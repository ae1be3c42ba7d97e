"""The words of the map: classes of elements and the values their attributes take. Needs nothing but Python."""

from __future__ import annotations

from enum import StrEnum


class ElementClass(StrEnum):
    """Classes of map elements (terms of AV2 and nuScenes)."""

    LANE_DIVIDER = "lane_divider"
    ROAD_BOUNDARY = "road_boundary"
    PED_CROSSING = "ped_crossing"
    STOP_LINE = "stop_line"
    LANE = "lane"
    TRAFFIC_SIGN = "traffic_sign"
    TRAFFIC_LIGHT = "traffic_light"
    ROAD_MARKING = "road_marking"
    DRIVABLE_AREA = "drivable_area"
    COVERAGE = "coverage"


LINE_CLASSES = (ElementClass.LANE_DIVIDER, ElementClass.ROAD_BOUNDARY, ElementClass.STOP_LINE)
POINT_CLASSES = (ElementClass.TRAFFIC_SIGN, ElementClass.TRAFFIC_LIGHT)
AREA_CLASSES = (ElementClass.PED_CROSSING, ElementClass.DRIVABLE_AREA, ElementClass.COVERAGE)

MARKING_TYPES = (
    "none",
    "solid",
    "dashed",
    "double_solid",
    "double_dashed",
    "solid_dashed",
    "dashed_solid",
    "botts_dots",
)
NOT_TO_CROSS = ("solid", "double_solid")
"""Markings over which lanes are not changed."""
COLOURS = ("unknown", "white", "yellow", "blue")
BOUNDARY_TYPES = ("curb", "edge")
TURNS = ("left", "straight", "right", "u_turn")
"""Of lanes that lead through a junction; other lanes have none."""
LANE_TYPES = ("vehicle", "bus", "bike", "parking")
