"""report.html: one page that carries everything it shows and opens from disk."""

from __future__ import annotations

import base64
import html
import json
from collections.abc import Mapping
from importlib.resources import files
from string import Template
from typing import Any

import numpy as np

from mapforge.schemas.report import RunSummary, trend_point
from mapforge.validation import report_tables as tables
from mapforge.validation.charts import bar_chart, distribution_chart, precision_recall_chart
from mapforge.validation.page_layers import bounds_deg, page_layers
from mapforge.validation.stage import ValidationResult
from mapforge.validation.trend_charts import trend_charts

MOST_ISSUES = 500


def report_page(
    result: ValidationResult, summary: RunSummary, data: dict[str, Any], pictures: Mapping[str, bytes]
) -> str:
    """The whole page. data: `report_data`; pictures: caption -> PNG."""
    layers = page_layers(result, summary)
    sections = [
        ("Scores", _scores(data)),
        ("Curves", _curves(result)),
        ("Worst tiles", _pictures(pictures)),
        ("Tiles", tables.tile_table(data["tiles"]) if data["tiles"] else ""),
        (f"Issues ({len(result.issues):,})", _issues(data)),
        ("Shift of each window", _shifts(data)),
        ("Drives", tables.drive_table(data["drives"]) if data["drives"] else ""),
        ("Catalog", _catalog(data["catalog"])),
        ("Trend", trend_charts([*summary.trend, trend_point(data)]) if summary.trend else ""),
        ("Time", bar_chart(list(data["timing_s"].items()), "s") if data["timing_s"] else ""),
        ("About", _about(data)),
    ]
    template = Template(_asset("report.html"))
    return template.substitute(
        title=html.escape(f"{summary.region} – {summary.run_id}"),
        region=html.escape(summary.region),
        run=html.escape(summary.run_id),
        states=_states(data),
        figures=tables.figures(_figures(data)),
        sections="".join(_section(title, body) for title, body in sections if body),
        licence=_asset("maplibre-licence.html"),
        data=_inline_json({"layers": layers, "bounds": bounds_deg(layers)}),
        maplibre_css=_asset("maplibre-gl.css"),
        maplibre_js=_asset("maplibre-gl.js").rpartition("//# sourceMappingURL=")[0],
        css=_asset("report.css"),
        js=_asset("report.js"),
    )


def _asset(name: str) -> str:
    return files("mapforge.validation").joinpath("page", name).read_text(encoding="utf-8")


def _inline_json(value: Any) -> str:
    """JSON that cannot end the script element it stands in."""
    text = json.dumps(value, separators=(",", ":"), ensure_ascii=True, allow_nan=False)
    return text.replace("<", "\\u003c").replace(">", "\\u003e").replace("&", "\\u0026")


def _section(title: str, body: str) -> str:
    name = title.split(" (")[0].lower().replace(" ", "-")
    return f'<section id="{html.escape(name)}"><h2>{html.escape(title)}</h2>{body}</section>'


def _states(data: dict[str, Any]) -> str:
    counts: dict[str, int] = {}
    for tile in data["tiles"]:
        counts[tile["state"]] = counts.get(tile["state"], 0) + 1
    return "".join(
        f'<span class="pill state-{html.escape(state)}">{count} {html.escape(state)}</span>'
        for state, count in sorted(counts.items(), key=lambda item: ["valid", "rejected", "failed"].index(item[0]))
    )


def _figures(data: dict[str, Any]) -> list[tuple[str, str, str]]:
    metrics = data["metrics"]
    items = []
    if data["judged"]["reference"]:
        overall = metrics.get("all", {})
        items.append((tables.number(overall.get("mAP_easy"), 3), "mAP easy", "0.5, 1.0, 1.5 m"))
        items.append((tables.number(overall.get("mAP_hard"), 3), "mAP hard", "0.2, 0.5, 1.0 m"))
        for name in ("lane_divider", "road_boundary"):
            if name in metrics and metrics[name].get("lateral_median_m") is not None:
                label = f"{name.replace('_', ' ')} error"
                p95 = tables.number(metrics[name]["lateral_p95_m"], 2)
                items.append(
                    (f"{tables.number(metrics[name]['lateral_median_m'], 2)} m", label, f"median; p95 {p95} m")
                )
    else:
        for name, values in metrics.items():
            share = values.get("agreement_0.5m")
            if share is not None:
                items.append((tables.number(share, 2), f"{name.replace('_', ' ')} agreement", "between drives, 0.5 m"))
    throughput = data["throughput"]
    if "drive_km" in throughput:
        used = sum(drive["state"] == "used" for drive in data["drives"])
        items.append((f"{tables.number(throughput['drive_km'], 2)} km", "driven", _pace(throughput, used)))
    if data["peak_memory_mb"]:
        items.append((f"{data['peak_memory_mb'] / 1024:.1f} GiB", "peak memory", "of one process"))
    return items


