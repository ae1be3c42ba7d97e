"""What lies in an inbox: new, not whole yet, refused before."""

from __future__ import annotations

import json
import os
import time
from dataclasses import replace
from pathlib import Path

import pytest

from mapforge.io.workspace import Workspace
from mapforge.pipeline.inbox import Inbox, InboxLedger, LogState, look_into, remember

MAGIC = b"\x89MCAP0\r\n"
RECIPE = "as it is read today"


@pytest.fixture
def inbox(tmp_path: Path) -> Path:
    (tmp_path / "inbox").mkdir()
    return tmp_path / "inbox"


@pytest.fixture
def ledger(tmp_path: Path) -> InboxLedger:
    return InboxLedger(Workspace(tmp_path / "w"))


def drop(inbox: Path, name: str, age_s: float = 3600.0, content: bytes = MAGIC) -> Path:
    path = inbox / name
    path.write_bytes(content)
    os.utime(path, (time.time() - age_s,) * 2)
    return path


def look(
    inbox: Path, ledger: InboxLedger, known: tuple[str, ...] = (), recipe: str = RECIPE, settle_s: float = 0.0
) -> Inbox:
    return look_into([str(inbox)], ledger, recipe, known, 300.0, settle_s)


def fresh(found: Inbox) -> list[str]:
    return [log.path.name for log in found.fresh]


def note(ledger: InboxLedger, found: Inbox, name: str, error: str | None = None, machine: bool = False):  # type: ignore[no-untyped-def]
    path = next(path for path in found.stamps if path.endswith(name))
    return remember(ledger, path, found.stamps[path], RECIPE, None if error else "drive", error, machine, 3)


def test_old_enough_logs_are_new_and_half_copied_ones_wait(inbox: Path, ledger: InboxLedger) -> None:
    drop(inbox, "whole.mcap")
    drop(inbox, "arriving.mcap", age_s=5.0)
    drop(inbox, "arriving.mcap.part")
    drop(inbox, "notes.txt", content=b"no log")
    found = look(inbox, ledger)
    assert fresh(found) == ["whole.mcap"]
    assert [Path(path).name for path in found.waiting] == ["arriving.mcap"]
    assert found.known_bad == {}


def test_a_log_that_grows_while_it_is_looked_at_waits(inbox: Path, ledger: InboxLedger, monkeypatch) -> None:  # type: ignore[no-untyped-def]
    drop(inbox, "whole.mcap")
    growing = drop(inbox, "growing.mcap")

    def meanwhile(_seconds: float) -> None:
        growing.write_bytes(MAGIC + bytes(10))
        os.utime(growing, (1.0, 1.0))

    monkeypatch.setattr("mapforge.pipeline.inbox.time.sleep", meanwhile)
    found = look(inbox, ledger, settle_s=1.0)
    assert fresh(found) == ["whole.mcap"]
    assert list(found.waiting.values()) == ["still growing"]


def test_a_clock_that_is_wrong_delays_a_log_by_one_night_only(inbox: Path, ledger: InboxLedger) -> None:
    drop(inbox, "from tomorrow.mcap", age_s=-86400.0)
    assert fresh(look(inbox, ledger)) == []
    assert fresh(look(inbox, ledger)) == ["from tomorrow.mcap"]


def test_a_taken_log_is_left_alone_while_its_drive_is_there(inbox: Path, ledger: InboxLedger) -> None:
    drop(inbox, "a.mcap")
    assert note(ledger, look(inbox, ledger), "a.mcap").state is LogState.TAKEN
    assert fresh(look(inbox, ledger, known=("drive",))) == []
    assert fresh(look(inbox, ledger)) == ["a.mcap"], "its drive was deleted by hand"
    assert fresh(look(inbox, ledger, known=("drive",), recipe="read differently")) == ["a.mcap"]


def test_a_refused_log_is_not_tried_again_until_it_changes(inbox: Path, ledger: InboxLedger) -> None:
    path = drop(inbox, "bad.mcap")
    assert note(ledger, look(inbox, ledger), "bad.mcap", "LogError: torn").state is LogState.REFUSED
    again = look(inbox, ledger)
    assert fresh(again) == []
    assert [record.error for record in again.known_bad.values()] == ["LogError: torn"]
    drop(inbox, path.name, content=MAGIC + b"whole now")
    assert fresh(look(inbox, ledger)) == ["bad.mcap"]


def test_what_the_machine_failed_is_tried_three_nights(inbox: Path, ledger: InboxLedger) -> None:
    drop(inbox, "a.mcap")
    states = []
    for _ in range(3):
        found = look(inbox, ledger)
        assert fresh(found) == ["a.mcap"]
        states.append(note(ledger, found, "a.mcap", "OSError: disk full", machine=True).state)
    assert states == [LogState.FAILING, LogState.FAILING, LogState.GIVEN_UP]
    assert fresh(look(inbox, ledger)) == []


def test_the_ledger_survives_and_forgets_what_is_gone(inbox: Path, ledger: InboxLedger, tmp_path: Path) -> None:
    drop(inbox, "a.mcap")
    drop(inbox, "b.mcap")
    found = look(inbox, ledger)
    note(ledger, found, "a.mcap", "LogError: torn")
    note(ledger, found, "b.mcap")
    (inbox / "b.mcap").unlink()
    ledger.save(look(inbox, ledger).stamps)
    read = InboxLedger(Workspace(tmp_path / "w"))
    assert [Path(path).name for path in read.records] == ["a.mcap"]
    assert list(read.records.values()) == [replace(next(iter(ledger.records.values())))]


@pytest.mark.parametrize("text", ["", "[]", '{"a": 3}', '{"a": {"state": "odd", "stamp": ""}}'])
def test_a_damaged_ledger_costs_a_look_and_no_more(text: str, tmp_path: Path) -> None:
    workspace = Workspace(tmp_path)
    workspace.inbox_ledger.write_text(text)
    assert InboxLedger(workspace).records == {}


def test_an_empty_inbox_is_a_quiet_night_and_a_missing_one_is_named(inbox: Path, ledger: InboxLedger) -> None:
    assert fresh(look(inbox, ledger)) == []
    found = look(inbox / "not mounted", ledger)
    assert found.missing == [str(inbox / "not mounted")]
    ledger.save([])
    assert json.loads((ledger._workspace.inbox_ledger).read_text()) == {}
