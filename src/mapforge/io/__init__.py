"""Files: atomic writes, fingerprints, Parquet, GeoParquet, rasters, the workspace's layout. No computing."""
