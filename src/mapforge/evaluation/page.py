"""evaluation.html and evaluation.json: one page that carries everything it shows, and the same as data."""

from __future__ import annotations

import base64
import html
import json
from collections.abc import Mapping, Sequence
from importlib.resources import files
from pathlib import Path
from string import Template
from typing import Any

import numpy as np

from mapforge.config.evaluation_group import EvaluationConfig
from mapforge.evaluation.card import bins_over, calibration
from mapforge.evaluation.gate import Change
from mapforge.evaluation.interval_chart import interval_chart
from mapforge.evaluation.reliability import Bins, reliability
from mapforge.evaluation.spread import EVERYTHING, Spread, Summary
from mapforge.evaluation.world_scores import ALONE, FUSED, WorldScores
from mapforge.io.atomic import write_text
from mapforge.validation.charts import SHARE, Axis, curve_chart
from mapforge.validation.report_tables import figures, number, table

MAP_CLASSES = ("lane_divider", "road_boundary", "ped_crossing", "stop_line")
COLUMNS = (
    ("mAP_easy", "mAP easy", 3), ("mAP_hard", "mAP hard", 3), ("AP_0.5", "AP 0.5 m", 3),
    ("lateral_median_m", "lateral median, m", 3), ("lateral_p95_m", "p95, m", 3),
    ("completeness", "found", 3), ("correctness", "correct", 3), ("marking_type_accuracy", "type", 3),
    ("colour_accuracy", "colour", 3), ("boundary_type_accuracy", "curb or edge", 3), ("recall", "recall", 3),
    ("precision", "precision", 3), ("type_accuracy", "sign type", 3),
)  # fmt: skip
LANE_COLUMNS = (
    ("successor_precision", "successors: correct", 3), ("successor_recall", "found", 3),
    ("neighbour_precision", "neighbours: correct", 3), ("neighbour_recall", "found", 3),
    ("wrong_way", "length the wrong way", 3),
)  # fmt: skip
MAPS = {FUSED: "all drives", ALONE: "one drive"}


def write_page(
    target: Path,
    folder: Path,
    worlds: Sequence[WorldScores],
    failed: Mapping[str, str],
    summary: Summary,
    entry: Mapping[str, Any],
    models: Mapping[str, str],
    config: EvaluationConfig,
    changes: Sequence[Change] = (),
) -> Path:
    """Writes both files into `target`; returns the page. folder: of the evaluation, where pictures lie."""
    sections = [
        ("Compared with the old weights", _changes(changes)),
        *((f"Scores, {MAPS[kind]}", _scores(summary[EVERYTHING].get(kind, {}), COLUMNS)) for kind in MAPS),
        ("Lane graph, all drives", _scores(summary[EVERYTHING].get(FUSED, {}), LANE_COLUMNS)),
        ("By condition and family", _groups(summary)),
        ("Are the probabilities true?", _reliability(worlds)),
        ("Worst tiles", _pictures(worlds, folder, config.worst_tiles)),
        ("Worlds", _worlds(worlds, failed)),
    ]
    page = Template(_asset("evaluation.html")).substitute(
        title=f"{len(worlds)} held-out worlds",
        models=html.escape(", ".join(f"{role} {name}" for role, name in sorted(models.items()))),
        figures=figures(_figures(summary)),
        sections="".join(f"<section><h2>{html.escape(t)}</h2>{body}</section>" for t, body in sections if body),
        css=files("mapforge.validation").joinpath("page", "report.css").read_text(encoding="utf-8"),
        own_css=_asset("evaluation.css"),
    )
    document = {**entry, "models": dict(models), "failed": dict(failed), "of_worlds": [w.as_dict() for w in worlds]}
    if changes:
        document["changes"] = [change.__dict__ for change in changes]
    write_text(target / "evaluation.json", json.dumps(document, indent=1), folder / "tmp")
    write_text(target / "evaluation.html", page, folder / "tmp")
    return target / "evaluation.html"


def _asset(name: str) -> str:
    return files("mapforge.evaluation").joinpath("assets", name).read_text(encoding="utf-8")


def _figures(summary: Summary) -> list[tuple[str, str, str]]:
    items = []
    for kind, words in MAPS.items():
        overall = summary[EVERYTHING].get(kind, {}).get("all", {})
        for figure, label in (("mAP_easy", "mAP easy"), ("mAP_hard", "mAP hard")):
            if figure in overall:
                own = overall[figure]
                items.append((f"{own.mean:.3f}", f"{label}, {words}", f"{own.low:.3f} to {own.high:.3f}"))
    return items


def _scores(classes: Mapping[str, Mapping[str, Spread]], columns: Sequence[tuple[str, str, int]]) -> str:
    """A table: the mean, and its interval where there is more than one world."""
    used = [column for column in columns if any(column[0] in own for own in classes.values())]
    rows = [
        [name.replace("_", " "), *(_cell(own.get(key), digits) for key, _, digits in used)]
        for name, own in sorted(classes.items(), key=lambda item: (item[0] == "all", item[0]))
        if any(key in own for key, _, _ in used)
    ]
    return table(["class", *(label for _, label, _ in used)], rows) if rows else ""


