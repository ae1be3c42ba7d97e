"""Bird's-eye rasters and observations: named channels over one grid."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from numpy.typing import NDArray

if TYPE_CHECKING:  # the vocabulary of training must not bring pyproj with it
    from mapforge.geometry.grid import BevGrid

SURFACE_BAND_M = 0.3
"""Returns within this of the ground surface are surface returns: they carry paint and curbs."""

LIDAR_CHANNELS = (
    "surface_hits",  # uint16: surface returns in the cell
    "sweeps",  # uint16: distinct sweeps with any return in the cell's column
    "intensity_mean",  # float16, of surface returns, relative to the drive's own road at that range (1 = road)
    "intensity_max",  # float16
    "intensity_std",  # float16
    "height_mean_m",  # float16, of surface returns, above the ground surface
    "height_min_m",  # float16
    "height_max_m",  # float16
    "height_std_m",  # float16
    "obstacle_ratio",  # float16: share of the column's sweeps that met something 0.3..3 m above ground
    "ground_z_m",  # float32: the ground surface, map-frame height (NaN where unknown)
)
CAMERA_CHANNELS = ("red", "green", "blue", "camera_hits")  # uint8; colour is 0 where camera_hits is 0


@dataclass(frozen=True, eq=False)
class BevRaster:
    """What one drive's sensors saw in one tile, without halo.

    channels: name -> (rows, columns) array; camera channels are absent in a drive without cameras.
    Cells never hit hold 0 (NaN in `ground_z_m`).
    """

    grid: BevGrid
    channels: dict[str, NDArray]
    metadata: dict[str, str] = field(default_factory=dict)


OBSERVED_LINE_CLASSES = ("lane_divider", "road_boundary", "stop_line")
OBSERVED_AREA_CLASSES = ("ped_crossing", "drivable_area")
OBSERVATION_RESOLUTION_M = 0.2
OFFSET_STEP_M = 0.005
"""Line offsets are int8 multiples of this: +-0.635 m."""

OBSERVATION_CHANNELS = (
    *(f"p_{name}" for name in (*OBSERVED_LINE_CLASSES, *OBSERVED_AREA_CLASSES)),  # uint8: probability * 255
    *(f"offset_{axis}_{name}" for name in OBSERVED_LINE_CLASSES for axis in ("x", "y")),  # int8, OFFSET_STEP_M
    *(f"direction_{part}_{name}" for name in OBSERVED_LINE_CLASSES for part in ("cos2", "sin2")),  # int8 / 127
    "marking_type",  # uint8: index into MARKING_TYPES, most likely, where p_lane_divider is not negligible
    "colour",  # uint8: index into COLOURS
    "p_curb",  # uint8: that a road boundary here is a curb rather than an edge
    "seen",  # uint8: 1 where the network looked: near returns of the drive's lidar
    "hit",  # uint8: 1 where a surface return lies in the cell
    "ground_z_m",  # float32, map-frame height, NaN unknown
)
