"""Two drives over a plane with nothing but paint and curbs on it: what is found of their offset, what is claimed."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from mapforge.geometry.crs import MapFrame
from mapforge.geometry.trajectory import Trajectory
from mapforge.io.drive_store import DriveReader
from mapforge.io.drive_writer import DriveWriter
from mapforge.io.trajectories import TrajectoryInfo, read_sigma_relative, read_trajectory, write_trajectory
from mapforge.io.workspace import Workspace
from mapforge.localization import alignment
from mapforge.localization.alignment_config import AlignmentConfig
from mapforge.localization.registration import Registration
from mapforge.localization.segments import pieces_of
from mapforge.localization.settled import Standing
from mapforge.localization.settling import AlignmentInputs
from mapforge.localization.surface import SurfaceThinning, surface_of_piece
from mapforge.localization.surface_registration import PlacedSurface, SurfaceMatching, register_surfaces

START_NS, SWEEP_NS = 1_700_000_000_000_000_000, 100_000_000
MATCHING = SurfaceMatching(0.3, 0.3, 0.8, 0.1)
YAW_RAD = 0.3
"""Of the road in the map, so that no axis of the grid is one of the road's."""
ROAD_M = 60.0
GNSS_M = 0.5
RINGS, COLUMNS = 24, 720


class Scene:
    """Reflectivity of a plane in road coordinates: along, across."""

    def __init__(self, dashed: bool = False, crossing: bool = False, painted: bool = True, curb_m: float = 0.0) -> None:
        self.dashed, self.crossing, self.painted, self.curb_m = dashed, crossing, painted, curb_m

    def reflectivity(self, along: np.ndarray, across: np.ndarray) -> np.ndarray:
        if not self.painted:
            return np.full(len(along), 0.2)
        line = (np.abs(across - 5.25) < 0.08) | (np.abs(across + 5.25) < 0.08)
        middle = np.abs(np.abs(across) - 1.75) < 0.08
        paint = line | (middle & ((along % 12.0 < 4.0) | (not self.dashed)))
        if self.crossing:
            paint |= (np.abs(along - 42.0) < 1.5) & (across % 1.0 < 0.5) & (np.abs(across) < 5.25)
        return np.where(paint, 0.5, 0.2)

    def height(self, across: np.ndarray) -> np.ndarray:
        return np.where(np.abs(across) > 6.0, self.curb_m, 0.0)


