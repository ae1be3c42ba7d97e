"""Every reader of MapForge on a good file of its kind and on spoilt ones; run in a process of its own.

`python corpus.py FOLDER SCALE SEED NAME...` with tests/ingest on PYTHONPATH prints one JSON line a case. Seed 0: the
corpus, with all that is known to be awkward; any other: that many blind ones, other ones for every seed.
"""

from __future__ import annotations

import json
import resource
import signal
import sys
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.feather as feather
import shapely
from ingest_logs import write_av2, write_kitti
from mutations import blind, json_variants, parquet_bomb, parquet_variants, xml_variants

from mapforge.config import compose_settings
from mapforge.errors import MapForgeError
from mapforge.geometry.crs import MapFrame
from mapforge.geometry.grid import BevGrid
from mapforge.geometry.tiles import TileId
from mapforge.geometry.trajectory import Trajectory
from mapforge.ingest.config import IngestConfig
from mapforge.ingest.discovery import find_logs
from mapforge.ingest.source_index import remembered_sha256
from mapforge.ingest.stage import IngestInputs
from mapforge.ingest.stage import run as ingest
from mapforge.io.drive_store import DriveReader
from mapforge.io.drive_writer import DriveWriter
from mapforge.io.elements import read_elements, read_elements_near, write_elements
from mapforge.io.parquet import write_table
from mapforge.io.rasters import read_raster, write_raster
from mapforge.io.trajectories import TrajectoryInfo, read_sigma_z, read_trajectory, write_trajectory
from mapforge.io.workspace import Workspace
from mapforge.localization.settled import Ledger as Settled
from mapforge.localization.settled import SettledDrive, Standing, read_ledger, write_ledger
from mapforge.models.weights import ModelWeights, read_weights, write_weights
from mapforge.pipeline.inbox import InboxLedger
from mapforge.pipeline.reports import read_report
from mapforge.pipeline.stamps import Ledger, Recipe
from mapforge.pipeline.withdrawn_logs import withdrawn_logs, write_withdrawn_logs
from mapforge.releases.manifest import current_release, manifest_from_text
from mapforge.schemas.detections import DETECTIONS, SIGN_TYPES
from mapforge.schemas.elements import ElementClass, MapElement
from mapforge.schemas.rasters import BevRaster
from mapforge.schemas.traffic import TRAFFIC
from mapforge.schemas.trajectory_quality import SensorRate, TrajectoryQuality
from mapforge.simulation.av2_map import read_av2_map
from mapforge.simulation.lanelet2_map import read_lanelet2_map
from mapforge.simulation.nuscenes_map import read_nuscenes_map
from mapforge.tiles.name_records import read_record
from mapforge.validation.reference import read_reference
from mapforge.validation.tile_files import find_tile_files, read_tiles

MEMORY_MB, LONGEST_S = 4000, 40
BOMBED = ("elements_file", "drive_imu")
FRAME = MapFrame(32617, (586_000.0, 4_475_000.0), 2020.0)
TILE = TileId(32617, 5860, 44750)


@dataclass(frozen=True)
class Reader:
    """path: the file to spoil. read: everything that opens it. variants: how to spoil it."""

    path: Path
    read: Callable[[], Any]
    variants: Callable[[bytes, int], Iterator[tuple[str, bytes]]]


class TooLong(BaseException):
    """Not an Exception, so that nothing takes it for its own."""


def elements() -> list[MapElement]:
    line = shapely.LineString([(0.1, 1.0, 280.0), (10.0, 2.0, 280.5), (20.0, 2.5, 281.0)])
    square = shapely.Polygon([(0, 0, 5), (4, 0, 5), (4, 3, 5), (0, 3, 5), (0, 0, 5)])
    paint = {"marking_type": "solid", "colour": "white"}
    return [
        MapElement("a" * 16, ElementClass.LANE_DIVIDER, line, paint, 0.9, (0.01, 0.02, 0.03), 3, 10, 20, ("d1", "d2")),
        MapElement("b", ElementClass.PED_CROSSING, square),
        MapElement("c", ElementClass.TRAFFIC_SIGN, shapely.Point(1, 2, 3), {"sign_type": "stop", "heading_rad": 1.5}),
        MapElement("d", ElementClass.LANE, line, {"successor_ids": ["e"], "predecessor_ids": [], "width_m": 3.5}),
    ]


