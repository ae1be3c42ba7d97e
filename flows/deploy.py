"""Deploys the nightly flow, and the retry of failed tiles, to a Prefect server. Doing it again updates both.

    python flows/deploy.py workspace=/data/work nightly.inbox=[/data/inbox] nightly.cron="0 2 * * *"

The settings given here become the parameters of every run; flows run from this folder on disk. A worker must serve the
pool: `prefect worker start --pool mapforge`.
"""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

from prefect import get_client
from prefect.client.schemas.actions import WorkPoolCreate
from prefect.exceptions import ObjectNotFound
from prefect.schedules import Cron

from mapforge.config import NightlyConfig, Settings, compose_settings, split_list
from nightly import nightly
from retry_failed import retry_failed

REPOSITORY = Path(__file__).resolve().parents[1]
PATHS = ("workspace", "region.reference", "models.bev", "models.signs")
PATH_LISTS = ("nightly.inbox", "region.logs")
ENVIRONMENT = {"PREFECT_SERVER_ANALYTICS_ENABLED": "false", "DO_NOT_TRACK": "1"}


def deploy(overrides: list[str]) -> dict[str, str]:
    """Makes or updates the deployments; returns name -> id. Raises ConfigurationError on wrong settings."""
    settings = compose_settings(overrides)
    config = settings.nightly
    asyncio.run(_ensure_pool(config.work_pool))
    words = _with_absolute_paths(overrides, settings)
    crons = {"nightly": config.cron, "retry-failed": config.retry_cron}
    files = {
        "nightly": ("flows/nightly.py:nightly", nightly),
        "retry-failed": ("flows/retry_failed.py:retry_failed", retry_failed),
    }
    return {name: _deploy(flow, entrypoint, crons[name], words, config) for name, (entrypoint, flow) in files.items()}


def _deploy(flow: Any, entrypoint: str, cron: str | None, words: list[str], config: NightlyConfig) -> str:
    source = flow.from_source(source=str(REPOSITORY), entrypoint=entrypoint)
    identifier = source.deploy(
        name="mapforge",
        work_pool_name=config.work_pool,
        schedules=[Cron(cron, timezone=config.timezone)] if cron else [],
        parameters={"overrides": words},
        job_variables={"env": ENVIRONMENT},
        description=(flow.__doc__ or "").strip(),
        tags=["mapforge"],
        build=False,
        push=False,
        print_next_steps=False,
        ignore_warnings=True,
    )
    return str(identifier)


async def _ensure_pool(name: str) -> None:
    async with get_client() as client:
        try:
            await client.read_work_pool(name)
        except ObjectNotFound:
            await client.create_work_pool(WorkPoolCreate(name=name, type="process"))


def _with_absolute_paths(overrides: list[str], settings: Settings) -> list[str]:
    """The overrides as they are meant here, wherever a worker runs them."""
    words = [word for word in overrides if word.partition("=")[0] not in (*PATHS, *PATH_LISTS)]
    given = dict(word.partition("=")[::2] for word in overrides)
    for key in PATHS:
        if key in given or key == "workspace":
            words.append(f"{key}={_absolute(given.get(key, settings.workspace))}")
    for key in PATH_LISTS:
        if key in given:
            words.append(f"{key}=[{','.join(_absolute(path) for path in split_list(given[key]))}]")
    return words


def _absolute(path: str) -> str:
    return str(Path(path).expanduser().resolve()) if path and "://" not in path else path


if __name__ == "__main__":
    import sys

    for name, identifier in deploy(sys.argv[1:]).items():
        print(f"{name}: deployment {identifier}")
