"""A night: take in what arrived, build what it touched, judge it without labels, publish it or say why not.

Nothing here needs a scheduler: `mapforge nightly` in a crontab will do; `flows/nightly.py` does it under Prefect.
"""

from __future__ import annotations

import json
import time
from contextlib import closing
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

from mapforge.catalog import Catalog
from mapforge.catalog.locks import Turn
from mapforge.catalog.tables import DriveState
from mapforge.config import PublishRule, Settings
from mapforge.errors import LeaseHeldError, MapForgeError
from mapforge.io import mirror
from mapforge.io.atomic import write_text
from mapforge.io.workspace import Workspace
from mapforge.pipeline.execution import NoProgress, Progress
from mapforge.pipeline.inbox import Inbox, InboxLedger, LogState, ingest_recipe, look_into, remember
from mapforge.pipeline.jobs import OF_THE_MACHINE, WORKER_DIED
from mapforge.pipeline.night_page import night_page
from mapforge.pipeline.night_retention import prune_night_folders
from mapforge.pipeline.night_summary import ChangedTile, NightOutcome, NightSummary, TakenLog
from mapforge.pipeline.night_troubles import LATEST, Troubles, log_problem, newest_summary
from mapforge.pipeline.release_candidate import Candidate, candidate, judge_candidate, write_candidate_difference
from mapforge.pipeline.run import ingest_logs, new_run_id, run_region
from mapforge.pipeline.runners import Runner
from mapforge.releases.publish import publish
from mapforge.releases.retention import prune
from mapforge.validation.candidate import CandidateVerdict

SUMMARY, PAGE = "summary.json", "summary.md"
NIGHT, WAIT_LONGER = "night", "nightly.wait_s makes this one wait longer"
WORTH_ANOTHER_NIGHT = (*OF_THE_MACHINE, WORKER_DIED, "MemoryError", "KilledWorker")


def nightly(settings: Settings, runner: Runner, progress: Progress | None = None) -> NightSummary:
    """One night of a workspace. Never raises what MapForge knows how to explain: the summary says it.

    The summary is written to nights/<id>/ as JSON and Markdown, and to nights/latest.*; one that was skipped because
    another night is running leaves `latest` alone.
    """
    workspace = Workspace.at(settings.workspace)
    began = time.perf_counter()
    night = NightSummary(
        new_run_id(), workspace.place, settings.region.name, datetime.now(tz=UTC).isoformat(timespec="seconds")
    )
    troubles, config = Troubles(workspace), settings.nightly
    try:
        with (
            closing(Catalog.of(settings.workspace, settings.catalog_url)) as catalog,
            catalog.locked(NIGHT, night.night_id, config.wait_s, config.lock_expires_s, WAIT_LONGER) as turn,
        ):
            mirror.pull(workspace)
            _Night(settings, workspace, catalog, night, troubles).run(turn, runner, progress or NoProgress())
    except LeaseHeldError as error:
        night.outcome, night.reason = NightOutcome.SKIPPED, str(error)
    except (MapForgeError, OSError) as error:
        night.outcome, night.reason = NightOutcome.FAILED, f"{type(error).__name__}: {error}"
        troubles.night(night.reason)
    except BaseException as error:
        night.reason = f"{type(error).__name__}: {error}"
        raise
    finally:
        night.seconds = round(time.perf_counter() - began, 3)
        mirror.fetch_record(workspace, workspace.nights / f"{LATEST}.json")
        night.problems, known = troubles.news(newest_summary(workspace))
        night.known += known
        _write(night, workspace)
    return night