def write_drive(workspace: Workspace) -> Path:
    rng = np.random.default_rng(0)
    with DriveWriter(workspace, "good") as writer:
        for i in range(2):
            writer.add_sweep(10**18 + i * 10**8, "top", rng.normal(0, 10, (200, 3)), rng.random(200))
        times = 10**18 + np.arange(5) * 10**7
        writer.add_rows("imu", {n: times if n == "timestamp_ns" else np.zeros(5) for n in _names("imu")})
        row = {"sensor": ["top"], "model": ["lidar"], "intrinsics": [[]], "distortion": [[]]}
        numbers = {n: [1.0 if n == "qw" else 0.0] for n in ("tx_m", "ty_m", "tz_m", "qw", "qx", "qy", "qz")}
        writer.add_rows("calibration", {**row, **numbers, "width_px": [0], "height_px": [0]})
        picture = {"timestamp_ns": times[:1], "sensor": ["front"], "image": [b"no picture"], "encoding": ["png"]}
        writer.add_rows("camera", {**picture, "width_px": [4], "height_px": [4]})
        writer.finish("mcap", "0" * 64)
    return workspace.drive("good")


def _names(table: str) -> list[str]:
    from mapforge.schemas.drive import DRIVE_TABLES

    return list(DRIVE_TABLES[table].names)


def read_drive(folder: Path) -> None:
    reader = DriveReader(folder)
    with suppress(MapForgeError):  # sizes differ in most cases; what is read without it must hold as well
        reader.verify(full=True)
    reader.manifest.duration_s, reader.manifest.rows("lidar")
    for table in ("imu", "gnss", "calibration", "camera"):
        reader.table(table)
    list(reader.sweeps())
    list(reader.camera_frames())
    reader.calibration()


def readers(folder: Path) -> dict[str, Callable[[], Reader]]:
    workspace = Workspace(folder / "workspace")
    ways = {name.removeprefix("make_"): make for name, make in globals().items() if name.startswith("make_")}
    return {name: lambda make=make: make(folder, workspace) for name, make in ways.items()}


def make_drive_manifest(folder: Path, workspace: Workspace) -> Reader:
    drive = write_drive(workspace)
    return Reader(drive / "manifest.json", lambda: read_drive(drive), json_variants)


def make_drive_lidar(folder: Path, workspace: Workspace) -> Reader:
    drive = write_drive(workspace)
    return Reader(drive / "lidar.parquet", lambda: read_drive(drive), parquet_variants)


def make_drive_imu(folder: Path, workspace: Workspace) -> Reader:
    drive = write_drive(workspace)
    return Reader(drive / "imu.parquet", lambda: read_drive(drive), parquet_variants)


def make_drive_camera(folder: Path, workspace: Workspace) -> Reader:
    drive = write_drive(workspace)
    return Reader(drive / "camera.parquet", lambda: read_drive(drive), parquet_variants)


def make_drive_calibration(folder: Path, workspace: Workspace) -> Reader:
    drive = write_drive(workspace)
    return Reader(drive / "calibration.parquet", lambda: read_drive(drive), parquet_variants)


def make_trajectory(folder: Path, workspace: Workspace) -> Reader:
    times = np.arange(3, dtype=np.int64) * 10**9
    path = Trajectory(times, np.ones((3, 3)), np.tile([1.0, 0.0, 0.0, 0.0], (3, 1)), np.full(3, 0.2))
    target = workspace.trajectory("good")
    write_trajectory(path, np.full(3, 0.4), TrajectoryInfo(FRAME, "lidar", "good", True, "f"), target, workspace.tmp)
    return Reader(target, lambda: (read_trajectory(target, FRAME), read_sigma_z(target)), parquet_variants)


def make_elements_file(folder: Path, workspace: Workspace) -> Reader:
    target = folder / "elements.parquet"
    write_elements(elements(), FRAME, target, folder / "tmp")
    bounds = (0.0, 0.0, 100.0, 100.0)
    read = lambda: (read_elements(target), read_elements(target, FRAME), read_elements_near(target, FRAME, bounds))  # noqa: E731
    return Reader(target, read, parquet_variants)


