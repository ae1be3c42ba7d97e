"""Moving vehicles that one drive saw (observations/traffic/<drive_id>.parquet)."""

from __future__ import annotations

import pyarrow as pa

TRAFFIC = pa.schema(
    [
        ("timestamp_ns", pa.int64()),  # when the place was passed
        ("x_m", pa.float64()),  # absolute projected metres of the workspace's CRS
        ("y_m", pa.float64()),
        ("z_m", pa.float64()),  # of the road there
        ("heading_rad", pa.float64()),  # map-frame direction of travel
        ("speed_mps", pa.float64()),
    ]
)
