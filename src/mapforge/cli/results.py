"""What a run came to, for people: a table of scores, what failed, where the map and the report are."""

from __future__ import annotations

from typing import Any

from mapforge.cli.app import INCOMPLETE, OK
from mapforge.cli.output import print_json, print_table, say

COLUMNS = {
    "mAP_easy": "mAP easy",
    "mAP_hard": "mAP hard",
    "completeness_0.5m": "found <0.5 m",
    "correctness_0.5m": "correct <0.5 m",
    "lateral_median_m": "lateral median m",
    "lateral_p95_m": "p95 m",
    "precision": "precision",
    "recall": "recall",
}
MOST_ERRORS = 10


def present(report: dict[str, Any], json_output: bool) -> int:
    """Prints a report; 1 when a tile failed or was rejected or a drive was refused."""
    code = OK if is_whole(report) else INCOMPLETE
    if json_output:
        print_json({**report, "exit_code": code})
        return code
    _print_scores(report["metrics"])
    _print_problems(report)
    states: dict[str, int] = {}
    for tile in report["tiles"]:
        states[tile["state"]] = states.get(tile["state"], 0) + 1
    throughput = report["throughput"]
    say("tiles:  " + (", ".join(f"{count} {state}" for state, count in sorted(states.items())) or "none"))
    say(f"drives: {throughput['drive_km']:.2f} km in {throughput['total_s']:.0f} s")
    say(f"map:    {report['map']}\nreport: {report['report']}")
    return code


def is_whole(report: dict[str, Any]) -> bool:
    """True when every drive was used and every tile is valid."""
    return all(drive["state"] == "used" for drive in report["drives"]) and all(
        tile["state"] == "valid" for tile in report["tiles"]
    )


def _print_scores(metrics: dict[str, dict[str, float | None]]) -> None:
    shown = [name for name in COLUMNS if any(values.get(name) is not None for values in metrics.values())]
    rows = [
        [label, *("" if values.get(name) is None else f"{values[name]:.3f}" for name in shown)]
        for label, values in metrics.items()
        if any(values.get(name) is not None for name in shown)
    ]
    if rows:
        print_table("Scores", ["class", *(COLUMNS[name] for name in shown)], rows)


def _print_problems(report: dict[str, Any]) -> None:
    problems = [f"drive {d['drive_id']}: {d['note']}" for d in report["drives"] if d["state"] != "used"]
    problems += [f"tile {t['tile']} failed: {t['error']}" for t in report["tiles"] if t["state"] == "failed"]
    problems += [
        f"tile {t['tile']} rejected: {'; '.join(t['reasons'])}" for t in report["tiles"] if t["state"] == "rejected"
    ]
    for line in [*problems[:MOST_ERRORS], *report["notes"]]:
        say(line)
    if len(problems) > MOST_ERRORS:
        say(f"... and {len(problems) - MOST_ERRORS} more; `mapforge status` lists them")
