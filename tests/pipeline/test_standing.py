"""Why something is made anew, in words."""

import json

import pytest

from mapforge.pipeline.stamps import Failure, Ledger, Recipe
from mapforge.pipeline.standing import changes, standing, verified


@pytest.fixture
def ledger(workspace):
    return Ledger(workspace)


def settings(**values):
    return json.dumps(values)


def test_a_changed_setting_is_named_with_both_values():
    old = {"settings of fusion": settings(min_confidence=0.5, areas={"cell_m": 1.0})}
    new = {"settings of fusion": settings(min_confidence=0.4, areas={"cell_m": 2.0})}
    assert list(changes(old, new)) == [
        "setting fusion.areas.cell_m changed from 1.0 to 2.0",
        "setting fusion.min_confidence changed from 0.5 to 0.4",
    ]


def test_drives_come_go_and_change():
    old = {"drive a": "1", "drive b": "1", "drive d": "1"}
    new = {"drive a": "2", "drive c": "1", "drive d": "1"}
    assert list(changes(old, new)) == ["drive a changed", "drive b is gone", "new drive c"]


def test_code_and_weights_are_named():
    old = {"code of fusion": "1", "weights of the BEV network": "1"}
    new = {"code of fusion": "2", "weights of the BEV network": "2"}
    assert list(changes(old, new)) == ["code of fusion changed", "weights of the BEV network changed"]


def test_an_item_without_a_stamp_is_new(ledger):
    now = standing(ledger, "fusion", "32617/1/2", Recipe({"a": "1"}))
    assert (now.is_due, now.fits, now.reasons) == (True, False, ("new",))


def test_an_item_whose_stamp_fits_is_not_due_until_its_output_is_gone(ledger, workspace):
    path = workspace.root / "product"
    path.parent.mkdir(parents=True)
    path.write_text("x")
    ledger.write("fusion", "32617/1/2", Recipe({"a": "1"}), [path])
    now = standing(ledger, "fusion", "32617/1/2", Recipe({"a": "1"}))
    assert not verified(now, ledger, False).is_due
    path.unlink()
    assert not now.is_due  # whether its files are needed is another question
    assert verified(now, ledger, False).reasons == ("output missing or damaged: product",)


def test_what_failed_before_says_so_first(ledger):
    ledger.record_failure(Failure("fusion", "32617/1/2", {"a": "1"}, "ValueError", "bad", "", "r"))
    now = standing(ledger, "fusion", "32617/1/2", Recipe({"a": "1"}))
    assert now.reasons == ("failed before (1x): ValueError: bad", "new")
