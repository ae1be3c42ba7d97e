"""The arrow of the data, drawn once: logs -> drives -> trajectories -> rasters -> observations -> elements -> tiles."""

from mapforge.pipeline.region import RegionResult, build_region

__all__ = ["RegionResult", "build_region"]