class _Night:
    """The steps of one night, and the summary they fill."""

    def __init__(
        self, settings: Settings, workspace: Workspace, catalog: Catalog, night: NightSummary, troubles: Troubles
    ) -> None:
        self.settings = settings
        self.workspace = workspace
        self.catalog = catalog
        self.night = night
        self.troubles = troubles

    def run(self, turn: Turn, runner: Runner, progress: Progress) -> None:
        self.note_turn(turn)
        self.take_in(runner, progress)
        self.build(runner, progress)
        found = candidate(self.workspace, self.catalog)
        self.night.release = found.release.name if found.release is not None else None
        if found.differs:
            self.decide(found)
        else:
            self.night.outcome = NightOutcome.UNCHANGED
        self.name_troubles()
        self.prune()

    def note_turn(self, turn: Turn) -> None:
        if turn.waited_s >= 1.0:
            self.night.notes.append(f"waited {turn.waited_s:.0f} s for another night to end")
        if turn.took_over is not None:
            self.night.notes.append(f"night {turn.took_over.name} died before its end; this one went on from there")

    def take_in(self, runner: Runner, progress: Progress) -> None:
        """New, whole logs into the drive store."""
        ledger, recipe = InboxLedger(self.workspace), ingest_recipe(self.settings)
        config = self.settings.nightly
        folders = config.inbox or self.settings.region.logs
        known_drives = {path.parent.name for path in self.workspace.drives.glob("*/manifest.json")}
        known_drives |= {drive.drive_id for drive in self.catalog.drives(state=DriveState.WITHDRAWN)}
        inbox = look_into(folders, ledger, recipe, known_drives, config.min_age_s, config.settle_s)
        self.night.waiting = dict(sorted(inbox.waiting.items()))
        self.night.known += [log_problem(path, record) for path, record in inbox.known_bad.items()]
        self.troubles.of_inbox(inbox)
        if inbox.fresh:
            settings = self._with_logs([str(log.path) for log in inbox.fresh])
            began = time.perf_counter()
            for entry in ingest_logs(settings, runner, progress, "auto"):
                self._take(entry, inbox, ledger, recipe)
            self.night.timing_s["ingest"] = round(time.perf_counter() - began, 3)
            self.night.tasks["ingest"] = len(inbox.fresh)
        ledger.save(inbox.stamps)
        mirror.put(self.workspace, [self.workspace.inbox_ledger])

    def build(self, runner: Runner, progress: Progress) -> None:
        """Everything that is not as it should be, whether by new drives, settings, weights or code."""
        if not any(self.workspace.drives.glob("*/manifest.json")):
            self.night.notes.append("no drive yet: the workspace is empty and nothing usable lies in the inbox")
            return
        report = run_region(self._with_logs([]), runner, progress)
        night = self.night
        night.run_id = report["run_id"]
        night.links["report"] = self.workspace.place_of(self.workspace.report(night.run_id) / "report.html")
        night.notes += report["notes"]
        for stage, seconds in report["timing_s"].items():
            night.timing_s[stage] = round(night.timing_s.get(stage, 0.0) + seconds, 3)
        for attempt in self.catalog.attempts(report["run_id"]):
            night.tasks[attempt.stage] = night.tasks.get(attempt.stage, 0) + 1
        night.built_tiles = len(
            {a.item for a in self.catalog.attempts(report["run_id"]) if a.stage == "fusion" and a.error is None}
        )
        for drive in report["drives"]:
            if drive["state"] != "used":
                self.troubles.drive(drive["drive_id"], drive["note"])

    def decide(self, found: Candidate) -> None:
        """Publishes what passes, or says which gate did not."""
        night, began = self.night, time.perf_counter()
        verdict = judge_candidate(found, self.workspace, self.catalog, self.settings.validation)
        night.timing_s["gates"] = round(time.perf_counter() - began, 3)
        self._note_verdict(found, verdict)
        rule = self.settings.nightly.publish
        self._show_difference(found)
        held = {} if rule is PublishRule.always else {str(tile): why for tile, why in verdict.held.items()}
        builds = {tile: build for tile, build in found.builds.items() if tile not in held}
        if rule is PublishRule.never:
            night.outcome, night.reason = NightOutcome.HELD, "nightly.publish=never: judged, not published."
        elif verdict.blocking and rule is PublishRule.gated:
            night.outcome = NightOutcome.HELD
            failed = len(verdict.blocking)
            night.reason = f"The release stays as it is: {failed} gate{'' if failed == 1 else 's'} failed."
            self.troubles.gates(verdict.blocking)
        elif not builds and not found.gone:
            night.outcome = NightOutcome.HELD
            night.reason = "Every changed tile is held back; the release stays as it is."
        else:
            self._publish(found, builds, verdict)
        self.troubles.held({tile: why for tile, why in held.items() if tile not in found.rejected})

    def name_troubles(self) -> None:
        """Failed, rejected and parked tiles."""
        self.night.tiles = {str(state): count for state, count in self.catalog.count_tiles().items()}
        self.troubles.of_catalog(self.catalog)

    def prune(self) -> None:
        """Old releases, reports and summaries go."""
        config = self.settings.releases
        pruned = prune(self.workspace, self.catalog, config.keep, config.keep_days)
        folders = prune_night_folders(self.workspace, self.catalog, self.settings.nightly.keep_nights)
        self.night.pruned = {
            "releases": len(pruned.releases),
            "tile_files": len(pruned.builds),
            "freed_bytes": pruned.freed_bytes,
            "folders": folders,
        }
        if pruned.note is not None:
            self.night.notes.append(pruned.note)

    def _take(self, entry: dict[str, Any], inbox: Inbox, ledger: InboxLedger, recipe: str) -> None:
        """Notes what became of one log."""
        path, error = entry["source"], entry["error"]
        if entry["drive_id"] is not None:
            error = None  # withdrawn or parked: its log is known, and left alone on purpose
        machine = error is not None and error.partition(":")[0] in WORTH_ANOTHER_NIGHT
        tries, before = self.settings.nightly.max_tries, ledger.records.get(path)
        record = remember(ledger, path, inbox.stamps[path], recipe, entry["drive_id"], error, machine, tries)
        if record.state is LogState.TAKEN:
            if before is not None and (before.stamp, before.drive_id) == (record.stamp, record.drive_id):
                self.night.read_again += 1
                return
            if entry["error"] is not None:
                return
            warnings = tuple(entry["warnings"])
            quarantined = sum(entry["quarantined"].values())
            self.night.taken.append(TakenLog(path, entry["drive_id"], entry["duration_s"], quarantined, warnings))
            return
        self.troubles.log(path, record)

    def _note_verdict(self, found: Candidate, verdict: CandidateVerdict) -> None:
        night = self.night
        night.gates = [
            {**reading.__dict__, "passed": reading.passed}
            for reading in sorted(verdict.readings, key=lambda r: (r.passed, r.about, r.gate))
        ]
        released = found.release.builds if found.release is not None else {}
        night.changes = {name: dict(change.__dict__) for name, change in verdict.total.lines.items()}
        night.changes |= {name: dict(change.__dict__) for name, change in verdict.total.points.items()}
        night.changed_tiles = [
            ChangedTile(str(tile), round(change.length_m, 1), verdict.held.get(tile, ()))
            for tile, change in verdict.changes.items()
            if str(tile) in released
        ]
        night.new_tiles = sum(tile not in released for tile in found.builds)
        night.gone_tiles = found.gone
        night.metrics = verdict.metrics

    def _show_difference(self, found: Candidate) -> None:
        """What would change, whether or not it is published: a held release is decided by looking at it."""
        began, folder = time.perf_counter(), self.workspace.night(self.night.night_id)
        files = write_candidate_difference(found, found.builds, self.workspace, folder, self.settings.releases)
        mirror.put(self.workspace, files)
        shown = {path.suffix[1:]: self.workspace.place_of(path) for path in files if path.suffix != ".txt"}
        self.night.links |= {f"difference ({kind})": place for kind, place in shown.items()}
        self.night.timing_s["difference"] = round(time.perf_counter() - began, 3)

    def _publish(self, found: Candidate, builds: dict[str, str], verdict: CandidateVerdict) -> None:
        night = self.night
        night.previous_release = night.release
        manifest = publish(
            self.workspace,
            self.catalog,
            builds,
            night.run_id or night.night_id,
            night.night_id,
            removed=found.gone,
            metrics=verdict.metrics,
            config=self.settings.releases,
        )
        night.release, night.outcome = manifest.name, NightOutcome.PUBLISHED
        night.links["release"] = self.workspace.place_of(self.workspace.release(manifest.name))

    def _with_logs(self, logs: list[str]) -> Settings:
        return replace(self.settings, region=replace(self.settings.region, logs=logs))


def _write(night: NightSummary, workspace: Workspace) -> None:
    folder, tmp = workspace.night(night.night_id), workspace.nights / ".unfinished"
    texts = {"json": json.dumps(night.as_dict(), indent=1, sort_keys=True) + "\n", "md": night_page(night)}
    written = {folder / name: texts[name.rpartition(".")[2]] for name in (SUMMARY, PAGE)}
    if night.outcome is not NightOutcome.SKIPPED:
        written |= {workspace.nights / f"{LATEST}.{suffix}": text for suffix, text in texts.items()}
    for path, text in written.items():
        write_text(path, text, tmp)
    mirror.put(workspace, written)
