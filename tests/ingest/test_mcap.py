"""MCAP logs: every message type comes out as its table's rows, whatever its topic and frame are called."""

from __future__ import annotations

import io
from pathlib import Path

import numpy as np
import pytest
from ingest_logs import (
    START_NS,
    STEP_NS,
    Ingest,
    Message,
    cloud_message,
    header,
    lidar_message,
    random_points,
    static_message,
    transform,
    write_mcap,
)
from mcap.writer import CompressionType, Writer
from PIL import Image

from mapforge.errors import DriveRefusedError, LogError

HALF = float(np.sqrt(0.5))


def stamped(topic: str, datatype: str, frame: str, i: int = 0, **fields: object) -> Message:
    time_ns = START_NS + i * STEP_NS
    return topic, datatype, {"header": header(time_ns, frame), **fields}, time_ns


def jpeg(width: int = 40, height: int = 30) -> bytes:
    stream = io.BytesIO()
    Image.new("RGB", (width, height), (200, 10, 10)).save(stream, "JPEG")
    return stream.getvalue()


@pytest.mark.parametrize("compression", list(CompressionType))
def test_sweeps_are_moved_to_the_car(tmp_path: Path, ingest: Ingest, compression: CompressionType) -> None:
    """Two steps of transforms, one of them a quarter turn, whatever the frames are called."""
    tree = static_message(
        transform("base_link", "roof", (1.0, 0.0, 1.5)),
        transform("roof", "os_sensor", (0.0, 0.2, 0.3), (HALF, 0, 0, HALF)),
    )
    drive = ingest(write_mcap(tmp_path / "a.mcap", [tree, *(lidar_message(i) for i in range(3))], compression))
    assert drive.manifest.warnings == () and drive.manifest.quarantined == {}
    assert drive.manifest.sensors == ("os_sensor",)
    assert not drive.manifest.motion_compensated
    for i, sweep in enumerate(drive.sweeps()):
        points = random_points(i)
        expected = np.stack([-points["y"] + 1.0, points["x"] + 0.2, points["z"] + 1.8], axis=1)
        np.testing.assert_allclose(sweep.xyz_ego, expected, atol=1e-5)
        np.testing.assert_allclose(sweep.intensity, points["intensity"] / 255, atol=1e-6)
        np.testing.assert_array_equal(sweep.ring, points["ring"])
        np.testing.assert_array_equal(sweep.offset_ns, points["t"])
        assert sweep.timestamp_ns == START_NS + i * STEP_NS
    place = drive.calibration()["os_sensor"].ego_SE3_sensor
    np.testing.assert_allclose(place.translation_m, [1.0, 0.2, 1.8])


def test_transforms_may_come_last(tmp_path: Path, ingest: Ingest) -> None:
    tree = static_message(transform("base_link", "os_sensor", (5.0, 0.0, 0.0)))
    drive = ingest(write_mcap(tmp_path / "a.mcap", [*(lidar_message(i) for i in range(3)), tree]))
    np.testing.assert_allclose(drive.sweep(0).xyz_ego[:, 0], random_points(0)["x"] + 5.0, atol=1e-5)


def test_without_transforms_the_lidar_is_the_car_and_that_is_said(tmp_path: Path, ingest: Ingest) -> None:
    drive = ingest(write_mcap(tmp_path / "a.mcap", [lidar_message(0)]))
    np.testing.assert_allclose(drive.sweep(0).xyz_ego[:, 0], random_points(0)["x"])
    assert any("os_sensor" in warning for warning in drive.manifest.warnings)


def test_two_lidars_keep_apart_and_in_order(tmp_path: Path, ingest: Ingest) -> None:
    messages = [lidar_message(i, frame, f"/{frame}/points") for i in range(3) for frame in ("left", "right")]
    drive = ingest(write_mcap(tmp_path / "a.mcap", messages))
    assert drive.manifest.sensors == ("left", "right")
    assert drive.sweep_index().sensors == ("left", "right") * 3
    assert len(list(drive.sweeps(sensor="right"))) == 3


