"""The summary of a night as Markdown: what changed, what is wrong, what to do - readable over a first coffee."""

from __future__ import annotations

import math
import re
from collections.abc import Iterator, Sequence

from mapforge.pipeline.night_summary import NightOutcome, NightSummary, Problem

HEADLINES = {
    NightOutcome.PUBLISHED: "published {release}",
    NightOutcome.UNCHANGED: "nothing to publish, release {release} stays",
    NightOutcome.HELD: "**held back**, release {release} stays",
    NightOutcome.SKIPPED: "skipped",
    NightOutcome.FAILED: "**could not run**",
}
MOST_ROWS = 12
MOST_READINGS = 15


def night_page(night: NightSummary) -> str:
    """The whole page."""
    title = HEADLINES[night.outcome].format(release=night.release or "(none yet)")
    lines = [f"# {night.region}, night {night.night_id}: {title}", "", _in_short(night)]
    if night.reason:
        lines += ["", night.reason]
    for heading, body in (
        ("What changed", list(_changed(night))),
        ("What is wrong", list(_wrong(night))),
        ("What to do", list(_todo(night))),
        ("Known from earlier nights", list(_listed(night.known))),
        ("Gates", list(_gates(night))),
        ("Where the time went", list(_time(night))),
        ("Links", [f"- {name}: [{target}]({_target(target)})" for name, target in night.links.items()]),
    ):
        if body:
            lines += ["", f"## {heading}", "", *body]
    return re.sub(r"\n{3,}", "\n\n", "\n".join(lines)) + "\n"


def _in_short(night: NightSummary) -> str:
    driven_s = sum(log.duration_s for log in night.taken)
    parts = [
        f"{_count(len(night.taken), 'new drive')} ({driven_s / 60.0:.1f} min)" if night.taken else "no new drive",
        f"{_count(night.built_tiles, 'tile')} built" if night.built_tiles else "no tile built",
        f"{sum(night.tasks.values())} tasks",
        f"{night.seconds:.0f} s",
    ]
    if night.problems:
        parts.append(f"**{_count(len(night.problems), 'problem')}**")
    return ", ".join(parts) + "."


def _changed(night: NightSummary) -> Iterator[str]:
    if night.taken:
        names = ", ".join(f"`{log.drive_id}`" for log in night.taken[:MOST_ROWS])
        yield f"New drives: {names}{', ...' if len(night.taken) > MOST_ROWS else ''}."
        yield ""
    if night.read_again:
        yield f"{_count(night.read_again, 'known log')} read again: the code or the settings of ingest changed."
        yield ""
    if night.waiting:
        yield f"{_count(len(night.waiting), 'log')} left for the next night, not whole yet."
        yield ""
    rows = [(name, values) for name, values in sorted(night.changes.items()) if values]
    if rows:
        yield "| class | released | moved | removed | added |"
        yield "|---|---:|---:|---:|---:|"
        for name, values in rows:
            yield f"| {name.replace('_', ' ')} | {_row(values)} |"
        yield ""
    tiles = [tile for tile in night.changed_tiles if tile.length_m >= 1.0]
    if tiles:
        most = sorted(tiles, key=lambda tile: (-tile.length_m, tile.tile))[:5]
        named = ", ".join(f"`{tile.tile}` ({tile.length_m:.0f} m)" for tile in most)
        yield f"{_count(len(night.changed_tiles), 'released tile')} changed, {night.new_tiles} new. Most in {named}."
    elif night.new_tiles:
        yield f"{_count(night.new_tiles, 'new tile')}."
    if night.gone_tiles:
        yield f"{_count(len(night.gone_tiles), 'tile')} left the map: {', '.join(night.gone_tiles[:5])}"


def _row(values: dict[str, float]) -> str:
    if "old" in values:
        return f"{values['old']:.0f} | | {values['removed']:.0f} | {values['added']:.0f}"
    share = f" ({values['removed_m'] / values['old_m']:.0%})" if values["old_m"] else ""
    return (
        f"{values['old_m']:,.0f} m | {values['moved_m']:,.0f} m | {values['removed_m']:,.0f} m{share} | "
        f"{values['added_m']:,.0f} m"
    )


def _wrong(night: NightSummary) -> Iterator[str]:
    yield from _listed(night.problems)
    for note in night.notes:
        yield f"- {_cell(note)}"


def _todo(night: NightSummary) -> Iterator[str]:
    commands = list(dict.fromkeys(problem.todo for problem in night.problems if problem.todo))
    if commands:
        yield "```bash"
        yield from commands[:MOST_ROWS]
        yield "```"


def _gates(night: NightSummary) -> Iterator[str]:
    failed = [gate for gate in night.gates if not gate["passed"]]
    read = [gate for gate in night.gates if gate["value"] is not None and not math.isnan(gate["value"])]
    if not read:
        return
    yield f"{len(read)} read, {len(failed)} failed."
    shown = (failed + [gate for gate in read if gate["passed"] and not gate["about"].startswith("tile ")])[
        :MOST_READINGS
    ]
    if shown:
        yield ""
        yield "| gate | about | value | limit | |"
        yield "|---|---|---:|---:|---|"
    for gate in shown:
        limit = f"{'≤' if gate['at_most'] else '≥'} {gate['limit']:.3g}"
        state = "ok" if gate["passed"] else "**failed**"
        yield f"| {gate['gate']} | {gate['about']} | {gate['value']:.3g} | {limit} | {state} |"


def _time(night: NightSummary) -> Iterator[str]:
    spent = [(stage, seconds) for stage, seconds in night.timing_s.items() if seconds >= 0.05]
    if spent:
        yield ", ".join(f"{stage} {seconds:.1f} s" for stage, seconds in sorted(spent, key=lambda item: -item[1]))


def _listed(problems: Sequence[Problem]) -> Iterator[str]:
    for problem in problems[:MOST_ROWS]:
        yield f"- **{problem.what}**: {_cell(problem.why)}"
    if len(problems) > MOST_ROWS:
        yield f"- ... and {len(problems) - MOST_ROWS} more, see summary.json"


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}{'' if number == 1 else 's'}"


def _cell(text: str) -> str:
    """One line; nothing in it is taken for a table or for markup that hides it."""
    flat = " ".join(text.split())
    return (flat if len(flat) <= 400 else flat[:397] + "...").replace("|", "\\|").replace("<", "&lt;")


def _target(path: str) -> str:
    return path.replace(" ", "%20").replace("(", "%28").replace(")", "%29")
