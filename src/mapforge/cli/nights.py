"""The command a crontab calls: one night."""

from __future__ import annotations

from contextlib import closing

from mapforge.cli.output import StageProgress, print_json, say
from mapforge.config import compose_settings


def nightly(words: list[str], json_output: bool) -> int:
    """Prints the night's page, or its summary as JSON; the exit code is the summary's."""
    settings = compose_settings(words)
    from mapforge.pipeline.night_page import night_page
    from mapforge.pipeline.nightly import nightly as run_night
    from mapforge.pipeline.run import make_runner

    with closing(make_runner(settings.engine)) as runner, StageProgress(quiet=json_output) as progress:
        night = run_night(settings, runner, progress)
    if json_output:
        print_json(night.as_dict())
    else:
        say(night_page(night))
    return night.exit_code
