"""Logs are found and recognised by what is in them."""

from __future__ import annotations

from pathlib import Path

import pytest
from ingest_logs import lidar_message, write_av2, write_kitti, write_mcap

from mapforge.errors import MissingInputError, UnknownFormatError
from mapforge.ingest.discovery import LogFormat, find_logs


def test_a_folder_of_logs_of_all_formats(tmp_path: Path) -> None:
    write_mcap(tmp_path / "b.mcap", [lidar_message(0)])
    (tmp_path / "renamed").mkdir()
    write_mcap(tmp_path / "renamed" / "drive", [lidar_message(0)])
    write_av2(tmp_path / "av2" / "log, one")
    write_kitti(tmp_path / "kitti")
    (tmp_path / "notes.txt").write_text("not a log")
    (tmp_path / ".hidden").mkdir()
    write_av2(tmp_path / ".hidden" / "log")
    found = find_logs(tmp_path)
    assert [(log.format, log.path.name) for log in found] == [
        (LogFormat.AV2, "log, one"),
        (LogFormat.MCAP, "b.mcap"),
        (LogFormat.KITTI, "2011_09_26_drive_0001_sync"),
        (LogFormat.MCAP, "drive"),
    ]
    assert find_logs(tmp_path / "av2" / "log, one") == [found[0]]
    assert [log.path.name for log in find_logs(tmp_path, LogFormat.KITTI)] == ["2011_09_26_drive_0001_sync"]


def test_what_a_log_is_made_of(tmp_path: Path) -> None:
    (kitti,) = find_logs(write_kitti(tmp_path, sweeps=1))
    assert [name for name, _ in kitti.files()] == [
        "../calib_cam_to_cam.txt",
        "../calib_imu_to_velo.txt",
        "../calib_velo_to_cam.txt",
        "velodyne_points/data/0000000000.bin",
        "velodyne_points/timestamps.txt",
    ]


def test_nothing_and_nothing_known_are_told_apart(tmp_path: Path) -> None:
    with pytest.raises(MissingInputError, match="nowhere"):
        find_logs(tmp_path / "nowhere")
    (tmp_path / "drive.bag").write_bytes(b"#ROSBAG V2.0")
    with pytest.raises(UnknownFormatError, match=r"seen: drive\.bag.*AV2.*KITTI"):
        find_logs(tmp_path)
    with pytest.raises(UnknownFormatError, match="#ROSBAG"):
        find_logs(tmp_path / "drive.bag")
    with pytest.raises(UnknownFormatError, match="no av2 log"):
        find_logs(write_mcap(tmp_path / "a.mcap", [lidar_message(0)]), LogFormat.AV2)
