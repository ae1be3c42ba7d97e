"""KITTI raw drives: generated ones and, where they lie beside the repository, real ones."""

from __future__ import annotations

import runpy
from pathlib import Path

import numpy as np
import pytest
from ingest_logs import Ingest, hdl64_points, write_kitti

from mapforge.errors import DriveRefusedError, LogError
from mapforge.geometry.crs import projected_to_wgs84
from mapforge.ingest.kitti import ring_of
from mapforge.io.fingerprint import sha256_of_file

REAL = Path(__file__).resolve().parents[2].parent / "shared" / "data" / "kitti_raw"


def test_sweeps_in_the_imus_frame(tmp_path: Path, ingest: Ingest) -> None:
    drive = ingest(write_kitti(tmp_path))
    assert drive.manifest.reference_lon_lat_deg is None
    assert not drive.manifest.motion_compensated
    assert drive.manifest.drive_id == "2011_09_26_drive_0001_sync"
    assert drive.manifest.start_ns == 1_317_042_145_000_000_000
    for i, sweep in enumerate(drive.sweeps()):
        points = hdl64_points(i)
        np.testing.assert_allclose(sweep.xyz_ego, points[:, :3] + [0.8, -0.3, 0.8], atol=1e-5)
        np.testing.assert_array_equal(sweep.intensity, points[:, 3])
        np.testing.assert_array_equal(sweep.ring, np.repeat(np.arange(64), 90))


def test_points_are_timed_clockwise_around_straight_ahead(tmp_path: Path, ingest: Ingest) -> None:
    sweep = ingest(write_kitti(tmp_path)).sweep(0)
    azimuth = np.arctan2(*(sweep.xyz_ego - np.float32([0.8, -0.3, 0.8])).T[[1, 0]])
    for angle, offset in ((0.0, 0), (np.pi / 2, -25e6), (-np.pi / 2, 25e6)):
        nearest = np.abs(azimuth - angle).argmin()
        assert sweep.offset_ns[nearest] == pytest.approx(offset, abs=1e6)


def test_rings_by_elevation_where_the_order_is_lost() -> None:
    points = hdl64_points()[np.random.default_rng(0).permutation(64 * 90)]
    xyz = points[:, :3].T
    expected = np.round((2.0 - np.degrees(np.arctan2(xyz[2], np.hypot(xyz[0], xyz[1])))) / 26.9 * 63)
    np.testing.assert_array_equal(ring_of(np.arctan2(xyz[1], xyz[0]), xyz), expected)


def test_oxts_gives_fixes_imu_speed_and_poses(tmp_path: Path, ingest: Ingest) -> None:
    drive = ingest(write_kitti(tmp_path, oxts=True))
    assert drive.manifest.reference_lon_lat_deg == (8.4, 49.0)
    fix = drive.table("gnss").to_pylist()[0]
    assert (fix["lat_deg"], fix["height_m"]) == (49.0, 116.0)
    assert fix["cov_enu_m2"][::4] == pytest.approx([0.0025] * 3)
    assert drive.table("imu").to_pylist()[0]["az_mps2"] == 9.8
    assert drive.table("vehicle").to_pylist()[0]["speed_mps"] == 8.0
    poses = drive.table("poses").to_pylist()
    assert {(p["frame"], p["source"]) for p in poses} == {("EPSG:32632", "gnss_ins")}
    back = projected_to_wgs84(32632, np.array([[p["tx_m"], p["ty_m"], p["tz_m"]] for p in poses]))
    np.testing.assert_allclose(back[:, 0], 8.4 + np.arange(3) * 1e-5, atol=1e-9)


def test_oxts_heading_is_turned_into_the_grid(tmp_path: Path, ingest: Ingest) -> None:
    """A step along the heading, taken on the ellipsoid, must go where the pose's x axis points in the grid."""
    from scipy.spatial.transform import Rotation

    pose = ingest(write_kitti(tmp_path, oxts=True)).table("poses").to_pylist()[0]
    forward = Rotation.from_quat([pose["qx"], pose["qy"], pose["qz"], pose["qw"]]).apply([1.0, 0.0, 0.0])
    start = np.array([[pose["tx_m"], pose["ty_m"], 0.0]])
    lon, lat, _ = projected_to_wgs84(32632, start)[0]
    ahead_lon, ahead_lat, _ = projected_to_wgs84(32632, start + 100.0 * forward * [1, 1, 0])[0]
    east = (ahead_lon - lon) * 111_412.8 * np.cos(np.radians(lat))
    north = (ahead_lat - lat) * 111_205.0
    assert np.arctan2(north, east) == pytest.approx(0.5, abs=2e-3)
    assert forward[2] == pytest.approx(np.sin(0.02), abs=1e-6)


