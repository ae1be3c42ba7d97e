"""Ingest speed and size: points a second a core from MCAP and AV2, Parquet against its source, one sweep read back.

    python benchmarks/ingest.py [--sweeps 60] [--repeats 3]

One process, one thread. Timed is the whole stage: hashing the source, reading, checking, writing Parquet, hashing it.
The MCAP log is synthetic (64 beams, 1024 columns, 24 bytes a point as Ouster and Velodyne drivers write them, range
noise of 2 cm, zstd or lz4 chunks); the AV2 log repeats real sweeps where they lie beside the repository, else a
synthetic one. CPU seconds are user + system of this process; the best of the repeats counts.
"""

from __future__ import annotations

import argparse
import json
import shutil
import tempfile
import time
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.feather as feather
from mcap.writer import CompressionType, Writer

from mapforge.ingest.config import IngestConfig
from mapforge.ingest.discovery import find_logs
from mapforge.ingest.stage import IngestInputs, run
from mapforge.io.drive_store import DriveReader
from mapforge.io.workspace import Workspace

RINGS, COLUMNS = 64, 1024
START_NS, STEP_NS = 1_700_000_000_000_000_000, 100_000_000
REAL_AV2 = Path(__file__).resolve().parents[2] / "shared" / "data" / "av2"
TARGET_POINTS_PER_S = {"mcap zstd": 5e6, "mcap lz4": 5e6, "av2": 3e6}
POINT = np.dtype([("xyz", "<f4", 3), ("intensity", "<f4"), ("t", "<u4"), ("ring", "<u2"), ("pad", "<u2")])


def street_points(seed: int) -> np.ndarray:
    """(N,) POINT: a flat road between walls seen by a 64-beam lidar, in the order it fires."""
    rng = np.random.default_rng(seed)
    azimuth = np.repeat(np.linspace(0, 2 * np.pi, COLUMNS, endpoint=False), RINGS)
    elevation = np.tile(np.radians(np.linspace(15, -25, RINGS)), COLUMNS)
    ground = np.where(elevation < -0.01, 1.9 / np.maximum(np.sin(-elevation), 1e-3), 200.0)
    wall = (12.0 + np.sin(8 * azimuth)) / np.maximum(np.abs(np.sin(azimuth)), 0.05) / np.cos(elevation)
    distance = np.minimum(ground, wall) + rng.normal(0, 0.02, len(azimuth))
    points = np.zeros(len(azimuth), POINT)
    points["xyz"][:, 0] = distance * np.cos(elevation) * np.cos(azimuth)
    points["xyz"][:, 1] = distance * np.cos(elevation) * np.sin(azimuth)
    points["xyz"][:, 2] = distance * np.sin(elevation)
    points["intensity"] = np.clip(rng.normal(40 + 30 * (ground < wall), 15), 0, 255).astype(int)
    points["t"] = np.repeat(np.linspace(0, STEP_NS, COLUMNS, endpoint=False), RINGS)
    points["ring"] = np.tile(np.arange(RINGS), COLUMNS)
    return points[distance < 120]