def drive_over(scene: Scene, workspace: Workspace, name: str, across_m: float, gain: float, seed: int) -> Trajectory:
    """A 24-ring lidar 1.9 m above the plane, each ring with a gain of its own; returns the true path."""
    rng = np.random.default_rng(seed)
    speed_mps = rng.uniform(8.0, 12.0)
    seconds = np.arange(0.0, ROAD_M / speed_mps, 0.02)
    xy = on_map(np.column_stack([seconds * speed_mps, np.full(len(seconds), across_m)]))
    quaternion = np.tile([np.cos(YAW_RAD / 2), 0.0, 0.0, np.sin(YAW_RAD / 2)], (len(seconds), 1))
    times = START_NS + np.round(seconds * 1e9).astype(np.int64)
    truth = Trajectory(times, np.column_stack([xy, np.zeros(len(xy))]), quaternion, np.full(len(xy), 0.2))
    ring_gain = gain * np.exp(rng.normal(0.0, 0.08, RINGS))
    with DriveWriter(workspace, name) as writer:
        for k in range(int(seconds[-1] * 1e9 // SWEEP_NS)):
            ring, azimuth = (v.ravel() for v in np.meshgrid(np.arange(RINGS), np.arange(COLUMNS) / COLUMNS * 2 * np.pi))
            azimuth = azimuth + rng.uniform(0.0, 0.01)
            distance = 1.9 / np.tan(np.radians(5.0 + 0.8 * ring)) + rng.normal(0.0, 0.015, len(ring))
            along = distance * np.cos(azimuth) + k * SWEEP_NS * 1e-9 * speed_mps
            across = distance * np.sin(azimuth) + across_m
            intensity = scene.reflectivity(along, across) * ring_gain[ring] + rng.normal(0.0, 0.03, len(ring))
            height = scene.height(across) + rng.normal(0.0, 0.01, len(ring))
            xyz = np.column_stack([distance * np.cos(azimuth), distance * np.sin(azimuth), height])
            now = START_NS + k * SWEEP_NS
            writer.add_sweep(now, "lidar", xyz, np.clip(intensity, 0.0, 1.0), ring=ring.astype(np.int16))
        writer.finish(source_format="test", source_sha256="0" * 64, motion_compensated=True)
    return truth


def on_map(along_across: np.ndarray) -> np.ndarray:
    c, s = np.cos(YAW_RAD), np.sin(YAW_RAD)
    return np.asarray(along_across @ np.array([[c, s], [-s, c]]))


def on_road(vector: np.ndarray) -> np.ndarray:
    c, s = np.cos(YAW_RAD), np.sin(YAW_RAD)
    return np.asarray(vector @ np.array([[c, -s], [s, c]]))


def moved(path: Trajectory, along_m: float, across_m: float) -> Trajectory:
    shift = np.append(on_map(np.array([along_m, across_m])), 0.1)
    return Trajectory(path.timestamps_ns, path.translation_m + shift, path.quaternion_wxyz, path.sigma_xy_m)


def registered(
    scene: Scene, folder: Path, along_m: float, across_m: float, search_m: float = 1.5
) -> Registration | None:
    """The middle piece of a drive, placed wrongly, against the other drive."""
    placed = []
    for name, side_m, gain in (("a", 0.0, 1.0), ("b", -3.5, 0.6)):
        workspace = Workspace(folder)
        truth = drive_over(scene, workspace, name, side_m, gain, seed=ord(name))
        path = moved(truth, along_m, across_m) if name == "a" else truth
        pieces = pieces_of(path, 40.0, 5.0)
        found = [
            surface_of_piece(DriveReader(workspace.drive(name)), path, pieces, p, SurfaceThinning(1.0, 2.5, 20.0))
            for p in range(len(pieces))
        ]
        placed.append([PlacedSurface(s, pose_at(c)) for s, c in zip(found, pieces.centre_m) if s is not None])
    return register_surfaces(placed[0][0], placed[1], search_m, MATCHING)


def pose_at(place_m: np.ndarray) -> np.ndarray:
    pose = np.eye(4)
    pose[:3, 3] = place_m
    return pose


def sigmas_on_road(found: Registration) -> tuple[float, float]:
    """Along and across, of drives that GNSS places within half a metre."""
    covariance = np.linalg.inv(found.information[np.ix_([0, 1, 3], [0, 1, 3])] + np.eye(3) / GNSS_M**2)
    along, across = on_map(np.array([1.0, 0.0])), on_map(np.array([0.0, 1.0]))
    return tuple(float(np.sqrt(d @ covariance[:2, :2] @ d)) for d in (along, across))


def test_lines_tell_across_and_claim_nothing_along(tmp_path: Path) -> None:
    found = registered(Scene(), tmp_path, along_m=0.3, across_m=-0.4)
    assert found is not None
    assert on_road(found.shift_m[:2])[1] == pytest.approx(0.4, abs=0.03)
    assert found.shift_m[2] == pytest.approx(-0.1, abs=0.01)
    assert found.turn_rad == pytest.approx(0.0, abs=1e-3)
    along, across = sigmas_on_road(found)
    assert across < 0.01 and along > 0.95 * GNSS_M


@pytest.mark.parametrize("scene", [Scene(dashed=True), Scene(crossing=True)], ids=["dashes", "crossing"])
def test_dashes_and_crossings_tell_along(scene: Scene, tmp_path: Path) -> None:
    found = registered(scene, tmp_path, along_m=0.3, across_m=-0.4)
    assert found is not None
    assert np.allclose(on_road(found.shift_m[:2]), (-0.3, 0.4), atol=0.03)
    along, across = sigmas_on_road(found)
    assert across < 0.02 and along < 0.03


def test_the_next_dash_may_be_the_right_one(tmp_path: Path) -> None:
    """Where the search reaches as far as dashes are apart, along is as unsure as that."""
    found = registered(Scene(dashed=True), tmp_path, along_m=0.3, across_m=-0.4, search_m=14.0)
    assert found is not None
    along, across = sigmas_on_road(found)
    assert across < 0.03 and along > 0.95 * GNSS_M


def test_curbs_without_paint_tell_across(tmp_path: Path) -> None:
    found = registered(Scene(painted=False, curb_m=0.12), tmp_path, along_m=0.0, across_m=0.3)
    assert found is not None
    assert on_road(found.shift_m[:2])[1] == pytest.approx(-0.3, abs=0.03)
    assert sigmas_on_road(found)[0] > 0.9 * GNSS_M


def test_a_bare_plane_is_refused(tmp_path: Path) -> None:
    assert registered(Scene(painted=False), tmp_path / "bare", 0.2, 0.2) is None


def test_drives_with_nothing_upright_are_aligned_by_paint(tmp_path: Path) -> None:
    """The whole alignment: their difference across goes, along it stays what GNSS says and stays as unsure."""
    workspace, frame, paths = Workspace(tmp_path), MapFrame.at(8.4, 49.0), {}
    for name, side_m, along_m, across_m in (("a", 0.0, 0.0, 0.3), ("b", -3.5, 0.2, -0.2)):
        paths[name] = drive_over(Scene(), workspace, name, side_m, 1.0, seed=ord(name))
        info = TrajectoryInfo(frame, "lidar+gnss", name, True, name)
        wrong = moved(paths[name], along_m, across_m)
        sigma_z = np.full(len(wrong.timestamps_ns), 0.4)
        write_trajectory(wrong, sigma_z, info, workspace.unaligned_trajectory(name), workspace.tmp)
    inputs = AlignmentInputs(workspace, ("a", "b"), (), frame, {"a": "a", "b": "b"}, "job")
    ledger = alignment.run(inputs, AlignmentConfig())
    assert all(drive.standing is Standing.aligned for drive in ledger.drives.values())
    error = {
        n: read_trajectory(workspace.trajectory(n), frame).translation_m - p.translation_m for n, p in paths.items()
    }
    apart = on_road((error["a"][:200] - error["b"][:200])[:, :2])
    assert np.abs(apart[:, 1]).max() < 0.03
    assert np.abs(apart[:, 0] + 0.2).max() < 0.05
    assert read_sigma_relative(workspace.trajectory("a")).mean() > 0.05