def _cell(spread: Spread | None, digits: int) -> str:
    if spread is None or spread.worlds < 2:
        return number(None if spread is None else spread.mean, digits)
    return f"{spread.mean:.{digits}f} ({spread.low:.{digits}f} to {spread.high:.{digits}f})"


def _groups(summary: Summary) -> str:
    """mAP of each class over conditions and families, and the figures of each group."""
    charts = []
    for kind, words in MAPS.items():
        for name in MAP_CLASSES:
            rows = [
                (group.replace("condition ", "").replace("family ", ""), kinds[kind][name]["mAP_easy"])
                for group, kinds in summary.items()
                if "mAP_easy" in kinds.get(kind, {}).get(name, {})
            ]
            if len(rows) > 1:
                charts.append(interval_chart(rows, f"class-{name}", f"{name.replace('_', ' ')}: mAP easy, {words}"))
    tables = [
        f"<h3>{html.escape(group)}, {words}</h3>{_scores(kinds[kind], COLUMNS)}"
        for group, kinds in summary.items()
        if group != EVERYTHING
        for kind, words in MAPS.items()
        if kinds.get(kind)
    ]
    return f'<div class="charts">{"".join(charts)}</div>{"".join(tables)}'


def _reliability(worlds: Sequence[WorldScores]) -> str:
    errors = calibration(worlds)
    parts = []
    for what, title in (("cells", "Cells of the network, p ≥ 0.05"), ("instances", "Elements of the map")):
        names = sorted({name for world in worlds for name in getattr(world, what)})
        bins = {name: bins_over(worlds, what, name) for name in names}
        rows = [
            [name.replace("_", " "), number(errors[what].get(name), 3), number(_count(own), 0)]
            for name, own in bins.items()
        ]
        curves = {"true": ("ideal", np.array([0.0, 1.0]), np.array([0.0, 1.0]))}
        curves |= {name.replace("_", " "): (f"class-{name}", *reliability(own)) for name, own in bins.items()}
        said = Axis("said", 0.0, 1.0, SHARE)
        chart = curve_chart(curves, said, Axis("was true", 0.0, 1.0, SHARE), title)
        told = table(["class", "calibration error", "number"], rows)
        parts.append(f'<div class="charts">{chart}<div>{told}</div></div>')
    return "".join(parts)


def _count(bins: Bins) -> float:
    return float(np.array(bins)[:, 0].sum())


def _pictures(worlds: Sequence[WorldScores], folder: Path, most: int) -> str:
    shown = sorted((shown["f1"], file, shown) for world in worlds for file, shown in world.worst.items())
    parts = []
    for score, file, what in shown[:most]:
        path = next(iter(sorted((folder / "pictures").glob(f"*/{file}"))), None)
        if path is None:
            continue
        caption = f"{what['world']}, tile {what['tile']}: F score {score:.2f}"
        data = base64.b64encode(path.read_bytes()).decode()
        parts.append(
            f'<figure><img alt="{html.escape(caption)}" src="data:image/png;base64,{data}">'
            f"<figcaption>{html.escape(caption)}</figcaption></figure>"
        )
    note = "Lidar intensity seen from above, north up. Predictions coloured by class, truth in thin green."
    return f"<p class='quiet'>{note}</p><div class='pictures'>{''.join(parts)}</div>" if parts else ""


def _worlds(worlds: Sequence[WorldScores], failed: Mapping[str, str]) -> str:
    rows = []
    for world in worlds:
        fused, alone = (world.maps[kind].metrics if kind in world.maps else {} for kind in (FUSED, ALONE))
        scores = [number(fused.get(name, {}).get("mAP_easy"), 3) for name in (*MAP_CLASSES, "all")]
        rows.append([
            world.name, *scores, number(fused.get("all", {}).get("mAP_hard"), 3),
            number(alone.get("all", {}).get("mAP_easy"), 3), number(sum(world.seconds.values()), 0),
        ])  # fmt: skip
    heads = ["world", *(f"{name.replace('_', ' ')}, easy" for name in MAP_CLASSES), "mAP easy", "mAP hard"]
    troubles = [[name, why] for name, why in sorted(failed.items())]
    return table([*heads, "one drive, easy", "seconds"], rows) + (
        table(["failed", "why"], troubles) if troubles else ""
    )


def _changes(changes: Sequence[Change]) -> str:
    rows = [
        [c.element_class.replace("_", " "), c.figure, MAPS[c.kind], number(c.old), number(c.new),
         f"{c.low:+.3f} to {c.high:+.3f}", str(c.units), "fell" if c.fell else ""]
        for c in changes
    ]  # fmt: skip
    attributes = ['class="fell"' if change.fell else "" for change in changes]
    heads = ["class", "figure", "map", "old", "new", "change, interval", "worlds or tiles", ""]
    return table(heads, rows, attributes) if rows else ""