def test_rows_of_the_other_tables(tmp_path: Path, ingest: Ingest) -> None:
    one = {"x": 1.0, "y": 2.0, "z": 3.0}
    pose = {"position": one, "orientation": {"x": 0.0, "y": 0.0, "z": HALF, "w": HALF}}
    twist = {"linear": {"x": 7.0, "y": 0.0, "z": 0.0}, "angular": {"x": 0.0, "y": 0.0, "z": 0.2}}
    covariance = [float(i) for i in range(9)]
    returns = [{"range": 10.0, "azimuth": np.pi / 2, "elevation": 0.0, "doppler_velocity": -3.0, "amplitude": 12.0}]
    messages = [
        static_message(transform("base_link", "radar", (3.0, 0.0, 0.5)), transform("base_link", "cam", (1, 0, 1))),
        lidar_message(0),
        stamped("/a", "sensor_msgs/msg/Imu", "imu", angular_velocity=one, linear_acceleration={**one, "z": 9.8}),
        stamped(
            "/b",
            "sensor_msgs/msg/NavSatFix",
            "gps",
            status={"status": 2, "service": 1},
            latitude=48.1,
            longitude=11.5,
            altitude=520.0,
            position_covariance=covariance,
            position_covariance_type=2,
        ),
        stamped("/c", "nav_msgs/msg/Odometry", "odom", child_frame_id="base_link", pose={"pose": pose}),
        stamped("/d", "geometry_msgs/msg/TwistStamped", "base_link", twist=twist),
        stamped("/e", "radar_msgs/msg/RadarScan", "radar", returns=returns),
        stamped("/f", "sensor_msgs/msg/CompressedImage", "cam", format="jpeg", data=jpeg()),
        stamped(
            "/g",
            "sensor_msgs/msg/CameraInfo",
            "cam",
            width=40,
            height=30,
            distortion_model="plumb_bob",
            d=[0.1, 0.2, 0.0, 0.0, 0.3],
            k=[50.0, 0, 20.0, 0, 51.0, 15.0, 0, 0, 1.0],
        ),
        stamped("/h", "geometry_msgs/msg/PoseStamped", "EPSG:32632", 1, pose=pose),
        stamped("/i", "ackermann_msgs/msg/AckermannDriveStamped", "", 1, drive={"speed": 6.5, "steering_angle": 0.25}),
    ]
    drive = ingest(write_mcap(tmp_path / "a.mcap", messages))
    assert drive.manifest.quarantined == {}
    assert drive.manifest.reference_lon_lat_deg == (11.5, 48.1)
    imu = drive.table("imu").to_pylist()[0]
    assert (imu["ax_mps2"], imu["az_mps2"], imu["gx_radps"], imu["gz_radps"]) == (1.0, 9.8, 1.0, 3.0)
    fix = drive.table("gnss").to_pylist()[0]
    assert (fix["lat_deg"], fix["fix_type"], fix["cov_enu_m2"]) == (48.1, 2, covariance)
    odometry, absolute = drive.table("poses").to_pylist()
    assert (odometry["frame"], odometry["source"], odometry["tx_m"]) == ("local", "odometry", 1.0)
    assert (absolute["frame"], absolute["source"]) == ("EPSG:32632", "dataset")
    assert absolute["qz"] == pytest.approx(HALF)
    vehicle = {row["timestamp_ns"]: row for row in drive.table("vehicle").to_pylist() if row["speed_mps"]}
    assert vehicle[START_NS]["speed_mps"] == 7.0 and np.isnan(vehicle[START_NS]["wheel_fl_mps"])
    assert vehicle[START_NS + STEP_NS]["steering_angle_rad"] == pytest.approx(0.25)
    radar = drive.table("radar").to_pylist()[0]
    assert [radar[name] for name in ("x_m", "y_m", "z_m")] == pytest.approx([3.0, 10.0, 0.5], abs=1e-5)
    assert (radar["radial_velocity_mps"], radar["rcs_dbsm"], radar["sensor"]) == (-3.0, 12.0, "radar")
    (frame,) = drive.camera_frames()
    assert (frame.sensor, frame.encoding, frame.width_px, frame.height_px) == ("cam", "jpeg", 40, 30)
    assert frame.image == jpeg()
    camera = drive.calibration()["cam"]
    assert (camera.model, camera.intrinsics, camera.width_px) == ("pinhole", (50.0, 51.0, 20.0, 15.0), 40)
    assert camera.distortion == (0.1, 0.2, 0.0, 0.0, 0.3)


@pytest.mark.parametrize(("factor", "unit"), [(1.0, "m/s"), (1 / 0.33, "rad/s")])
def test_wheels_in_either_unit(tmp_path: Path, ingest: Ingest, factor: float, unit: str) -> None:
    names = ["front_left_wheel_joint", "wheel_fr", "rear-left", "rr", "steering"]
    messages = [lidar_message(0)]
    for i in range(4):
        speed = 3.0 * i
        twist = {"linear": {"x": speed, "y": 0.0, "z": 0.0}}
        messages.append(stamped("/twist", "geometry_msgs/msg/TwistStamped", "base", i, twist=twist))
        state = {"name": names, "position": [0.0] * 4 + [0.1], "velocity": [speed * factor] * 4 + [0.0]}
        messages.append(stamped("/joints", "sensor_msgs/msg/JointState", "base", i, **state))
    table = ingest(write_mcap(tmp_path / "a.mcap", messages), wheel_radius_m=0.33).table("vehicle")
    for name in ("wheel_fl_mps", "wheel_fr_mps", "wheel_rl_mps", "wheel_rr_mps"):
        values = table[name].to_numpy()
        np.testing.assert_allclose(values[np.isfinite(values)], [0.0, 3.0, 6.0, 9.0])
    assert np.nanmax(table["steering_angle_rad"].to_numpy()) == pytest.approx(0.1), unit