def test_pictures_and_their_camera(tmp_path: Path, ingest: Ingest) -> None:
    drive = ingest(write_kitti(tmp_path, images=True))
    frames = list(drive.camera_frames())
    assert [(f.sensor, f.encoding, f.width_px) for f in frames] == [("cam_02", "png", 62)] * 3
    camera = drive.calibration()["cam_02"]
    assert camera.intrinsics == (720.0, 720.0, 610.0, 173.0)
    np.testing.assert_allclose(camera.ego_SE3_sensor.rotation @ [0, 0, 1], [1, 0, 0], atol=1e-9)
    np.testing.assert_allclose(camera.ego_SE3_sensor.translation_m, [0.27 + 0.8, 0.06 - 0.3, -0.08 + 0.8], atol=1e-9)


def test_damaged_files(tmp_path: Path, ingest: Ingest) -> None:
    drive_folder = write_kitti(tmp_path, sweeps=4, oxts=True)
    data = drive_folder / "velodyne_points" / "data"
    whole = (data / "0000000001.bin").read_bytes()
    (data / "0000000001.bin").write_bytes(whole[:-3])
    (drive_folder / "oxts" / "data" / "0000000002.txt").write_text("49.0 8.4 nonsense")
    (data / "0000000009.bin").write_bytes(whole)
    manifest = ingest(drive_folder).manifest
    assert manifest.rows("lidar") == 3 * 64 * 90 and manifest.rows("gnss") == 3
    assert manifest.quarantined == {
        "gnss: oxts file damaged": 1,
        "lidar: file without a line in timestamps.txt": 1,
        "lidar: sweep: file is no whole number of points": 1,
    }
    (drive_folder / "velodyne_points" / "timestamps.txt").write_text("yesterday\n" * 9)
    with pytest.raises(LogError, match=r"timestamps\.txt: 'yesterday'"):
        ingest(drive_folder)
    (drive_folder / "velodyne_points" / "timestamps.txt").unlink()
    with pytest.raises(LogError, match=r"timestamps\.txt is missing"):
        ingest(drive_folder)


def test_a_wrong_calibration_is_refused(tmp_path: Path, ingest: Ingest) -> None:
    drive_folder = write_kitti(tmp_path)
    calibration = drive_folder.parent / "calib_imu_to_velo.txt"
    calibration.write_text("R: 1 0 0 0 1 0 0 0 0\nT: 0 0 0\n")
    with pytest.raises(DriveRefusedError, match=r"calib_imu_to_velo\.txt.*velodyne"):
        ingest(drive_folder)
    calibration.write_text("R: 1 0 0\nT: 0 0 0\n")
    with pytest.raises(LogError, match=r"calib_imu_to_velo\.txt.*'R' holds 3 numbers"):
        ingest(drive_folder)
    calibration.unlink()
    assert any("velodyne" in warning for warning in ingest(drive_folder).manifest.warnings)


@pytest.mark.skipif(not REAL.is_dir(), reason="no real KITTI drives beside the repository")
def test_a_real_drive(tmp_path: Path, ingest: Ingest) -> None:
    unpack = runpy.run_path(str(REAL / "unpack_kitti_raw.py"))
    name = "2011_09_26_drive_9002_sync"
    source, target = REAL / "2011_09_26" / name, tmp_path / "2011_09_26" / name
    (target / "velodyne_points" / "data").mkdir(parents=True)
    (target / "velodyne_points" / "timestamps.txt").write_bytes(
        (source / "velodyne_points" / "timestamps.txt").read_bytes()
    )
    for path in sorted((source / "velodyne_points" / "data").glob("*.parquet"))[:3]:
        unpack["decode"](path).tofile(target / "velodyne_points" / "data" / f"{path.stem}.bin")
    drive = ingest(target)
    sweep = drive.sweep(0)
    assert len(sweep.xyz_ego) > 100_000 and sweep.ring.max() == 63
    elevation = np.degrees(np.arctan2(sweep.xyz_ego[:, 2], np.hypot(*sweep.xyz_ego[:, :2].T)))
    medians = [np.median(elevation[sweep.ring == ring]) for ring in range(64)]
    assert np.mean(np.diff(medians) < 0.0) > 0.95  # lasers sit a little apart, so near returns can swap neighbours
    assert len(sha256_of_file(drive.folder / "lidar.parquet")) == 64
