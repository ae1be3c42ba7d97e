"""Reports of runs: read back, and given again where nothing changed since."""

from __future__ import annotations

import json
import os
import shutil
from pathlib import Path
from typing import Any

from mapforge.errors import ContractError, MissingInputError
from mapforge.io import mirror
from mapforge.io.atomic import atomic_file, write_text
from mapforge.io.json_text import read_object
from mapforge.io.workspace import Workspace
from mapforge.pipeline.execution import Execution
from mapforge.pipeline.planner import verdict_item
from mapforge.pipeline.region_facts import RegionFacts
from mapforge.pipeline.staging import fetch_outputs


def read_report(workspace: Workspace, run_id: str) -> dict[str, Any]:
    """The content of a run's report.json, and where `map` and `report` lie. Raises MissingInputError."""
    folder = workspace.report(run_id)
    try:
        report = read_object(folder / "report.json", "run `mapforge validate`, or the region again")
    except FileNotFoundError as error:
        raise MissingInputError(f"{folder} holds no report.json: the run did not get that far") from error
    return {**report, "map": str(workspace.tiles), "report": str(folder / "report.html")}


def report_again(facts: RegionFacts, execution: Execution) -> dict[str, Any] | None:
    """The newest report on the region under this run's name; None when it is not there any more.

    The page is the same file; what this run took is told apart from what the one before measured.
    """
    stamp = facts.ledger.stamp("validation", verdict_item(facts))
    if stamp is None:
        return None
    fetch_outputs("validation", verdict_item(facts), facts.workspace)
    before = facts.workspace.report(str(stamp.notes["run_id"]))
    try:
        report = read_object(before / "report.json", "it is made again")
    except (FileNotFoundError, ContractError):
        return None
    report["unchanged_since"] = report.get("unchanged_since", report["run_id"])
    report["run_id"] = execution.run_id
    report["timing_s"] = {stage: round(seconds, 3) for stage, seconds in execution.timing_s.items()}
    folder, tmp = facts.workspace.report(execution.run_id), facts.workspace.tmp
    write_text(folder / "report.json", json.dumps(report, indent=1, allow_nan=False) + "\n", tmp)
    with atomic_file(folder / "report.html", tmp) as path:
        _link_or_copy(before / "report.html", path)
    mirror.put(facts.workspace, [folder / "report.json", folder / "report.html"])
    return read_report(facts.workspace, execution.run_id)


def _link_or_copy(source: Path, target: Path) -> None:
    try:
        os.link(source, target)
    except OSError:  # the file system has no links
        shutil.copyfile(source, target)