def cdr_cloud(time_ns: int, frame: str, points: np.ndarray) -> bytes:
    """A sensor_msgs/PointCloud2, field by field."""
    out = bytearray(b"\x00\x01\x00\x00")

    def put(kind: str, value: int) -> None:
        size = np.dtype(kind).itemsize
        out.extend(bytes(-(len(out) - 4) % size) + np.array([value], kind).tobytes())

    def text(value: str) -> None:
        put("<u4", len(value) + 1)
        out.extend(value.encode() + b"\0")

    put("<i4", time_ns // 10**9)
    put("<u4", time_ns % 10**9)
    text(frame)
    put("<u4", 1)
    put("<u4", len(points))
    fields = [("x", 0, 7), ("y", 4, 7), ("z", 8, 7), ("intensity", 12, 7), ("t", 16, 6), ("ring", 20, 4)]
    put("<u4", len(fields))
    for name, offset, kind in fields:
        text(name)
        put("<u4", offset)
        put("u1", kind)
        put("<u4", 1)
    put("u1", 0)
    put("<u4", POINT.itemsize)
    put("<u4", POINT.itemsize * len(points))
    put("<u4", POINT.itemsize * len(points))
    out.extend(points.tobytes())
    put("u1", 1)
    return bytes(out)


def write_mcap(path: Path, sweeps: int, compression: CompressionType) -> int:
    clouds = [street_points(seed) for seed in range(4)]
    with path.open("wb") as stream:
        writer = Writer(stream, chunk_size=4 * 2**20, compression=compression)
        writer.start("ros2")
        schema = writer.register_schema("sensor_msgs/msg/PointCloud2", "ros2msg", b"")
        channel = writer.register_channel("/points", "cdr", schema)
        for i in range(sweeps):
            time_ns = START_NS + i * STEP_NS
            writer.add_message(channel, time_ns, cdr_cloud(time_ns, "lidar", clouds[i % 4]), time_ns)
        writer.finish()
    return sum(len(clouds[i % 4]) for i in range(sweeps))


def write_av2(folder: Path, sweeps: int) -> int:
    """Real sweeps repeated under new times, else the synthetic one as float16."""
    lidar = folder / "sensors" / "lidar"
    lidar.mkdir(parents=True)
    real = sorted(REAL_AV2.glob("*/sensors/lidar/*.feather"))
    if not real:
        points = street_points(0)
        columns = {n: points["xyz"][:, i].astype(np.float16) for i, n in enumerate("xyz")}
        rest = {"intensity": points["intensity"].astype("u1"), "laser_number": points["ring"].astype("u1")}
        real = [folder / "one.feather"]
        feather.write_feather(pa.table({**columns, **rest, "offset_ns": points["t"].astype("i4")}), real[0])
    total = 0
    for i in range(sweeps):
        shutil.copyfile(real[i % len(real)], lidar / f"{START_NS + i * STEP_NS}.feather")
        total += feather.read_table(real[i % len(real)]).num_rows
    times = START_NS + np.arange(sweeps) * STEP_NS
    pose = {"qw": 1.0, "qx": 0.0, "qy": 0.0, "qz": 0.0, "tx_m": 5000.0, "ty_m": 2400.0, "tz_m": 67.0}
    table = {"timestamp_ns": times, **{n: np.full(sweeps, v) for n, v in pose.items()}}
    feather.write_feather(pa.table(table), folder / "city_SE3_egovehicle.feather")
    return total


def lidar_bytes(source: Path) -> int:
    return sum(p.stat().st_size for p in ([source] if source.is_file() else (source / "sensors").rglob("*.feather")))


def measure(source: Path, points: int, repeats: int, scratch: Path) -> dict[str, float]:
    best = {"cpu": float("inf"), "wall": float("inf")}
    for repeat in range(repeats):
        workspace = Workspace(scratch / f"workspace-{repeat}")
        (log,) = find_logs(source)
        cpu, wall = time.process_time(), time.perf_counter()
        manifest = run(IngestInputs(log, workspace, "PIT"), IngestConfig())
        best["cpu"] = min(best["cpu"], time.process_time() - cpu)
        best["wall"] = min(best["wall"], time.perf_counter() - wall)
        again = time.perf_counter()
        run(IngestInputs(log, workspace, "PIT"), IngestConfig())
        best["again"] = time.perf_counter() - again
        assert manifest.rows("lidar") == points, (manifest.rows("lidar"), points, manifest.quarantined)
    stored = sum(f.size_bytes for f in manifest.files if f.name.startswith("lidar"))
    return {**best, "stored": stored, **read_back(workspace.drive(manifest.drive_id))}


def read_back(folder: Path) -> dict[str, float]:
    """Opening a drive and reading its middle sweep: time, and bytes that the process asked the system for."""
    before, start = _bytes_read(), time.perf_counter()
    drive = DriveReader(folder)
    drive.sweep(len(drive.sweep_index()) // 2)
    opened = time.perf_counter() - start
    used = _bytes_read() - before
    start = time.perf_counter()
    for i in range(len(drive.sweep_index())):
        drive.sweep(i)
    return {"open_and_one_s": opened, "one_bytes": used, "all_s": time.perf_counter() - start}


def _bytes_read() -> int:
    return int(Path("/proc/self/io").read_text().split("rchar: ")[1].split()[0])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--sweeps", type=int, default=60)
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--json", type=Path, default=None, help="also write the numbers there")
    options = parser.parse_args()
    pa.set_cpu_count(1)
    pa.set_io_thread_count(1)
    rows = []
    with tempfile.TemporaryDirectory() as scratch:
        root = Path(scratch)
        sources = {}
        for label, compression in (("mcap zstd", CompressionType.ZSTD), ("mcap lz4", CompressionType.LZ4)):
            path = root / f"{label.replace(' ', '-')}.mcap"
            sources[label] = (path, write_mcap(path, options.sweeps, compression))
        sources["av2"] = (root / "av2-log", write_av2(root / "av2-log", options.sweeps))
        for label, (source, points) in sources.items():
            result = measure(source, points, options.repeats, root / label)
            rows.append({"source": label, "points": points, "source_bytes": lidar_bytes(source), **result})
    print(
        f"{'source':10} {'Mpoints':>8} {'Mpoints/s a core':>17} {'wall':>6} {'target':>7} {'B/point source':>15} "
        f"{'stored':>7} {'again ms':>9} {'open+1 sweep':>13} {'bytes read':>11} {'read Mpoints/s':>15}"
    )
    for row in rows:
        points, target = row["points"], TARGET_POINTS_PER_S[row["source"]]
        print(
            f"{row['source']:10} {points / 1e6:8.1f} {points / row['cpu'] / 1e6:17.1f}"
            f" {points / row['wall'] / 1e6:6.1f}"
            f" {target / 1e6:7.1f} {row['source_bytes'] / points:15.2f} {row['stored'] / points:7.2f}"
            f" {row['again'] * 1e3:9.1f} {row['open_and_one_s'] * 1e3:10.1f} ms"
            f" {row['one_bytes'] / row['stored']:10.1%}"
            f" {points / row['all_s'] / 1e6:15.1f}"
        )
    if options.json:
        options.json.write_text(json.dumps(rows, indent=1))


if __name__ == "__main__":
    main()
