"""Builds one region: follows its plan stage by stage; what depends on an earlier stage is decided when that is done."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from pathlib import Path

from mapforge.catalog.tables import DriveState, TileState
from mapforge.errors import LeaseHeldError, NoUsableDriveError
from mapforge.geometry.crs import MapFrame
from mapforge.geometry.tiles import TileId, tiles_near
from mapforge.io import mirror
from mapforge.io.trajectories import path_sha256, read_trajectory
from mapforge.localization.settled import read_ledger
from mapforge.pipeline import drive_tasks, job_inputs, staging, tile_tasks
from mapforge.pipeline.drive_monitor import look_over
from mapforge.pipeline.execution import Execution, StageResult
from mapforge.pipeline.jobs import Job, JobError
from mapforge.pipeline.observation_stamps import stamp_observations
from mapforge.pipeline.plan import Action, Task
from mapforge.pipeline.region_facts import TILE_REACH_M, RegionFacts, grown
from mapforge.pipeline.stage_files import tile_of
from mapforge.pipeline.stamps import Stamp
from mapforge.pipeline.tile_builds import TileBuilds
from mapforge.pipeline.tile_tasks import TilePlan
from mapforge.schemas.drive import DriveManifest


@dataclass
class RegionResult:
    """What a run came to, before it is judged.

    drives: those of the region that were mapped. refused: drive or log -> why it was left out.
    failed: tile -> (stage, error). parked: tile -> why nobody builds it.
    builds: tile -> build, of all tiles of the region that have one. changed: those with a new one.
    claimed: tiles this run holds. skipped: those another run is working on. rasters: tile -> what each drive saw of it,
    as far as it is kept. basis: drive -> hash of its path and elements. odd: drive -> what is unlike the fleet.
    """

    drives: dict[str, DriveManifest] = field(default_factory=dict)
    refused: dict[str, str] = field(default_factory=dict)
    failed: dict[TileId, tuple[str, str]] = field(default_factory=dict)
    parked: dict[TileId, str] = field(default_factory=dict)
    builds: dict[TileId, str] = field(default_factory=dict)
    changed: set[TileId] = field(default_factory=set)
    claimed: set[TileId] = field(default_factory=set)
    skipped: list[TileId] = field(default_factory=list)
    basis: dict[str, str] = field(default_factory=dict)
    odd: dict[str, list[str]] = field(default_factory=dict)
    rasters: dict[TileId, list[Path]] = field(default_factory=dict)


def build_region(facts: RegionFacts, execution: Execution) -> RegionResult:
    """Logs to tiles. Drives that cannot be used and tiles that fail are named in the result, never raised.

    Raises NoUsableDriveError when nothing is left to map, LeaseHeldError when another run works on every tile.
    """
    build = _Build(facts, execution)
    build.ingest()
    build.place()
    build.localize()
    build.align()
    build.rasterize()
    build.claim()
    build.perceive()
    build.vectorize()
    build.fuse()
    build.link()
    build.cut()
    return build.finish()


class _Build:
    """One region while it is built."""

    def __init__(self, facts: RegionFacts, execution: Execution) -> None:
        self.facts = facts
        self.execution = execution
        self.catalog = execution.catalog
        self.result = RegionResult()
        self.claimed: set[TileId] = set()
        self.bereft: dict[TileId, tuple[str, JobError]] = {}
        self.fused: dict[TileId, str] = {}
        self.lanes: dict[TileId, Task] = {}

    def ingest(self) -> None:
        """New logs into the store; then every drive of the workspace that may be used."""
        self.facts.read_manifests()
        tasks = drive_tasks.ingest_tasks(self.facts)
        done = self._do("ingest", tasks, job_inputs.ingest_job)
        self.result.refused.update({item: error.text for item, error in done.errors.items()})
        self.result.refused.update({t.item: "; ".join(t.reasons) for t in tasks if t.action is Action.SKIP})
        self.facts.read_manifests()
        self.result.refused.update(self.facts.unreadable)
        ingested = {outputs[0].parent.name for outputs in done.outputs.values()}
        reused = {task.drive for task in tasks if task.action is Action.REUSE and task.drive is not None}
        self.facts.choose_region_drives(ingested | reused)
        self.states = {drive.drive_id: drive.state for drive in self.catalog.drives()}
        for drive in sorted((set(self.facts.manifests) - set(self.states)) | ingested):
            self.catalog.record_drive(self.facts.manifests[drive])
        self._compare_with_fleet(ingested)
        self._require_drives("the workspace is empty, set region.logs=[PATH]", self.facts.manifests)

    def _compare_with_fleet(self, ingested: set[str]) -> None:
        """Drives of the region whose vital signs are odd are named; new ones are parked where the settings say so."""
        with staging.drive_vitals(self.facts.workspace, self.facts.manifests):
            odd = look_over(self.facts.workspace, self.facts.manifests)
        self.result.odd = {drive: words for drive, words in odd.items() if drive in self.facts.region_drives}
        held = ingested & set(self.result.odd) if self.facts.settings.engine.hold_odd_drives else set()
        for drive in sorted(held):
            reason = f"unlike the fleet: {'; '.join(self.result.odd[drive])} (mapforge retry drive={drive} takes it in)"
            self.catalog.park_drive(drive, reason)
            self.result.refused[drive] = reason
            self.facts.region_drives.discard(drive)
            del self.facts.manifests[drive]

    def place(self) -> None:
        """The map's frame: the workspace's own, or the UTM zone of its first drive (by name)."""
        workspace, settings = self.facts.workspace, self.facts.settings
        if workspace.has_frame():
            return
        references = [self.facts.manifests[d].reference_lon_lat_deg for d in sorted(self.facts.region_drives)]
        known = [place for place in (*references, self.facts.origin) if place is not None]
        if not known:
            raise NoUsableDriveError(
                "no drive knows where on earth it was: set region.origin_lat_deg and region.origin_lon_deg "
                "(for AV2 logs without map files: region.city)"
            )
        lon_deg, lat_deg = known[0]
        workspace.write_frame(MapFrame.at(lon_deg, lat_deg, settings.map.epsg, settings.map.epoch))
        mirror.put(workspace, [workspace.root / "map.json"])

    def localize(self) -> None:
        """Each drive by itself."""
        self.facts.look_at_drives()
        tasks = drive_tasks.localization_tasks(self.facts)
        self._drop_drives("localization", self._do("localization", tasks, job_inputs.localization_job))
        for task in tasks:
            if task.action is Action.RUN and task.item in self.facts.drives:
                self.facts.look_at(task.item)

    def align(self) -> None:
        """Drives that are not settled yet, among those that are. What follows depends on the paths themselves."""
        tasks = drive_tasks.alignment_tasks(self.facts)
        names = {task.item for task in tasks if task.action is Action.RUN}
        moving = [own for own in self.facts.drives.values() if own.drive_id in names]
        settled = [own for own in self.facts.drives.values() if own.drive_id not in names]
        jobs = [job_inputs.alignment_job(moving, settled, self.facts)] if moving else []
        done = self.execution.do("alignment", jobs, len(settled))
        self._drop_drives("alignment", StageResult(errors={d: e for e in done.errors.values() for d in names}))
        if moving and not done.errors:
            finals = {path.stem: path for path in done.outputs["map"]}
            stamps = {own.drive_id: self._settled(own.drive_id, finals.get(own.drive_id)) for own in moving}
            self.facts.ledger.keep("alignment", stamps, done.delivered)
            for drive in stamps:
                self.facts.look_at(drive)
        for drive, own in sorted(self.facts.drives.items()):
            if own.refusal is not None:
                self._refuse(drive, own.refusal)
        self._require_drives("every drive was refused")

    def _settled(self, drive: str, path: Path | None) -> Stamp:
        """Of a drive's final trajectory, with what planning needs to know of it; None = it was refused."""
        recipe, workspace = self.facts.drives[drive].alignment.recipe, self.facts.workspace
        if path is None:
            refusal = read_ledger(workspace).refused().get(drive, "it contradicts the other drives")
            return Stamp.of(recipe, [], workspace, {"refusal": refusal})
        xyz_map = read_trajectory(path, self.facts.frame).translation_m
        tiles = [str(tile) for tile in tiles_near(xyz_map, self.facts.frame, TILE_REACH_M)]
        return Stamp.of(recipe, [path], workspace, {"path": path_sha256(path), "tiles": tiles})

    def _refuse(self, drive: str, reason: str) -> None:
        if self.states.get(drive) != DriveState.REFUSED:
            self.catalog.record_drive(self.facts.manifests[drive], reason)
        self.facts.drop(drive)
        if drive in self.facts.region_drives:
            self.result.refused[drive] = reason

    def rasterize(self) -> None:
        tasks = [t for t in drive_tasks.rasterization_tasks(self.facts) if t.action is not Action.DEPENDS]
        self._drop_drives("rasterization", self._do("rasterization", tasks, job_inputs.rasterization_job))
        for task in tasks:
            if task.action is Action.RUN and task.item in self.facts.drives:
                self.facts.look_at(task.item)

    def claim(self) -> None:
        """The tiles that are due, less those another living run works on."""
        self.wanted = self.facts.wanted_tiles()
        self._plan_tiles()
        self._claim(self.plan.due)

    def perceive(self) -> None:
        """Observations and detections of the drives that due tiles need; their rasters where they are gone."""
        mine = [task for task in self.plan.fusion if task.tile in self.claimed and task.action is Action.RUN]
        self.needed = sorted({drive for task in mine if task.tile for drive in self.near.get(task.tile, [])})
        tasks = drive_tasks.element_tasks(self.facts, self.needed)
        again = _of(tasks, "rasterization")
        if again:
            self._drop_drives("rasterization", self._do("rasterization", again, job_inputs.rasterization_job))
        observations = [task for task in _of(tasks, "perception") if task.drive in self.facts.drives]
        done = self._do("perception", observations, job_inputs.perception_job)
        stamp_observations(observations, done, self.facts)
        for item, error in sorted(done.errors.items()):
            self._fail_tile(TileId.parse(item.rpartition("@")[0]), "perception", error)
        detections = [task for task in _of(tasks, "detection") if task.drive in self.facts.drives]
        self._drop_drives("detection", self._do("detection", detections, job_inputs.detection_job))

    def vectorize(self) -> None:
        drives = [drive for drive in self.needed if drive in self.facts.drives]
        tasks = [drive_tasks.vectorization_task(self.facts, self.facts.drives[drive]) for drive in drives]
        done = self._do("vectorization", tasks, job_inputs.vectorization_job)
        self._drop_drives("vectorization", done)
        for drive in drives:
            if drive in self.facts.drives:
                own = self.facts.look_at(drive)
                if drive in done.outputs:
                    self.catalog.record_touched(drive, map(str, own.tiles or ()), own.product)

    def fuse(self) -> None:
        """Tiles whose observations failed are not fused: a map with a hole in it would look whole."""
        self._plan_tiles()
        self._claim([tile for tile in self.plan.due if tile not in self.claimed])
        touched = {tile for own in self.facts.drives.values() for tile in own.tiles or ()}
        for tile in sorted(self.claimed & set(self.bereft)):
            stage, error = self.bereft[tile]
            if error.is_of_the_machine or tile not in touched:
                self._fail_tile(tile, stage, error)
        tasks = [t for t in self.plan.fusion if t.tile not in self.result.failed and t.tile not in self.result.skipped]
        done = self._do("fusion", tasks, lambda t, f: job_inputs.fusion_job(t, self.near.get(t.tile, []), f))  # type: ignore[arg-type]
        for item, error in sorted(done.errors.items()):
            self._fail_tile(TileId.parse(item), "fusion", error)
        self.fused = {
            task.tile: task.recipe.fingerprint
            for task in tasks
            if task.tile is not None and task.recipe is not None and task.item not in done.errors
        }

    def link(self) -> None:
        """Lanes of tiles whose own elements, or those around them, are new."""
        self.lanes = {
            tile: tile_tasks.lanes_task(self.facts, tile, self.near.get(tile, []), self.fused)
            for tile in sorted(self.fused)
        }
        tasks = list(self.lanes.values())
        done = self._do("lane_graph", tasks, lambda t, f: job_inputs.lanes_job(t, self.near.get(t.tile, []), f))  # type: ignore[arg-type]
        for item, error in sorted(done.errors.items()):
            self._fail_tile(TileId.parse(item), "lane_graph", error)
            del self.fused[TileId.parse(item)]

    def cut(self) -> None:
        """Tiles with new elements, and those in which the name of an element changed with them; the others stay."""
        made = TileBuilds(self.facts, self.fused, self.lanes)
        cutting = [tile_tasks.cutting_task(self.facts, t, fused, self.lanes[t]) for t, fused in self.fused.items()]
        due = {task.tile: made.content(task.tile) for task in cutting if task.tile and task.action is Action.RUN}
        removed = self.plan.removed
        jobs = [job_inputs.cutting_job(due, removed, self.facts)] if due or removed else []
        done = self.execution.do("tiles", jobs, len(cutting) - len(due))
        for error in done.errors.values():
            for tile in due:
                self._fail_tile(tile, "tiles", error)
                self.fused.pop(tile, None)
        if jobs:
            files = {tile_of(path): path for path in done.outputs.get("map", ())}
            made.record(files, self.claimed, self.execution.run_id, done.delivered)
            self.result.changed = set(files)

    def finish(self) -> RegionResult:
        """What there is now of every tile of the region."""
        left = self.facts.region_drives & set(self.facts.drives)
        for drive in sorted(left):
            if self.states.get(drive) == DriveState.REFUSED:
                self.catalog.record_drive(self.facts.manifests[drive])
        self.result.drives = {drive: self.facts.manifests[drive] for drive in sorted(left)}
        self.result.parked = self.facts.parked_of_region()
        self.result.claimed = self.claimed - set(self.result.failed)
        self.result.basis = self.facts.basis()
        for tile in self.wanted:
            if tile in self.fused:
                build = self.facts.build_of(tile)
                if build is not None:
                    self.result.builds[tile] = build
            for drive in self.near.get(tile, []):
                raster = self.facts.workspace.raster(tile, drive)
                if raster.exists():
                    self.result.rasters.setdefault(tile, []).append(raster)
        return self.result

    def _plan_tiles(self) -> None:
        self.near = self.facts.drives_by_tile()
        self.plan: TilePlan = tile_tasks.tile_plan(self.facts, self.wanted)

    def _claim(self, tiles: list[TileId]) -> None:
        if not tiles:
            return
        try:
            taken = self.catalog.claim(map(str, tiles), self.execution.run_id)
        except LeaseHeldError:
            if not self.claimed:
                raise
            taken = []
        self.claimed |= {TileId.parse(tile) for tile in taken}
        self.result.skipped = sorted({*self.result.skipped, *tiles} - self.claimed)

    def _do(self, stage: str, tasks: list[Task], job: Callable[[Task, RegionFacts], Job]) -> StageResult:
        running = [task for task in tasks if task.action is Action.RUN]
        return self.execution.do(stage, [job(task, self.facts) for task in running], len(tasks) - len(running))

    def _drop_drives(self, stage: str, done: StageResult) -> None:
        """A drive that failed takes no further part; the region is told when it was one of its own.

        One that failed too often is parked. Its tiles are built without it, unless nobody else saw them, or it met a
        full disk or the like: those keep what they have.
        """
        for drive, error in sorted(done.errors.items()):
            own = self.facts.drives[drive]
            failures = self.catalog.record_drive(own.manifest, error.text)
            reach = own.tiles or own.old_tiles or own.path_tiles
            hurt = grown(reach) if error.is_of_the_machine else grown(reach) - set(self.bereft)
            self.bereft.update(dict.fromkeys(hurt, (stage, error)))
            if not error.is_of_the_machine and failures >= self.facts.settings.engine.park_after:
                self.catalog.park_drive(drive, f"failed {failures} times, last in {stage}: {error.text}")
            self.facts.drop(drive)
            if drive in self.facts.region_drives:
                self.result.refused[drive] = error.text
        self._require_drives("every drive failed")

    def _require_drives(self, otherwise: str, usable: Iterable[str] | None = None) -> None:
        """usable: the drives there are, where they were not looked at yet."""
        left = self.facts.region_drives & set(self.facts.drives if usable is None else usable)
        if not left:
            reasons = "; ".join(f"{name}: {why}" for name, why in sorted(self.result.refused.items()))
            raise NoUsableDriveError(f"no usable drive: {reasons or otherwise}")

    def _fail_tile(self, tile: TileId, stage: str, error: JobError) -> None:
        if tile not in self.claimed or tile in self.result.failed:
            return
        self.result.failed[tile] = (stage, error.text)
        self.catalog.set_tile(str(tile), TileState.FAILED, stage, error.text)
        failures = self.catalog.tile(str(tile)).failures
        if failures >= self.facts.settings.engine.park_after and not error.is_of_the_machine:
            self.catalog.park_tile(str(tile), f"failed {failures} times, last in {stage}: {error.text}")


def _of(tasks: Iterable[Task], stage: str) -> list[Task]:
    return [task for task in tasks if task.stage == stage]
