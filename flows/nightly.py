"""One night as a Prefect flow: every log, drive and tile is a task run; the summary is an artifact."""

from __future__ import annotations

from contextlib import closing
from typing import Any

from prefect import flow
from prefect.artifacts import create_markdown_artifact
from prefect.states import Completed, Failed, State

from build_region import TASK_RUNNER, PrefectRunner
from mapforge.config import compose_settings
from mapforge.pipeline.night_page import night_page
from mapforge.pipeline.night_summary import NightOutcome, NightSummary
from mapforge.pipeline.nightly import nightly as run_night

ARTIFACT = "nightly"
STATE_NAMES = {
    NightOutcome.PUBLISHED: "Published",
    NightOutcome.UNCHANGED: "Unchanged",
    NightOutcome.HELD: "HeldBack",
    NightOutcome.SKIPPED: "Skipped",
}


@flow(name="nightly", task_runner=TASK_RUNNER)  # type: ignore[arg-type]
def nightly(overrides: list[str]) -> State[Any]:
    """Takes the same `key=value` settings as `mapforge nightly`; its state says what the night came to."""
    settings = compose_settings(overrides)
    with closing(PrefectRunner.of(settings.engine)) as runner:
        night = run_night(settings, runner)
    create_markdown_artifact(key=ARTIFACT, markdown=night_page(night), description=_in_words(night))
    return _state(night)


def _state(night: NightSummary) -> State[Any]:
    if night.outcome is NightOutcome.FAILED:
        return Failed(message=night.reason)
    return Completed(name=STATE_NAMES[night.outcome], message=_in_words(night))


def _in_words(night: NightSummary) -> str:
    return night.reason or f"{night.outcome}: release {night.release or 'none yet'}, {len(night.problems)} problems"


if __name__ == "__main__":
    import sys

    nightly(sys.argv[1:])