def make_tile(folder: Path, workspace: Workspace) -> Reader:
    target = workspace.tile(TILE, "0123456789abcdef")
    write_elements(elements(), FRAME, target, folder / "tmp", {"tile": str(TILE), "build": "0123456789abcdef"})

    def read() -> None:
        read_tiles(find_tile_files(workspace.tiles), None)
        read_reference(workspace.tiles, FRAME)

    return Reader(target, read, parquet_variants)


def make_raster(folder: Path, workspace: Workspace) -> Reader:
    target = folder / "raster.parquet"
    grid = BevGrid(0.0, 0.0, 0.2, 20, 20)
    channels = {"seen": np.ones((20, 20), np.uint8), "ground_z_m": np.zeros((20, 20), np.float32)}
    write_raster(BevRaster(grid, channels, {"fingerprint": "f"}), target, folder / "tmp")
    return Reader(target, lambda: read_raster(target), parquet_variants)


def make_detections(folder: Path, workspace: Workspace) -> Reader:
    from mapforge.fusion.sightings import read_sightings

    row: dict[str, Any] = {name: [1.0] for name in DETECTIONS.names}
    row |= {"timestamp_ns": [1], "sensor": ["front"], "class": ["traffic_sign"], "sign_type": ["stop"], "n_lidar": [3]}
    row |= {
        "x_m": [586_001.0],
        "y_m": [4_475_001.0],
        "type_shares": [[0.1] * len(SIGN_TYPES)],
        "embedding": [[1.0, 0.0]],
    }
    write_table(pa.table(row, schema=DETECTIONS), workspace.detections("good"), workspace.tmp)
    window = (0.0, 0.0, 100.0, 100.0)
    read = lambda: read_sightings(workspace, ["good"], FRAME, ElementClass.TRAFFIC_SIGN, window, 0.1)  # noqa: E731
    return Reader(workspace.detections("good"), read, parquet_variants)


def make_traffic(folder: Path, workspace: Workspace) -> Reader:
    from mapforge.lane_graph.traffic import read_traffic

    row: dict[str, Any] = {name: [1.0] for name in TRAFFIC.names} | {"timestamp_ns": [1]}
    row |= {"x_m": [586_001.0], "y_m": [4_475_001.0]}
    write_table(pa.table(row, schema=TRAFFIC), workspace.traffic("good"), workspace.tmp)
    read = lambda: read_traffic(workspace, "good", FRAME, (0.0, 0.0, 100.0, 100.0))  # noqa: E731
    return Reader(workspace.traffic("good"), read, parquet_variants)


def make_frame(folder: Path, workspace: Workspace) -> Reader:
    workspace.write_frame(FRAME)
    return Reader(workspace.root / "map.json", workspace.read_frame, json_variants)


def make_stamp(folder: Path, workspace: Workspace) -> Reader:
    ledger = Ledger(workspace)
    output = workspace.root / "output.bin"
    output.parent.mkdir(parents=True, exist_ok=True)
    output.write_bytes(b"done")
    ledger.write("fusion", str(TILE), Recipe({"a": "b"}), [output], {"tiles": [str(TILE)]})

    def read() -> None:
        stamp = ledger.stamp("fusion", str(TILE))
        if stamp is not None:
            stamp.damaged(workspace, verify_fully=True)
            _ = stamp.fingerprint
            for path in stamp.paths(workspace):
                assert path.resolve().is_relative_to(workspace.root.resolve()), path

    return Reader(workspace.stamp("fusion", str(TILE)), read, json_variants)


def make_failure(folder: Path, workspace: Workspace) -> Reader:
    from mapforge.pipeline.stamps import Failure

    ledger = Ledger(workspace)
    ledger.record_failure(Failure("fusion", str(TILE), {"a": "b"}, "ValueError", "bad", "...", "run", 1))
    target = workspace.stamp("fusion", str(TILE)).with_suffix(".failed")
    return Reader(target, lambda: (ledger.failure("fusion", str(TILE)), ledger.failures("fusion")), json_variants)


