"""Who is alive, who is dead, and of whom that cannot be said."""

import os
import signal
import socket
import subprocess
import sys

import psutil
import pytest

from mapforge.catalog.owner import Fate, fate, is_dead, this_process


def test_this_process_lives_and_an_ended_one_is_dead(dead_owner):
    assert fate(this_process()) is Fate.ALIVE
    assert fate(dead_owner) is Fate.DEAD
    assert is_dead(dead_owner)


def test_a_later_process_of_the_same_pid_is_another():
    host, pid, start = this_process().rsplit("/", 2)
    view, _, ticks = start.rpartition("-")
    assert fate(f"{host}/{pid}/{view}-{int(ticks) - 1}") is Fate.DEAD


def test_owners_elsewhere_are_never_called_dead():
    host, pid, start = this_process().rsplit("/", 2)
    boot, space, ticks = start.split("-")
    assert fate(f"other{host}/{pid}/{start}") is Fate.UNKNOWN
    assert fate(f"{host}/999999999/{boot}-{int(space) + 1}-{ticks}") is Fate.UNKNOWN, "a container of the same name"


def test_what_ran_before_the_machine_was_restarted_is_dead():
    host, pid, start = this_process().rsplit("/", 2)
    assert fate(f"{host}/{pid}/0{start[1:] if start[0] != '0' else '1' + start[1:]}") is Fate.DEAD


def test_names_of_earlier_versions_are_dead_with_their_process_and_else_unknown():
    host = socket.gethostname()
    assert fate(f"{host}/{os.getpid()}/1700000000000") is Fate.UNKNOWN
    assert fate(f"{host}/999999999/1700000000000") is Fate.DEAD


def test_a_killed_process_is_dead_before_its_parent_notices():
    code = "from mapforge.catalog.owner import this_process; print(this_process(), flush=True); input()"
    child = subprocess.Popen([sys.executable, "-c", code], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    owner = child.stdout.readline().strip()
    assert fate(owner) is Fate.ALIVE
    child.send_signal(signal.SIGKILL)
    os.waitid(os.P_PID, child.pid, os.WEXITED | os.WNOWAIT)  # ended, but not collected: a zombie
    assert psutil.pid_exists(child.pid)
    assert fate(owner) is Fate.DEAD
    child.communicate()


@pytest.mark.skipif(not os.path.exists("/proc/self/stat"), reason="no /proc")  # noqa: PTH110
@pytest.mark.parametrize("jump_s", [-1e6, 1e6])
def test_setting_the_clock_changes_no_name(monkeypatch, jump_s):
    """The usual start of a process is boot time plus age, and boot time moves with the clock."""
    owner = this_process()
    began = psutil.Process.create_time
    monkeypatch.setattr(psutil.Process, "create_time", lambda self, *_: began(self) + jump_s)
    monkeypatch.setattr("time.time", lambda: jump_s)
    assert this_process() == owner
    assert fate(owner) is Fate.ALIVE
