"""One night at a time, whoever dies."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import threading
import time
from dataclasses import asdict
from pathlib import Path

import pytest

from mapforge.catalog.owner import this_process
from mapforge.errors import LeaseHeldError
from mapforge.io.workspace import Workspace
from mapforge.pipeline.night_lock import LOCK, Holder, night_lock

HOLD = """
import sys, time
from pathlib import Path
from mapforge.io.workspace import Workspace
from mapforge.pipeline.night_lock import night_lock
with night_lock(Workspace(Path(sys.argv[1])), "theirs", 0.0, 3600.0):
    print("held", flush=True)
    time.sleep(600)
"""


def take(workspace: Workspace, wait_s: float = 0.0, expires_s: float = 3600.0, night: str = "mine"):  # type: ignore[no-untyped-def]
    return night_lock(workspace, night, wait_s, expires_s)


def test_the_second_is_told_who_is_at_work(tmp_path: Path) -> None:
    workspace = Workspace(tmp_path)
    with (
        take(workspace, night="first") as turn,
        pytest.raises(LeaseHeldError, match=r"night first is still running.*nightly\.wait_s"),
        take(workspace),
    ):
        pass
    assert (turn.took_over, turn.waited_s < 1.0) == (None, True)
    with take(workspace):
        pass


def test_the_second_waits_for_the_first_to_end(tmp_path: Path) -> None:
    workspace = Workspace(tmp_path)
    entered, order = threading.Event(), []

    def first() -> None:
        with take(workspace, night="first"):
            entered.set()
            time.sleep(0.6)
            order.append("first ends")

    other = threading.Thread(target=first)
    other.start()
    entered.wait(10.0)
    with take(workspace, wait_s=30.0) as turn:
        order.append("second begins")
    other.join()
    assert order == ["first ends", "second begins"]
    assert turn.waited_s > 0.1


def test_a_killed_night_is_taken_over_at_once(tmp_path: Path) -> None:
    process = subprocess.Popen([sys.executable, "-c", HOLD, str(tmp_path)], stdout=subprocess.PIPE, text=True)
    try:
        assert process.stdout is not None
        assert process.stdout.readline().strip() == "held"
        with pytest.raises(LeaseHeldError), take(Workspace(tmp_path)):
            pass
        process.send_signal(signal.SIGKILL)
        process.wait(30)
        with take(Workspace(tmp_path)) as turn:
            assert turn.took_over is not None
            assert turn.took_over.night_id == "theirs"
    finally:
        process.kill()
        process.wait(30)


def test_a_night_of_another_machine_is_believed_until_it_expires(tmp_path: Path) -> None:
    workspace = Workspace(tmp_path)
    workspace.nights.mkdir()
    owner = f"elsewhere/1/{this_process().rpartition('/')[2]}"
    (workspace.nights / LOCK).write_text(json.dumps(asdict(Holder("far", owner, time.time() - 100.0))))
    with pytest.raises(LeaseHeldError, match="elsewhere"), take(workspace, expires_s=3600.0):
        pass
    with take(workspace, expires_s=50.0) as turn:
        assert turn.took_over is not None
        assert turn.took_over.night_id == "far"


def test_a_torn_lock_holds_nothing(tmp_path: Path) -> None:
    workspace = Workspace(tmp_path)
    workspace.nights.mkdir()
    (workspace.nights / LOCK).write_text('{"night_id": "x"')
    with take(workspace):
        pass


def test_only_one_of_many_gets_it(tmp_path: Path) -> None:
    workspace = Workspace(tmp_path)
    inside, most, guard = [0], [0], threading.Lock()

    def try_it(number: int) -> None:
        with take(workspace, wait_s=60.0, night=f"n{number}"):
            with guard:
                inside[0] += 1
                most[0] = max(most[0], inside[0])
            time.sleep(0.02)
            with guard:
                inside[0] -= 1

    threads = [threading.Thread(target=try_it, args=(number,)) for number in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert most == [1]