def make_settled(folder: Path, workspace: Workspace) -> Reader:
    entry = SettledDrive(Standing.aligned, "u", "s", "s", (0.0, 0.0, 1.0, 1.0), "a", (0.1, 0.2, 0.0))
    write_ledger(workspace, Settled({"d1": entry, "d2": replace(entry, neighbours=("d1",))}))
    return Reader(workspace.settled, lambda: read_ledger(workspace).refused(), json_variants)


def make_inbox(folder: Path, workspace: Workspace) -> Reader:
    from mapforge.pipeline.inbox import LogRecord, LogState

    known = dict.fromkeys(LogRecord.__dataclass_fields__, "")
    entry = {"/inbox/a.mcap": {**known, "state": next(iter(LogState)).value}}
    workspace.inbox_ledger.parent.mkdir(parents=True, exist_ok=True)
    workspace.inbox_ledger.write_text(json.dumps(entry))
    return Reader(workspace.inbox_ledger, lambda: InboxLedger(workspace).records, json_variants)


def make_withdrawn(folder: Path, workspace: Workspace) -> Reader:
    write_withdrawn_logs(workspace, {"0" * 64: {"drive_id": "d", "reason": "asked"}})
    return Reader(workspace.withdrawn, lambda: withdrawn_logs(workspace), json_variants)


def make_sources(folder: Path, workspace: Workspace) -> Reader:
    target = workspace.root / "sources.json"
    target.parent.mkdir(parents=True, exist_ok=True)
    target.write_text(json.dumps({"a" * 64: "b" * 64}))
    return Reader(target, lambda: remembered_sha256(workspace), json_variants)


def make_names(folder: Path, workspace: Workspace) -> Reader:
    target = workspace.tile_names(TILE)
    target.parent.mkdir(parents=True, exist_ok=True)
    piece = ["lane_divider", "abc", [[0.0, 1.0, 2.0, 3.0]], [[0.0, 1.0, 2.0, 3.0]]]
    target.write_text(json.dumps({"fingerprint": "f", "names": ["x"], "pieces": [piece]}))
    return Reader(target, lambda: read_record(target, TILE), json_variants)


def make_report(folder: Path, workspace: Workspace) -> Reader:
    target = workspace.report("run-1") / "report.json"
    target.parent.mkdir(parents=True, exist_ok=True)
    target.write_text(json.dumps({"run_id": "run-1", "tiles": [{"tile": str(TILE)}], "metrics": {}}))
    return Reader(target, lambda: read_report(workspace, "run-1"), json_variants)


def make_quality(folder: Path, workspace: Workspace) -> Reader:
    target = workspace.trajectory_quality("good")
    target.parent.mkdir(parents=True, exist_ok=True)
    target.write_text(TrajectoryQuality("good", "lidar", 1.0, 2.0, rates={"lidar": SensorRate(3, 10.0, 0.1)}).to_json())
    return Reader(target, lambda: TrajectoryQuality.from_json(target.read_bytes(), "it"), json_variants)


def make_release(folder: Path, workspace: Workspace) -> Reader:
    from mapforge.releases.manifest import ReleasedTile, ReleaseManifest

    values: dict[str, Any] = {"str": "x", "int": 1, "float": 1.0}
    fields = {n: values.get(str(f.type)) for n, f in ReleasedTile.__dataclass_fields__.items()}
    build = "0123456789abcdef"
    fields |= {
        "tile": str(TILE),
        "build": build,
        "path": f"tiles/{TILE}/{build}.parquet",
        "bbox_m": (0.0, 0.0, 1.0, 1.0),
    }
    manifest = ReleaseManifest("r1", "run-1", 32617, (0.0, 0.0), 2020.0, "0.1", (ReleasedTile(**fields),))
    target = workspace.release("r1") / "manifest.json"
    target.parent.mkdir(parents=True, exist_ok=True)
    target.write_text(manifest.text())
    (workspace.releases / "current").write_text("r1\n")

    def read() -> None:
        release = current_release(workspace)
        assert release is not None
        for path in release.files(workspace).values():
            assert path.resolve().is_relative_to(workspace.root.resolve()), path
        _ = release.frame, release.builds, release.carried_over, release.sha256
        manifest_from_text(target.read_bytes(), "it")

    return Reader(target, read, json_variants)


