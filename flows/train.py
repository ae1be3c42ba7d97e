"""Training as a Prefect flow. A killed run goes on from its last checkpoint, so one retry is safe."""

from __future__ import annotations

import os

os.environ.setdefault("PREFECT_SERVER_EPHEMERAL_STARTUP_TIMEOUT_SECONDS", "180")
os.environ.setdefault("PREFECT_SERVER_ANALYTICS_ENABLED", "false")
os.environ.setdefault("DO_NOT_TRACK", "1")

from prefect import flow, task
from prefect.artifacts import create_markdown_artifact
from prefect.cache_policies import NO_CACHE

from mapforge.cli import learning


@task(retries=1, persist_result=False, cache_policy=NO_CACHE)
def train_model(words: list[str]) -> int:
    """The command `mapforge train` with these words."""
    return learning.train(words, json_output=True)


@flow(name="train", log_prints=True)
def train(words: list[str]) -> None:
    """words: as for `mapforge train`, for example ["model=bev", "out=data/training/bev"]."""
    code = train_model(words)
    create_markdown_artifact(key="train", markdown=f"`mapforge train {' '.join(words)}` ended with exit code {code}")
    if code:
        raise RuntimeError(f"mapforge train ended with exit code {code}")


if __name__ == "__main__":
    import sys

    train(sys.argv[1:])