def test_raw_images_become_png(tmp_path: Path, ingest: Ingest) -> None:
    pixels = np.arange(4 * 5 * 3, dtype=np.uint8).reshape(4, 5, 3)
    padded = np.concatenate([pixels.reshape(4, 15), np.zeros((4, 1), np.uint8)], axis=1).tobytes()
    fields = {"height": 4, "width": 5, "encoding": "bgr8", "step": 16, "data": padded}
    messages = [lidar_message(0), stamped("/raw", "sensor_msgs/msg/Image", "cam", **fields)]
    messages.append(stamped("/depth", "sensor_msgs/msg/Image", "depth", **{**fields, "encoding": "32FC1"}))
    drive = ingest(write_mcap(tmp_path / "a.mcap", messages))
    (frame,) = drive.camera_frames()
    np.testing.assert_array_equal(np.asarray(Image.open(io.BytesIO(frame.image))), pixels[..., ::-1])
    assert any("/depth" in key for key in drive.manifest.quarantined)


def test_bad_rows_are_left_out_counted_and_named(tmp_path: Path, ingest: Ingest) -> None:
    def imu(i: int, ax: float = 0.0) -> Message:
        acceleration = {"x": ax, "y": 0.0, "z": 9.8}
        zero = {"x": 0.0, "y": 0.0, "z": 0.0}
        return stamped("/imu", "sensor_msgs/msg/Imu", "imu", i, linear_acceleration=acceleration, angular_velocity=zero)

    bad = random_points(9)
    bad["x"][:5] = np.nan
    bad[["x", "y", "z"]][5:7] = 0
    for name in "xyz":
        bad[name][5:7] = 0
    bad["y"][7:10] = 1e6
    time_ns = START_NS + 2 * STEP_NS
    messages = [
        lidar_message(0),
        lidar_message(1),
        lidar_message(1),
        lidar_message(0),
        ("/points", "sensor_msgs/msg/PointCloud2", cloud_message(time_ns, "os_sensor", bad), time_ns),
        imu(0),
        imu(1, float("nan")),
        imu(2, 1e5),
        imu(3),
        imu(3),
        imu(2),
        imu(4),
        imu(10**7),
        imu(5),
        ("/chatter", "std_msgs/msg/String", {"data": "hello"}, time_ns),
        stamped("/imu2", "sensor_msgs/msg/Imu", "other"),
    ]
    drive = ingest(write_mcap(tmp_path / "a.mcap", messages))
    assert drive.manifest.quarantined == {
        "lidar: NaN or infinite point": 5,
        "lidar: point nearer than the minimum range": 2,
        "lidar: point out of range": 3,
        "lidar: sweep: duplicate time": 1,
        "lidar: sweep: time goes backwards": 1,
        "imu: NaN": 1,
        "imu: ax_mps2 out of range": 1,
        "imu: duplicate time": 1,
        "imu: time goes backwards": 1,
        "imu: time jumps": 1,
        "imu: second source (topic /imu2; /imu is used)": 1,
        "log: message type std_msgs/msg/String is not used": 1,
    }
    assert [(t - START_NS) // STEP_NS for t in drive.table("imu")["timestamp_ns"].to_pylist()] == [0, 3, 4, 5]
    assert len(drive.sweep(2).xyz_ego) == 290


def test_a_wrong_calibration_refuses_the_drive(tmp_path: Path, ingest: Ingest) -> None:
    far = write_mcap(
        tmp_path / "far.mcap", [static_message(transform("ego", "os_sensor", (120, 0, 0))), lidar_message(0)]
    )
    with pytest.raises(DriveRefusedError, match=r"os_sensor.*120\.0 m"):
        ingest(far)
    zero = static_message(transform("ego", "os_sensor", (0, 0, 0), (0, 0, 0, 0)))
    drive = ingest(write_mcap(tmp_path / "zero.mcap", [zero, lidar_message(0)]))
    assert drive.manifest.quarantined["calibration: transform with a quaternion of wrong length"] == 1
    assert any("length 0" in warning for warning in drive.manifest.warnings)


def test_a_drive_without_enough_sweeps_is_refused(tmp_path: Path, ingest: Ingest) -> None:
    path = write_mcap(tmp_path / "a.mcap", [lidar_message(0)])
    with pytest.raises(DriveRefusedError, match=r"1 good lidar sweeps.*min_sweeps"):
        ingest(path, min_sweeps=2)
    blind = write_mcap(tmp_path / "b.mcap", [("/chatter", "std_msgs/msg/String", {"data": "hello"}, START_NS)])
    with pytest.raises(DriveRefusedError, match=r"no lidar|not used"):
        ingest(blind)


def test_other_encodings_are_named(tmp_path: Path, ingest: Ingest) -> None:
    path = tmp_path / "json.mcap"
    with path.open("wb") as stream:
        writer = Writer(stream)
        writer.start()
        schema = writer.register_schema("foxglove.PointCloud", "jsonschema", b"{}")
        channel = writer.register_channel("/points", "json", schema)
        writer.add_message(channel, START_NS, b"{}", START_NS)
        writer.finish()
    with pytest.raises(LogError, match=r"json\.mcap: topic /points is encoded as 'json'"):
        ingest(path)