def make_release_pointer(folder: Path, workspace: Workspace) -> Reader:
    make_release(folder, workspace)
    return Reader(workspace.releases / "current", lambda: current_release(workspace), blind)


def make_geojson(folder: Path, workspace: Workspace) -> Reader:
    target = folder / "reference.geojson"
    line = {"type": "LineString", "coordinates": [[-80.0, 40.4], [-80.001, 40.4], [-80.002, 40.401]]}
    marked = {"class": "lane_divider", "marking_type": "solid", "sigma_m": [0.1, 0.1, 0.1], "confidence": 0.5}
    feature = {"type": "Feature", "properties": marked, "geometry": line}
    crs = {"type": "name", "properties": {"name": "EPSG:4326"}}
    target.write_text(json.dumps({"type": "FeatureCollection", "crs": crs, "features": [feature, feature]}))
    return Reader(target, lambda: read_reference(target, FRAME), json_variants)


def av2_map() -> dict[str, Any]:
    def points(*xy: tuple[float, float]) -> list[dict[str, float]]:
        return [{"x": x, "y": y, "z": 0.0} for x, y in xy]

    lane = {
        "id": 1, "left_lane_boundary": points((0, 2), (20, 2)), "right_lane_boundary": points((0, -2), (20, -2)),
        "left_lane_mark_type": "SOLID_WHITE", "right_lane_mark_type": "DASHED_YELLOW", "predecessors": [],
        "successors": [2], "lane_type": "VEHICLE", "left_neighbor_id": None, "right_neighbor_id": None,
        "is_intersection": False,
    }  # fmt: skip
    crossing = {"id": 3, "edge1": points((5, -2), (5, 2)), "edge2": points((8, -2), (8, 2))}
    area = {"id": 4, "area_boundary": points((-5, -5), (30, -5), (30, 5), (-5, 5))}
    return {"lane_segments": {"1": lane}, "pedestrian_crossings": {"3": crossing}, "drivable_areas": {"4": area}}


def make_av2_reference(folder: Path, workspace: Workspace) -> Reader:
    target = folder / "log_map_archive_x____PIT_city_1.json"
    target.write_text(json.dumps(av2_map()))
    return Reader(target, lambda: read_reference(target, FRAME, "PIT"), json_variants)


def make_av2_world(folder: Path, workspace: Workspace) -> Reader:
    target = folder / "log_map_archive_y____PIT_city_1.json"
    target.write_text(json.dumps(av2_map()))
    return Reader(target, lambda: read_av2_map(target), json_variants)


def make_nuscenes_world(folder: Path, workspace: Workspace) -> Reader:
    target = folder / "map.geojson"

    def feature(role: str, kind: str, coordinates: Any, shape: str) -> dict[str, Any]:
        properties = {"class": kind, "geometry_role": role, "marking_type": "solid", "marking_colour": "white"}
        geometry = {"type": shape, "coordinates": coordinates}
        return {"type": "Feature", "properties": properties, "geometry": geometry}

    square = [[[0, -4], [60, -4], [60, 4], [0, 4], [0, -4]]]
    features = [
        feature("surface", "lane", square, "Polygon"),
        feature("centerline", "lane", [[0, 0], [30, 0], [60, 0]], "LineString"),
        feature("line", "lane_marking", [[0, 2], [60, 2]], "LineString"),
    ]
    target.write_text(json.dumps({"type": "FeatureCollection", "features": features}))
    return Reader(target, lambda: read_nuscenes_map(target, (8.4, 49.0)), json_variants)


