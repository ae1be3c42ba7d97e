"""`mapforge status --trend`: how the last runs of a region went."""

from __future__ import annotations

from dataclasses import asdict

from mapforge.cli.ending import OK
from mapforge.cli.options import split_options
from mapforge.cli.output import print_json, print_table, say
from mapforge.config import compose_settings
from mapforge.errors import ConfigurationError
from mapforge.schemas.report import TrendPoint

COLUMNS = ("run", "minutes", "km/h", "drives", "refused", "quarantined", "tiles", "quality")


def trend(words: list[str], json_output: bool) -> int:
    """Oldest first. region=NAME, limit=30."""
    options, overrides = split_options(words, {"region": "", "limit": "30"})
    if not options["limit"].isdigit() or options["limit"] == "0":
        raise ConfigurationError(f"limit={options['limit']}: give a number of runs, for example limit=30")
    from mapforge.io.workspace import Workspace
    from mapforge.pipeline.trend import trend_of

    workspace = Workspace.at(compose_settings(overrides).workspace)
    points = trend_of(workspace, options["region"] or None, int(options["limit"]))
    if json_output:
        print_json({"trend": [asdict(point) for point in points]})
    elif points:
        print_table("Trend", list(COLUMNS), [_row(point) for point in points])
    else:
        say(f"no reports of runs in {workspace.root} yet")
    return OK


def _row(point: TrendPoint) -> list[str]:
    return [
        point.run_id,
        f"{point.seconds / 60.0:.1f}",
        f"{point.km_per_hour:.0f}",
        str(point.drives),
        str(point.refused_drives),
        f"{point.quarantined_rows:,}",
        ", ".join(f"{number} {state}" for state, number in point.tiles.items()),
        ", ".join(f"{name} {value:.2f}" for name, value in point.quality.items()),
    ]
