"""Failed tiles once more, as a Prefect flow; what is valid upstream is reused. The next night publishes them."""

from __future__ import annotations

from contextlib import closing
from typing import Any

from prefect import flow
from prefect.artifacts import create_markdown_artifact
from prefect.states import Completed, State

from build_region import TASK_RUNNER, PrefectRunner, summary_markdown
from mapforge.catalog import Catalog
from mapforge.config import compose_settings
from mapforge.geometry.tiles import TileId
from mapforge.pipeline.run import run_region


@flow(name="retry-failed", task_runner=TASK_RUNNER)  # type: ignore[arg-type]
def retry_failed(overrides: list[str], states: list[str] | None = None) -> State[Any]:
    """Builds the tiles in these states (failed, unless told otherwise) with the settings of the nights.

    overrides: as for `mapforge nightly`. Parked tiles are not touched: `mapforge unpark` first.
    """
    settings = compose_settings(overrides)
    settings.region.logs = []
    with closing(Catalog.of(settings.workspace, settings.catalog_url)) as catalog:
        tiles = {TileId.parse(tile.tile) for state in states or ["failed"] for tile in catalog.tiles(state=state)}
    if not tiles:
        return Completed(name="NothingToRetry", message="no tile is in that state")
    with closing(PrefectRunner.of(settings.engine)) as runner:
        report = run_region(settings, runner, only=tiles)
    create_markdown_artifact(key="retry-failed", markdown=summary_markdown(report))
    failed = sum(tile["state"] == "failed" for tile in report["tiles"])
    return Completed(message=f"{len(tiles)} tiles tried again, {failed} failed")


if __name__ == "__main__":
    import sys

    retry_failed(sys.argv[1:])