def make_lanelet2_world(folder: Path, workspace: Workspace) -> Reader:
    target = folder / "map.osm"
    places = {1: (0, 0), 2: (6, 0), 3: (0, 4), 4: (6, 4), 5: (2, 0), 6: (2, 4), 7: (3, 0), 8: (3, 4)}
    nodes = [
        f'<node id="{n}" lat="{49 + y * 1e-5}" lon="{8.4 + x * 1e-4}"><tag k="ele" v="110.5"/></node>'
        for n, (x, y) in places.items()
    ]
    kinds = {(1, 2): "line_thin", (3, 4): "curbstone", (5, 6): "stop_line", (7, 8): "zebra_marking"}
    ways = [
        f'<way id="{a}{b}"><nd ref="{a}"/><nd ref="{b}"/><tag k="type" v="{kind}"/><tag k="subtype" v="solid"/></way>'
        for (a, b), kind in kinds.items()
    ]
    relations = [
        f'<relation id="{n}"><member type="way" ref="{left}" role="left"/><member type="way" ref="{right}" '
        f'role="right"/><tag k="type" v="lanelet"/><tag k="subtype" v="{kind}"/><tag k="one_way" v="no"/></relation>'
        for n, (left, right, kind) in enumerate(((34, 12, "road"), (56, 78, "crosswalk")), 100)
    ]
    area = '<relation id="200"><member type="way" ref="12" role="outer"/><tag k="type" v="multipolygon"/>'
    relations.append(area + '<tag k="subtype" v="parking"/></relation>')
    target.write_text(f'<osm version="0.6">{"".join(nodes + ways + relations)}</osm>')
    return Reader(target, lambda: read_lanelet2_map(target, (8.4, 49.0)), xml_variants)


def make_weights(folder: Path, workspace: Workspace) -> Reader:
    import torch

    target = folder / "net.safetensors"
    write_weights(ModelWeights("net", {"channels": [1, 2]}, {"w": torch.zeros(4, 4)}), target, folder / "tmp")
    return Reader(target, lambda: read_weights(target, "net").settings["channels"], blind)


def make_region_file(folder: Path, workspace: Workspace) -> Reader:
    target = folder / "region.yaml"
    target.write_text("name: here\nlogs: [a.mcap, b.mcap]\nbounds: [1.0, 2.0, 3.0, 4.0]\ncity: PIT\n")

    def variants(content: bytes, count: int) -> Iterator[tuple[str, bytes]]:
        yield from blind(content, count)
        yield "python-object", b"logs: !!python/object/apply:os.system ['touch escaped']\n"
        levels = "\n".join(f"l{k}: &l{k} [{', '.join([f'*l{k - 1}'] * 9)}]" for k in range(1, 10))
        yield "billion-laughs", f"l0: &l0 [x]\n{levels}\nlogs: *l9\n".encode()
        yield "loop", b"logs: &a [*a]\n"
        yield "deep", b"logs: " + b"[" * 50_000 + b"]" * 50_000
        yield "list", b"- a\n- b\n"
        yield "text", b"only words"
        yield "interpolation", b"name: ${oc.env:PATH}\n"
        yield "typo", b"logz: [a]\n"
        yield "null-logs", b"logs: null\n"

    return Reader(target, lambda: compose_settings([f"region={target}"]), variants)


def _ingested(log: Path, workspace: Workspace) -> None:
    (source,) = find_logs(log)
    ingest(IngestInputs(source, workspace), IngestConfig(min_points_per_sweep=1))


def make_av2_sweep(folder: Path, workspace: Workspace) -> Reader:
    log = write_av2(folder / "av2")
    sweep = next((log / "sensors" / "lidar").iterdir())
    return Reader(sweep, lambda: _ingested(log, workspace), feather_variants)


def make_av2_poses(folder: Path, workspace: Workspace) -> Reader:
    log = write_av2(folder / "av2")
    return Reader(log / "city_SE3_egovehicle.feather", lambda: _ingested(log, workspace), feather_variants)


def make_av2_calibration(folder: Path, workspace: Workspace) -> Reader:
    log = write_av2(folder / "av2")
    target = log / "calibration" / "egovehicle_SE3_sensor.feather"
    return Reader(target, lambda: _ingested(log, workspace), feather_variants)


def make_av2_intrinsics(folder: Path, workspace: Workspace) -> Reader:
    log = write_av2(folder / "av2")
    return Reader(log / "calibration" / "intrinsics.feather", lambda: _ingested(log, workspace), feather_variants)


