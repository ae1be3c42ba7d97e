"""The report's figures and tables as HTML. Every text that comes from outside is escaped here."""

from __future__ import annotations

import html
import math
from collections.abc import Sequence
from typing import Any

Cell = str | float | int | None

PRECISION_COLUMNS = (
    ("AP_0.2", "AP 0.2 m", 3),
    ("AP_0.5", "AP 0.5 m", 3),
    ("AP_1.0", "AP 1.0 m", 3),
    ("AP_1.5", "AP 1.5 m", 3),
    ("mAP_easy", "mAP easy", 3),
    ("mAP_hard", "mAP hard", 3),
    ("mAP_easy_maptr", "easy, MapTR's rule", 3),
)
LENGTH_COLUMNS = (
    ("truth_length_m", "truth, m", 0),
    ("predicted_length_m", "found, m", 0),
    ("completeness_0.2m", "complete 0.2 m", 3),
    ("completeness_0.5m", "complete 0.5 m", 3),
    ("correctness_0.2m", "correct 0.2 m", 3),
    ("correctness_0.5m", "correct 0.5 m", 3),
    ("duplicated_length", "duplicated", 3),
)
ERROR_COLUMNS = (
    ("lateral_median_m", "lateral median", 3),
    ("lateral_p95_m", "lateral p95", 3),
    ("lateral_shifted_median_m", "median after shift", 3),
    ("lateral_shifted_p95_m", "p95 after shift", 3),
    ("longitudinal_median_m", "along the road", 3),
    ("height_median_m", "height median", 3),
    ("interval_68_share", "inside stated 68 %", 3),
    ("interval_95_share", "inside stated 95 %", 3),
)
SIGN_COLUMNS = (
    ("n_truth", "in view", 0),
    ("n_predictions", "found", 0),
    ("precision", "precision", 3),
    ("recall", "recall", 3),
    ("type_accuracy", "type right", 3),
    ("position_median_m", "position median, m", 3),
    ("position_p95_m", "position p95, m", 3),
    ("position_share_0.5m", "within 0.5 m", 3),
)
AGREEMENT_COLUMNS = (
    ("agreement_0.5m", "confirmed within 0.5 m", 3),
    ("agreement_median_m", "median, m", 3),
    ("agreement_p95_m", "p95, m", 3),
    ("agreement_length_m", "length, m", 0),
    ("kept_0.5m", "seen twice and mapped", 3),
    ("left_out_completeness_0.5m", "left-out drive in the map", 3),
    ("left_out_correctness_0.5m", "map seen by it", 3),
    ("left_out_lateral_median_m", "its offset, median m", 3),
    ("left_out_lateral_p95_m", "p95, m", 3),
    ("left_out_interval_95", "inside stated 95 %", 3),
)
Columns = Sequence[tuple[str, str, int]]


def number(value: float | None, digits: int = 3) -> str:
    """A dash where it is undefined."""
    return "–" if value is None or not math.isfinite(value) else f"{value:,.{digits}f}"


def table(heads: Sequence[str], rows: Sequence[Sequence[Cell]], row_attributes: Sequence[str] = ()) -> str:
    """A table; cells are texts (escaped) or numbers already written. row_attributes: of each <tr>, trusted."""
    head = "".join(f"<th>{html.escape(name)}</th>" for name in heads)
    body = "".join(
        f"<tr {row_attributes[i] if row_attributes else ''}>{''.join(_cell(cell) for cell in row)}</tr>"
        for i, row in enumerate(rows)
    )
    return f'<div class="scroll"><table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table></div>'


def score_table(metrics: dict[str, dict[str, Any]], columns: Columns) -> str:
    """A row a class, the columns that any class has; empty when there is none."""
    rows = {name: values for name, values in metrics.items() if any(key in values for key, _, _ in columns)}
    used = [column for column in columns if any(_known(values, column[0]) for values in rows.values())]
    if not rows or not used:
        return ""
    cells = [
        [name.replace("_", " "), *(number(values.get(key), digits) for key, _, digits in used)]
        for name, values in sorted(rows.items(), key=lambda item: (item[0] == "all", item[0]))
    ]
    return table(["class", *(label for _, label, _ in used)], cells)


