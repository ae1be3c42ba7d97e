"""Frames go through the filter before anything is stored."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from ingest_logs import write_kitti

from mapforge.errors import ConfigurationError, LogError
from mapforge.ingest.config import IngestConfig, PrivacyConfig
from mapforge.ingest.discovery import find_logs
from mapforge.ingest.source_index import drive_fingerprint
from mapforge.ingest.stage import IngestInputs, run
from mapforge.io.drive_store import DriveReader
from mapforge.io.workspace import Workspace

CONFIG = IngestConfig(min_points_per_sweep=1, privacy=PrivacyConfig(blur=True))


class Marking:
    """Stands in for the blur: what it makes is told from what it got."""

    def __init__(self, fingerprint: str = "f", refuse: bytes = b"") -> None:
        self.fingerprint, self.refuse = fingerprint, refuse

    def __call__(self, image: bytes, encoding: str) -> bytes:
        if self.refuse and image == self.refuse:
            raise LogError("cannot be decoded")
        return b"hidden " + encoding.encode() + bytes(reversed(image))


def test_nothing_of_the_workspace_holds_a_frame_as_it_came(tmp_path: Path, workspace: Workspace) -> None:
    log = write_kitti(tmp_path, images=True)
    pictures = [path.read_bytes() for path in sorted(log.rglob("*.png"))]
    (source,) = find_logs(log)
    manifest = run(IngestInputs(source, workspace, frame_filter=Marking()), CONFIG)
    frames = list(DriveReader(workspace.drive(manifest.drive_id)).camera_frames())
    assert [frame.image for frame in frames] == [b"hidden png" + bytes(reversed(picture)) for picture in pictures]
    for path in workspace.root.rglob("*"):
        stored = path.read_bytes() if path.is_file() else b""
        assert not any(picture in stored for picture in pictures), path


def test_a_frame_that_cannot_be_looked_at_is_left_out_and_counted(tmp_path: Path, workspace: Workspace) -> None:
    log = write_kitti(tmp_path, images=True)
    pictures = sorted(log.rglob("*.png"))
    pictures[1].write_bytes(pictures[1].read_bytes() + b" ")
    (source,) = find_logs(log)
    marking = Marking(refuse=pictures[1].read_bytes())
    manifest = run(IngestInputs(source, workspace, frame_filter=marking), CONFIG)
    assert manifest.rows("camera") == len(pictures) - 1
    assert manifest.quarantined["camera: picture that cannot be decoded to be blurred"] == 1


def test_blurring_without_a_filter_stores_nothing(tmp_path: Path, workspace: Workspace) -> None:
    (source,) = find_logs(write_kitti(tmp_path, images=True))
    with pytest.raises(ConfigurationError, match="nothing would be blurred"):
        run(IngestInputs(source, workspace), CONFIG)
    assert not workspace.drives.exists()


def test_a_drive_is_taken_in_again_when_the_filter_changes_but_not_when_frames_need_not_stay() -> None:
    plain = drive_fingerprint("s", None, None, IngestConfig())
    blurring = drive_fingerprint("s", None, None, CONFIG, "f")
    assert len({plain, blurring, drive_fingerprint("s", None, None, CONFIG, "g")}) == 3
    forgetting = replace(CONFIG, privacy=replace(CONFIG.privacy, keep_frames=False))
    assert drive_fingerprint("s", None, None, forgetting, "f") == blurring


@pytest.mark.parametrize("wrong", [{"score_min": 0.0}, {"score_min": 1.5}, {"margin": -0.1}])
def test_settings_out_of_range_are_refused(wrong: dict[str, float]) -> None:
    with pytest.raises(ConfigurationError, match=r"ingest\.privacy"):
        PrivacyConfig(**wrong)  # type: ignore[arg-type]
