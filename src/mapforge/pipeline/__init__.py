"""The arrow of the data, drawn once: logs -> drives -> trajectories -> rasters -> observations -> elements -> tiles."""