def tile_table(tiles: Sequence[dict[str, Any]]) -> str:
    """A row a tile; a click on it brings the map there."""
    keys = ("completeness_0.5m", "correctness_0.5m", "lateral_median_m", "coverage", "agreement_0.5m")
    heads = ["tile", "state", "complete", "correct", "lateral, m", "coverage", "agreement", "issues", "why"]
    rows, attributes = [], []
    for tile in tiles:
        why = tile.get("error") or "; ".join(tile.get("reasons", ()))
        scores = [number(tile["scores"].get(key), 2) for key in keys]
        rows.append([tile["tile"], tile["state"], *scores, str(len(tile["issues"])), why])
        attributes.append(f'class="go state-{html.escape(tile["state"])}" data-tile="{html.escape(tile["tile"])}"')
    return table(heads, rows, attributes)


def issue_table(issues: Sequence[dict[str, Any]], most: int) -> str:
    """A row an issue, errors first; a click brings the map there."""
    ranked = sorted(issues, key=lambda i: (i["severity"] != "error", i["rule"], i["tile"], i["element_id"]))
    rows = [[i["severity"], i["rule"], i["message"], i["element_id"], i["tile"]] for i in ranked[:most]]
    attributes = [
        f'class="go {html.escape(i["severity"])}" data-lon="{i["lon_deg"]:.8f}" data-lat="{i["lat_deg"]:.8f}"'
        for i in ranked[:most]
    ]
    more = f"<p class='quiet'>{len(issues) - most:,} more in report.json.</p>" if len(issues) > most else ""
    return table(["severity", "rule", "what", "element", "tile"], rows, attributes) + more


def drive_table(drives: Sequence[dict[str, Any]]) -> str:
    rows = [
        [
            d["drive_id"],
            d["state"],
            number(d["length_m"], 0),
            number(d["duration_s"], 1),
            number(d["quarantined"], 0),
            d["note"],
        ]
        for d in drives
    ]
    return table(["drive", "state", "length, m", "duration, s", "rows quarantined", "note"], rows)


def run_table(runs: Sequence[dict[str, Any]]) -> str:
    """Runs of the catalog, newest first."""
    rows = [
        [r["run_id"], r["region"], r["state"], number(r["seconds"], 0), number(r["failed_attempts"], 0), r["error"]]
        for r in runs
    ]
    return table(["run", "region", "state", "seconds", "failed attempts", "error"], rows)


def troubled_table(items: Sequence[dict[str, Any]]) -> str:
    """Tiles and drives that somebody has to look at."""
    rows = [[i["kind"], i["name"], i["state"], i["stage"], number(i["failures"], 0), i["reason"]] for i in items]
    return table(["", "which", "state", "stage", "failures in a row", "why"], rows)


def shift_table(shifts: Sequence[dict[str, Any]], origin_m: Sequence[float]) -> str:
    rows = [
        [
            f"{s['x_m'] + origin_m[0]:.0f} E, {s['y_m'] + origin_m[1]:.0f} N",
            number(s["dx_m"]),
            number(s["dy_m"]),
            number(math.degrees(s["yaw_rad"])),
            number(s["sigma_m"]),
            number(s["n_stations"], 0),
        ]
        for s in shifts
    ]
    return table(["window", "east, m", "north, m", "turn, °", "sigma stated, m", "samples"], rows)


def figures(items: Sequence[tuple[str, str, str]]) -> str:
    """Large figures: (value, label, note)."""
    return "".join(
        f'<div class="figure"><b>{html.escape(value)}</b><span>{html.escape(label)}</span>'
        f"<small>{html.escape(note)}</small></div>"
        for value, label, note in items
    )


def _known(values: dict[str, Any], key: str) -> bool:
    value = values.get(key)
    return value is not None and math.isfinite(value)


def _cell(cell: Cell) -> str:
    text = "" if cell is None else str(cell)
    kind = ' class="n"' if text[:1].isdigit() and text.replace(",", "").replace(".", "").isdigit() else ""
    kind = ' class="n"' if text == "–" or (text[:1] == "-" and text[1:2].isdigit()) else kind
    return f"<td{kind}>{html.escape(text)}</td>"
