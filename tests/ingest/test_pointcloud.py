"""PointCloud2 of many makes: field names, types, paddings, byte orders and time units."""

from __future__ import annotations

import numpy as np
import pytest
from ingest_logs import START_NS, cloud_message, definition, random_points
from mcap_ros2.writer import serialize_dynamic

from mapforge.errors import LogError
from mapforge.ingest.pointcloud import PointCloud, read_pointcloud

DATATYPE = "sensor_msgs/msg/PointCloud2"
encode = serialize_dynamic(DATATYPE, definition(DATATYPE))[DATATYPE]


def decode(points: np.ndarray, **kwargs: int) -> PointCloud:
    return read_pointcloud(memoryview(encode(cloud_message(START_NS, "/lidar", points, **kwargs))))


def points_with(*fields: tuple[str, str], rows: int = 60) -> np.ndarray:
    return random_points(1, rows, np.dtype([("x", "<f4"), ("y", "<f4"), ("z", "<f4"), *fields]))


@pytest.mark.parametrize(("height", "padding"), [(1, 0), (4, 0), (4, 12)])
def test_xyz_through_rows_and_padding(height: int, padding: int) -> None:
    points = points_with(("intensity", "<f4"))
    cloud = decode(points, height=height, padding=padding)
    assert (cloud.timestamp_ns, cloud.frame) == (START_NS, "lidar")
    for row, name in zip(cloud.xyz(), "xyz"):
        np.testing.assert_array_equal(row, points[name])


def test_unaligned_doubles_and_big_endian() -> None:
    kind = np.dtype([("tag", "u1"), ("x", ">f8"), ("y", ">f8"), ("z", ">f8")])
    points = random_points(2, 10, kind)
    message = cloud_message(START_NS, "l", points)
    message["is_bigendian"] = True
    cloud = read_pointcloud(memoryview(encode(message)))
    np.testing.assert_allclose(cloud.xyz()[2], points["z"].astype(np.float32))


@pytest.mark.parametrize("name", ["intensity", "reflectivity", "i"])
@pytest.mark.parametrize(
    ("kind", "most", "scale"),
    [("u1", 40, 255.0), ("<f4", 1, 1.0), ("<f4", 255, 255.0), ("<u2", 4000, 4095.0), ("<u2", 60000, 65535.0)],
)
def test_intensity_is_scaled_to_one(name: str, kind: str, most: float, scale: float) -> None:
    points = points_with((name, kind))
    points[name] = np.linspace(0, most, len(points)).astype(kind)
    cloud = decode(points)
    assert cloud.intensity_scale() == scale
    np.testing.assert_allclose(cloud.intensity(scale), points[name] / scale, rtol=1e-5)


def test_intensity_that_is_not_a_number_is_dark() -> None:
    points = points_with(("intensity", "<f4"))
    points["intensity"][:3] = (np.nan, np.inf, -5.0)
    assert decode(points).intensity(255.0)[:3].tolist() == [0.0, 1.0, 0.0]


@pytest.mark.parametrize("name", ["ring", "channel", "line"])
@pytest.mark.parametrize("kind", ["u1", "<u2", "<f4"])
def test_ring(name: str, kind: str) -> None:
    points = points_with((name, kind))
    points[name] = np.arange(len(points))
    assert decode(points).ring().tolist() == list(range(len(points)))


OFFSETS = np.linspace(0, 99_000_000, 60).round()


@pytest.mark.parametrize(
    ("name", "kind", "values", "tolerance"),
    [
        ("t", "<u4", OFFSETS, 0),
        ("offset_time", "<u4", OFFSETS, 0),
        ("time", "<u4", OFFSETS / 1e3, 1000),
        ("time", "<f4", OFFSETS * 1e-9, 10),
        ("time", "<f4", OFFSETS * 1e-6, 10),
        ("time", "<f4", OFFSETS * 1e-3, 10),
        ("time", "<f4", (OFFSETS - 99_000_000) * 1e-9, 10),
        ("timestamp", "<f8", START_NS * 1e-9 + OFFSETS * 1e-9, 300),
        ("timestamp", "<f8", START_NS + OFFSETS, 300),
    ],
)
def test_time_of_each_point(name: str, kind: str, values: np.ndarray, tolerance: float) -> None:
    points = points_with(("intensity", "u1"), (name, kind))
    points[name] = values
    expected = OFFSETS - 99_000_000 if values.min() < 0 else OFFSETS
    np.testing.assert_allclose(decode(points).offset_ns(), expected, atol=tolerance)


def test_times_of_another_clock_count_from_the_first_point() -> None:
    points = points_with(("timestamp", "<f8"))
    points["timestamp"] = 1_500_000_000 + OFFSETS * 1e-9
    np.testing.assert_allclose(decode(points).offset_ns(), OFFSETS, atol=300)


def test_what_is_lidar_radar_or_neither() -> None:
    assert decode(points_with(("intensity", "u1"))).is_lidar
    radar = decode(points_with(("velocity", "<f4"), ("rcs", "<f4")))
    assert radar.is_radar and not radar.is_lidar
    assert not decode(points_with(("rgb", "<f4"))).is_lidar


def test_what_does_not_fit_is_refused() -> None:
    with pytest.raises(LogError, match="without field z"):
        decode(np.zeros(3, np.dtype([("x", "<f4"), ("y", "<f4")])))
    for change in ({"point_step": 8}, {"width": 10**6}, {"row_step": 3}):
        message = {**cloud_message(START_NS, "l", points_with(("ring", "u1"))), **change}
        with pytest.raises(LogError, match="bytes"):
            read_pointcloud(memoryview(encode(message)))
    whole = encode(cloud_message(START_NS, "l", points_with(("ring", "u1"))))
    for length in range(0, len(whole) - 1, 37):
        with pytest.raises(LogError):
            read_pointcloud(memoryview(whole[:length]))


def test_an_empty_cloud_has_no_points() -> None:
    cloud = decode(points_with(("ring", "u1"), rows=0))
    assert cloud.xyz().shape == (3, 0) and cloud.offset_ns() is None
