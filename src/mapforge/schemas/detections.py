"""Sign and traffic-light detections of one drive (observations/detections/<drive_id>.parquet)."""

from __future__ import annotations

import pyarrow as pa

SIGN_TYPES = (
    "stop",
    "yield",
    "speed_limit_30",
    "speed_limit_50",
    "speed_limit_70",
    "do_not_enter",
    "one_way",
    "keep_right",
    "no_left_turn",
    "no_right_turn",
    "no_u_turn",
    "no_parking",
    "pedestrian_crossing",
    "signal_ahead",
    "priority_road",
    "unknown",
)

DETECTIONS = pa.schema(
    [
        ("timestamp_ns", pa.int64()),
        ("sensor", pa.string()),
        ("class", pa.string()),  # traffic_sign or traffic_light
        ("sign_type", pa.string()),  # null for lights
        ("score", pa.float32()),
        ("x0_px", pa.float32()),
        ("y0_px", pa.float32()),
        ("x1_px", pa.float32()),
        ("y1_px", pa.float32()),
        ("x_m", pa.float64()),  # centre, absolute projected metres of the workspace's CRS; NaN without range
        ("y_m", pa.float64()),
        ("z_m", pa.float64()),
        ("height_m", pa.float64()),  # centre above the ground
        ("heading_rad", pa.float64()),  # map-frame direction the face points to (towards its reader)
        ("range_m", pa.float64()),
        ("sigma_m", pa.float64()),  # one-sigma horizontal position
        ("n_lidar", pa.int32()),  # lidar returns that gave the range
        ("type_shares", pa.list_(pa.float32())),  # how likely each of SIGN_TYPES is, null for lights
        ("embedding", pa.list_(pa.float32())),  # unit vector, alike for signs that look alike
    ]
)