def feather_variants(content: bytes, count: int) -> Iterator[tuple[str, bytes]]:
    yield from blind(content, count)
    table = feather.read_table(pa.BufferReader(content))
    for name in table.column_names:
        at, rows, kind = table.column_names.index(name), table.num_rows, table.schema.field(name).type
        strange = [pa.nulls(rows, kind), pa.nulls(rows), pa.array(["../x"] * rows), pa.array([[1.0]] * rows)]
        if pa.types.is_floating(kind):
            strange += [pa.array(np.full(rows, v), type=pa.float64()) for v in (np.nan, np.inf, 1e300)]
        if pa.types.is_integer(kind):
            strange += [pa.array(np.full(rows, v, np.int64)) for v in (-1, 2**62)]
        for k, column in enumerate(strange):
            yield f"{name}-{k}", _feather(table.set_column(at, name, column))
        yield f"without-{name}", _feather(table.drop_columns([name]))
    yield "no-rows", _feather(table.slice(0, 0))


def _feather(table: pa.Table) -> bytes:
    sink = pa.BufferOutputStream()
    feather.write_feather(table, sink)
    return sink.getvalue().to_pybytes()


def _kitti(folder: Path, workspace: Workspace, name: str) -> Reader:
    log = write_kitti(folder / "kitti", oxts=True, images=True)
    found = [*log.rglob(name), *log.parent.glob(name)]
    return Reader(sorted(found)[0], lambda: _ingested(log, workspace), text_variants)


def text_variants(content: bytes, count: int) -> Iterator[tuple[str, bytes]]:
    yield from blind(content, count)
    words = content.split()
    for k, value in enumerate((b"nan", b"inf", b"-1e308", b"1" + b"0" * 5000, b"../x", "\u00e4".encode(), b"")):
        yield f"all-{k}", b" ".join([value] * len(words)) + b"\n"
        yield f"one-{k}", content.replace(words[0] if words else b"x", value, 1)


def make_kitti_sweep(folder: Path, workspace: Workspace) -> Reader:
    return _kitti(folder, workspace, "0000000000.bin")


def make_kitti_oxts(folder: Path, workspace: Workspace) -> Reader:
    return _kitti(folder, workspace, "0000000000.txt")


def make_kitti_times(folder: Path, workspace: Workspace) -> Reader:
    return _kitti(folder, workspace, "timestamps.txt")


def make_kitti_camera(folder: Path, workspace: Workspace) -> Reader:
    return _kitti(folder, workspace, "calib_cam_to_cam.txt")


def make_kitti_imu(folder: Path, workspace: Workspace) -> Reader:
    return _kitti(folder, workspace, "calib_imu_to_velo.txt")


def make_kitti_picture(folder: Path, workspace: Workspace) -> Reader:
    return _kitti(folder, workspace, "0000000000.png")


def outcome(read: Callable[[], Any]) -> str:
    def too_long(*_: Any) -> None:
        raise TooLong

    signal.signal(signal.SIGALRM, too_long)
    signal.alarm(LONGEST_S)
    try:
        read()
    except MapForgeError as error:
        return f"refused: {type(error).__name__}: {error}"[:300]
    except TooLong:
        return f"HUNG for {LONGEST_S} s"
    except BaseException as error:  # noqa: BLE001 - whatever comes out is what is looked for
        import traceback

        last = traceback.extract_tb(error.__traceback__)[-1]
        return f"ESCAPED {type(error).__name__} at {Path(last.filename).name}:{last.lineno}: {error}"[:300]
    finally:
        signal.alarm(0)
    return "read"


def main(folder: Path, scale: int, seed: int, names: list[str]) -> None:
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY_MB * 2**20, MEMORY_MB * 2**20))
    makers = readers(folder)
    for name in names or sorted(makers):
        (folder / name).mkdir(parents=True)
        reader = readers(folder / name)[name]()
        good = reader.path.read_bytes()
        print(json.dumps({"reader": name, "case": "good", "outcome": outcome(reader.read)}), flush=True)
        for case, content in blind(good, scale, seed) if seed else reader.variants(good, scale):
            reader.path.write_bytes(content)
            print(json.dumps({"reader": name, "case": case, "outcome": outcome(reader.read)}), flush=True)
        if name in BOMBED and not seed:
            parquet_bomb(good, reader.path)
            print(json.dumps({"reader": name, "case": "bomb", "outcome": outcome(reader.read)}), flush=True)
        reader.path.write_bytes(good)


if __name__ == "__main__":
    main(Path(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3]), sys.argv[4:])
