"""AV2 logs: generated ones and, where they lie beside the repository, real ones."""

from __future__ import annotations

import io
from pathlib import Path

import numpy as np
import pyarrow.feather as feather
import pytest
from ingest_logs import STEP_NS, Ingest, write_av2
from PIL import Image

from mapforge.errors import ConfigurationError, DriveRefusedError, LogError
from mapforge.geometry.crs import projected_to_wgs84

REAL = Path(__file__).resolve().parents[2].parent / "shared" / "data" / "av2"


def test_sweeps_bit_for_bit(tmp_path: Path, ingest: Ingest) -> None:
    log = write_av2(tmp_path / "log 1")
    drive = ingest(log)
    assert drive.manifest.motion_compensated
    files = sorted((log / "sensors" / "lidar").iterdir())
    for sweep, path in zip(drive.sweeps(), files, strict=True):
        table = feather.read_table(path)
        assert sweep.timestamp_ns == int(path.stem)
        np.testing.assert_array_equal(sweep.xyz_ego, np.stack([table[n].to_numpy() for n in "xyz"], axis=1))
        np.testing.assert_array_equal(sweep.ring, table["laser_number"])
        np.testing.assert_array_equal(sweep.offset_ns, table["offset_ns"])
        np.testing.assert_array_equal(np.round(sweep.intensity * 255), table["intensity"])


def test_poses_are_absolute(tmp_path: Path, ingest: Ingest) -> None:
    """The origin of Pittsburgh in UTM 17N by an independent computation (PROJ through another door)."""
    import pyproj

    drive = ingest(write_av2(tmp_path / "log"))
    pose = drive.table("poses").to_pylist()[0]
    east, north = pyproj.Proj(proj="utm", zone=17, ellps="WGS84")(-80.01294377242584, 40.44177902989321)
    assert pose["frame"] == "EPSG:32617" and pose["source"] == "dataset"
    assert (pose["tx_m"], pose["ty_m"]) == pytest.approx((east + 5000.0, north + 2400.0), abs=1e-6)
    lon, lat, _ = projected_to_wgs84(32617, np.array([[pose["tx_m"], pose["ty_m"], 0.0]]))[0]
    assert drive.manifest.reference_lon_lat_deg == pytest.approx((lon, lat))


def test_calibration(tmp_path: Path, ingest: Ingest) -> None:
    calibration = ingest(write_av2(tmp_path / "log")).calibration()
    camera = calibration["ring_front_center"]
    assert camera.intrinsics == (1700.0, 1700.0, 775.0, 1024.0)
    assert camera.distortion == (-0.2, -0.1, 0.0, 0.0, 0.1)
    np.testing.assert_allclose(camera.ego_SE3_sensor.rotation @ [0, 0, 1], [1, 0, 0], atol=1e-12)
    np.testing.assert_allclose(calibration["lidar"].ego_SE3_sensor.translation_m, [1.3, 0, 1.6])


def test_pictures(tmp_path: Path, ingest: Ingest) -> None:
    log = write_av2(tmp_path / "log")
    folder = log / "sensors" / "cameras" / "ring_front_center"
    folder.mkdir(parents=True)
    stream = io.BytesIO()
    Image.new("RGB", (20, 10)).save(stream, "JPEG")
    for i in range(2):
        (folder / f"{315966265259836000 + i * STEP_NS}.jpg").write_bytes(stream.getvalue())
    (folder / "315966265999999999.jpg").write_bytes(b"nonsense")
    drive = ingest(log)
    frames = list(drive.camera_frames())
    assert [f.image for f in frames] == [stream.getvalue()] * 2
    assert drive.manifest.quarantined == {"camera: picture unreadable": 1}


def test_the_city_is_in_the_maps_names_or_given_or_asked_for(tmp_path: Path, ingest: Ingest) -> None:
    assert ingest(write_av2(tmp_path / "a", "MIA")).table("poses").to_pylist()[0]["frame"] == "EPSG:32617"
    nameless = write_av2(tmp_path / "b", None)
    with pytest.raises(ConfigurationError, match=r"b: no map file.*region\.city.*ATX, DTW, MIA, PAO, PIT, WDC"):
        ingest(nameless)
    with pytest.raises(ConfigurationError, match=r"region\.city=Rome"):
        ingest(nameless, city="Rome")
    assert ingest(nameless, city="pao").table("poses").to_pylist()[0]["frame"] == "EPSG:32610"
    (tmp_path / "a" / "map" / "a_ground_height_surface____PIT.npy").write_bytes(b"")
    with pytest.raises(LogError, match="MIA, PIT"):
        ingest(tmp_path / "a")


def test_damaged_files(tmp_path: Path, ingest: Ingest) -> None:
    log = write_av2(tmp_path / "log", sweeps=3)
    first = sorted((log / "sensors" / "lidar").iterdir())[0]
    first.write_bytes(first.read_bytes()[:100])
    (log / "sensors" / "lidar" / "readme.feather").write_bytes(b"")
    drive = ingest(log)
    assert len(drive.sweep_index()) == 2
    assert drive.manifest.quarantined == {"lidar: file not named by its time": 1, "lidar: sweep file unreadable": 1}
    assert any(first.name in warning for warning in drive.manifest.warnings)
    poses = log / "city_SE3_egovehicle.feather"
    feather.write_feather(feather.read_table(poses).drop_columns(["qw"]), poses)
    with pytest.raises(LogError, match=r"city_SE3_egovehicle\.feather has no column qw"):
        ingest(log)


def test_a_log_of_damaged_sweeps_is_refused(tmp_path: Path, ingest: Ingest) -> None:
    log = write_av2(tmp_path / "log", sweeps=1)
    for path in (log / "sensors" / "lidar").iterdir():
        path.write_bytes(b"")
    with pytest.raises(DriveRefusedError, match="0 good lidar sweeps"):
        ingest(log)


def test_without_calibration_that_is_said(tmp_path: Path, ingest: Ingest) -> None:
    drive = ingest(write_av2(tmp_path / "log", calibrated=False))
    assert drive.calibration() == {}
    assert any("calibration" in warning for warning in drive.manifest.warnings)


@pytest.mark.skipif(not REAL.is_dir(), reason="no real AV2 logs beside the repository")
def test_real_logs(ingest: Ingest) -> None:
    counts = {}
    for log in sorted(REAL.iterdir()):
        drive = ingest(log)
        counts[log.name[:4]] = [drive.manifest.rows(name) for name in ("lidar", "poses", "objects", "calibration")]
        lon, lat = drive.manifest.reference_lon_lat_deg or (0.0, 0.0)
        assert abs(lon + 80.0) < 0.1 and abs(lat - 40.45) < 0.05
        source = sum(p.stat().st_size for p in (log / "sensors" / "lidar").iterdir())
        assert sum(f.size_bytes for f in drive.manifest.files if f.name.startswith("lidar")) < source
    assert counts == {"7fab": [198695, 2706, 11364, 12], "adcf": [100660, 2637, 12078, 0]}