def _pace(throughput: dict[str, Any], drives: int) -> str:
    """How fast the map was made; of a run that took most of it from earlier ones, what it mapped itself."""
    if drives == 0:
        return "none could be used"
    mapped = int(throughput.get("drives_mapped", drives))
    if mapped == 0:
        return "all mapped in earlier runs"
    if mapped < drives:
        return f"{mapped} of {drives} drives mapped in this run"
    return f"mapped at {tables.number(throughput.get('km_per_hour'), 0)} km/h"


def _scores(data: dict[str, Any]) -> str:
    metrics = data["metrics"]
    lines = {n: v for n, v in metrics.items() if n not in ("lane",) and not n.startswith("traffic_")}
    signs = {n: v for n, v in metrics.items() if n.startswith("traffic_")}
    judged = data["judged"]
    note = (
        f"{judged['windows']} windows of 60 × 30 m along {judged['windows_along']}"
        if judged["reference"]
        else "No reference map was given: judged by coverage, rules and the agreement of the drives."
    )
    lanes = metrics.get("lane", {})
    lane_names = [n for n in lanes if n.endswith(("precision", "recall"))]
    parts = [
        f"<p class='quiet'>{html.escape(note)}</p>",
        _titled("Average precision", tables.score_table(lines, tables.PRECISION_COLUMNS)),
        _titled("Length", tables.score_table(lines, tables.LENGTH_COLUMNS)),
        _titled("Errors, m", tables.score_table(lines, tables.ERROR_COLUMNS)),
        _titled("Signs and lights", tables.score_table(signs, tables.SIGN_COLUMNS)),
        _titled("Lane graph", tables.score_table({"lane": lanes}, [(n, n.replace("_", " "), 3) for n in lane_names])),
        _titled("Agreement of the drives", tables.score_table(lines, tables.AGREEMENT_COLUMNS)),
    ]
    return "".join(parts)


def _titled(title: str, body: str) -> str:
    return f"<h3>{html.escape(title)}</h3>{body}" if body else ""


def _curves(result: ValidationResult) -> str:
    if result.scores is None:
        return ""
    charts = [
        precision_recall_chart(own.precision.curves, name.replace("_", " "))
        for name, own in result.scores.classes.items()
        if own.precision.n_truth
    ]
    errors = {name: (np.abs(own.matched.offset_m), own.matched.length_m) for name, own in result.scores.classes.items()}
    charts.append(distribution_chart(errors, "Lateral error: share of matched length below"))
    return f'<div class="charts">{"".join(charts)}</div>'


def _pictures(pictures: Mapping[str, bytes]) -> str:
    shown = [
        f'<figure><img alt="{html.escape(caption)}" src="data:image/png;base64,'
        f'{base64.b64encode(png).decode()}"><figcaption>{html.escape(caption)}</figcaption></figure>'
        for caption, png in pictures.items()
    ]
    note = "Lidar intensity seen from above, north up. Predictions coloured by class, truth in thin green."
    return f"<p class='quiet'>{note}</p><div class='pictures'>{''.join(shown)}</div>" if shown else ""


def _issues(data: dict[str, Any]) -> str:
    issues = [issue for tile in data["tiles"] for issue in tile["issues"]]
    return tables.issue_table(issues, MOST_ISSUES) if issues else "<p class='quiet'>No rule is broken.</p>"


def _shifts(data: dict[str, Any]) -> str:
    if not data["window_shifts"]:
        return ""
    note = "What would bring the map of each 200 m window onto the reference: a bias of the positioning."
    return f"<p class='quiet'>{note}</p>{tables.shift_table(data['window_shifts'], data['origin_m'])}"


def _catalog(catalog: dict[str, Any] | None) -> str:
    if catalog is None:
        return ""
    counts = [
        f"{noun}: {', '.join(f'{number:,} {state}' for state, number in sorted(catalog[noun].items()))}"
        for noun in ("tiles", "drives")
        if catalog[noun]
    ]
    more = catalog["more_troubled"]
    parts = [
        f"<p class='quiet'>{html.escape('; '.join(counts))}</p>",
        _titled("Failed, parked or out", tables.troubled_table(catalog["troubled"]) if catalog["troubled"] else ""),
        f"<p class='quiet'>{more:,} more: mapforge status lists them.</p>" if more else "",
        _titled("The last runs", tables.run_table(catalog["runs"]) if catalog["runs"] else ""),
    ]
    return "".join(parts)


def _about(data: dict[str, Any]) -> str:
    rows = [
        ["CRS", f"{data['crs']}, epoch {data['epoch']}"],
        ["code version", data["code_version"]],
        *([f"model: {role}", name] for role, name in data["models"].items()),
        *(["note", note] for note in data["notes"]),
    ]
    return tables.table(["", ""], rows)
