"""The nightly deployment on a real Prefect server: a run that nobody started happens and says what it did."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("prefect")

REPOSITORY = Path(__file__).resolve().parents[2]
POOL = "nights-of-the-test"
DEADLINE_S = 400.0


@dataclass(frozen=True)
class Prefect:
    """A server of our own. api: its URL; environment: for whoever talks to it."""

    api: str
    environment: dict[str, str]
    folder: Path

    def ask(self, path: str, body: dict[str, Any] | None = None) -> Any:
        """GET, or POST with a body."""
        data = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(f"{self.api}{path}", data, {"Content-Type": "application/json"})
        with urllib.request.urlopen(request, timeout=30) as answer:
            return json.loads(answer.read())

    @contextmanager
    def running(self, name: str, *words: str) -> Iterator[subprocess.Popen[bytes]]:
        """A process of Prefect's command line in a session of its own, all of which is killed at the end."""
        with (self.folder / f"{name}.log").open("wb") as log:
            process = subprocess.Popen(
                [sys.executable, "-m", "prefect", *words],
                env=self.environment,
                stdout=log,
                stderr=subprocess.STDOUT,
                cwd=self.folder,
                start_new_session=True,
            )
            try:
                yield process
            finally:
                _kill_session(process)

    def logs(self) -> str:
        return "\n".join(f"--- {p.name}\n{p.read_text(errors='replace')[-3000:]}" for p in self.folder.glob("*.log"))


def _kill_session(process: subprocess.Popen[bytes]) -> None:
    for kind, patience_s in ((signal.SIGTERM, 10.0), (signal.SIGKILL, 10.0)):
        try:
            os.killpg(process.pid, kind)
            process.wait(patience_s)
        except ProcessLookupError:
            return
        except subprocess.TimeoutExpired:
            continue
    process.wait(10.0)


def _free_port() -> int:
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return int(one.getsockname()[1])


def _until(condition, what: str, server: Prefect, patience_s: float = DEADLINE_S, every_s: float = 1.0):  # type: ignore[no-untyped-def]
    """The first true value of the condition. Fails with the logs of the processes when there is none in time."""
    deadline = time.monotonic() + patience_s
    while time.monotonic() < deadline:
        try:
            value = condition()
        except (urllib.error.URLError, ConnectionError, TimeoutError):
            value = None
        if value:
            return value
        time.sleep(every_s)
    pytest.fail(f"{what} did not happen within {patience_s:.0f} s\n{server.logs()}")


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Prefect]:
    """A Prefect server and a worker of the pool; both end with the tests, however those end."""
    folder, port = tmp_path_factory.mktemp("prefect"), _free_port()
    environment = {
        **{name: value for name, value in os.environ.items() if not name.startswith("PREFECT_")},
        "PREFECT_HOME": str(folder / "home"),
        "PREFECT_API_URL": f"http://127.0.0.1:{port}/api",
        "PREFECT_SERVER_ANALYTICS_ENABLED": "false",
        "PREFECT_WORKER_QUERY_SECONDS": "2",
        "DO_NOT_TRACK": "1",
        "OMP_NUM_THREADS": "1",
    }
    prefect = Prefect(environment["PREFECT_API_URL"], environment, folder)
    with ExitStack() as stack:
        stack.enter_context(prefect.running("server", "server", "start", "--host", "127.0.0.1", "--port", str(port)))
        _until(lambda: prefect.ask("/health"), "a healthy server", prefect)
        words = ("worker", "start", "--pool", POOL, "--type", "process", "--name", "of-the-test")
        stack.enter_context(prefect.running("worker", *words))
        yield prefect


def _deploy(server: Prefect, *words: str) -> dict[str, str]:
    """Runs flows/deploy.py as a person would; returns name -> deployment id."""
    done = subprocess.run(
        [sys.executable, str(REPOSITORY / "flows" / "deploy.py"), f"nightly.work_pool={POOL}", *words],
        env=server.environment,
        cwd=server.folder,
        capture_output=True,
        text=True,
        check=False,
        timeout=DEADLINE_S,
    )
    assert done.returncode == 0, done.stderr
    lines = [line for line in done.stdout.splitlines() if ": deployment " in line]
    return dict(line.split(": deployment ") for line in lines)


@pytest.mark.server
@pytest.mark.timeout(900)
def test_a_scheduled_night_happens_and_finishes(server: Prefect, tmp_path: Path) -> None:
    workspace, inbox = tmp_path / "the workspace", tmp_path / "in box"
    inbox.mkdir()
    torn = inbox / "torn.mcap"
    torn.write_bytes(b"\x89MCAP0\r\n" + bytes(200))
    os.utime(torn, (0, 0))
    words = (f"workspace={workspace}", f"nightly.inbox=[{inbox}]", "nightly.settle_s=0", "engine.workers=1")

    first = _deploy(server, *words, "nightly.cron=0 2 * * *", "nightly.retry_cron=0 5 * * *")
    again = _deploy(server, *words, "nightly.cron=* * * * *")
    assert again == first
    assert set(first) == {"nightly", "retry-failed"}
    deployment = server.ask(f"/deployments/{first['nightly']}")
    assert [entry["schedule"]["cron"] for entry in deployment["schedules"]] == ["* * * * *"]
    assert server.ask(f"/deployments/{first['retry-failed']}")["schedules"] == []

    def finished() -> dict[str, Any] | None:
        wanted = {"deployments": {"id": {"any_": [first["nightly"]]}}, "sort": "EXPECTED_START_TIME_ASC", "limit": 5}
        runs = server.ask("/flow_runs/filter", wanted)
        return next((run for run in runs if run["state_type"] in ("COMPLETED", "FAILED", "CRASHED")), None)

    run = _until(finished, "a scheduled run", server)
    assert run["auto_scheduled"], "nobody but the schedule may have started it"
    assert (run["state_type"], run["state_name"]) == ("COMPLETED", "Unchanged"), server.logs()

    summary = json.loads((workspace / "nights" / "latest.json").read_text(encoding="utf-8"))
    problems = [*summary["problems"], *summary["known"]]
    assert [problem["what"] for problem in problems] == ["log torn.mcap refused"]
    tasks = server.ask("/task_runs/filter", {"flow_runs": {"id": {"any_": [run["id"]]}}})
    assert [task["name"] for task in tasks] == [f"ingest {torn}"]
    artifacts = server.ask("/artifacts/filter", {"artifacts": {"key": {"any_": ["nightly"]}}})
    assert "torn.mcap" in artifacts[0]["data"]
