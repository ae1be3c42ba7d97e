"""Locks by name: one at a time, whoever dies."""

from __future__ import annotations

import signal
import subprocess
import sys
import threading
import time

import pytest
from sqlalchemy import update

from mapforge.catalog import Catalog
from mapforge.catalog.owner import this_process
from mapforge.catalog.tables import Lock
from mapforge.errors import LeaseHeldError

HOLD = """
import sys, time
from mapforge.catalog import Catalog
with Catalog(sys.argv[1]).locked("night", "theirs", expires_s=3600.0):
    print("held", flush=True)
    time.sleep(600)
"""


@pytest.fixture
def catalog(url):
    opened = Catalog(url)
    yield opened
    opened.close()


def take(catalog: Catalog, wait_s: float = 0.0, expires_s: float = 3600.0, night: str = "mine"):  # type: ignore[no-untyped-def]
    return catalog.locked("night", night, wait_s, expires_s, "nightly.wait_s makes this one wait longer")


def test_the_second_is_told_who_is_at_work(catalog: Catalog) -> None:
    with (
        take(catalog, night="first") as turn,
        pytest.raises(LeaseHeldError, match=r"night first is still running.*nightly\.wait_s"),
        take(catalog),
    ):
        pass
    assert (turn.took_over, turn.waited_s < 1.0) == (None, True)
    with take(catalog), catalog.locked("release", "another lock is free"):
        pass


def test_the_second_waits_for_the_first_to_end(catalog: Catalog) -> None:
    entered, order = threading.Event(), []

    def first() -> None:
        with take(catalog, night="first"):
            entered.set()
            time.sleep(0.6)
            order.append("first ends")

    other = threading.Thread(target=first)
    other.start()
    entered.wait(10.0)
    with take(catalog, wait_s=30.0) as turn:
        order.append("second begins")
    other.join()
    assert order == ["first ends", "second begins"]
    assert turn.waited_s > 0.1


def test_a_killed_night_is_taken_over_at_once(catalog: Catalog, url: str) -> None:
    process = subprocess.Popen([sys.executable, "-c", HOLD, url], stdout=subprocess.PIPE, text=True)
    try:
        assert process.stdout is not None
        assert process.stdout.readline().strip() == "held"
        with pytest.raises(LeaseHeldError), take(catalog):
            pass
        process.send_signal(signal.SIGKILL)
        process.wait(30)
        with take(catalog) as turn:
            assert turn.took_over is not None
            assert turn.took_over.name == "theirs"
    finally:
        process.kill()
        process.wait(30)


def test_a_night_of_another_machine_is_believed_until_it_expires(catalog: Catalog) -> None:
    with take(catalog):
        pass
    owner = f"elsewhere/1/{this_process().rpartition('/')[2]}"
    with catalog.writing() as session:
        since_ns = catalog.now_ns(session) - 100 * 10**9
        session.execute(update(Lock).values(holder="far", owner=owner, since_ns=since_ns))
    with pytest.raises(LeaseHeldError, match="elsewhere"), take(catalog, expires_s=3600.0):
        pass
    with take(catalog, expires_s=50.0) as turn:
        assert turn.took_over is not None
        assert turn.took_over.name == "far"


def test_only_one_of_many_gets_it(catalog: Catalog) -> None:
    inside, most, guard = [0], [0], threading.Lock()

    def try_it(number: int) -> None:
        with take(catalog, wait_s=60.0, night=f"n{number}"):
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
