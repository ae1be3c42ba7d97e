"""What a report says of the catalog."""

from mapforge.catalog.summary import summarise
from mapforge.catalog.tables import RunState, TileState

TILES = [f"32617/1/{index}" for index in range(5)]


def test_a_summary_counts_all_and_names_what_is_in_trouble(catalog, manifest):
    catalog.claim(TILES, "r1")
    catalog.set_tile(TILES[0], TileState.VALID)
    for tile in TILES[1:3]:
        catalog.set_tile(tile, TileState.FAILED, "fusion", "ValueError: boom")
    catalog.park_tile(TILES[2], "failed 3 times")
    for drive in ("a", "b", "c"):
        catalog.record_drive(manifest(drive))
    catalog.record_drive(manifest("b"), "LogError: torn")
    catalog.withdraw_drive("c", "asked for by its owner")
    catalog.record_attempt("r1", "fusion", TILES[1], 1.0, "ValueError: boom")
    catalog.end_run("r1", RunState.DONE)
    summary = summarise(catalog)
    assert summary.tiles == {"building": 2, "failed": 1, "parked": 1, "valid": 1}
    assert summary.drives == {"refused": 1, "usable": 1, "withdrawn": 1}
    assert [(item.kind, item.name, item.state, item.reason, item.failures) for item in summary.troubled] == [
        ("drive", "b", "refused", "LogError: torn", 1),
        ("drive", "c", "withdrawn", "asked for by its owner", 0),
        ("tile", TILES[2], "parked", "failed 3 times", 1),
        ("tile", TILES[1], "failed", "ValueError: boom", 1),
    ]
    assert summary.more_troubled == 0
    (run,) = summary.runs
    assert (run.run_id, run.state, run.failed_attempts) == ("r1", "done", 1)
    assert run.seconds >= 0


def test_a_summary_is_short_however_much_is_in_trouble(catalog):
    catalog.claim(TILES, "r1")
    for tile in TILES:
        catalog.set_tile(tile, TileState.FAILED, "fusion", "boom")
    for index in range(3):
        catalog.start_run(f"r{index + 2}", "town", {})
    summary = summarise(catalog, most_runs=2, most_items=3)
    assert [run.run_id for run in summary.runs] == ["r4", "r3"]
    assert summary.runs[0].seconds is None
    assert (len(summary.troubled), summary.more_troubled) == (3, 2)
