"""The catalog at national scale: 1,000,000 tiles and 10,000 drives in SQLite.

    python benchmarks/catalog.py [--tiles 1000000] [--drives 10000] [--out FOLDER]

Promised: a plan in at most 10 s, at least 2,000 tile state updates a second, at most 500 MB. Each figure stands beside
the same work as plain code would do it: every row an object for the plan, one transaction a row for states and claims.
Seconds are of the clock and, second, of the CPU; where they differ, the machine had other work or waited for its disk.
"""

from __future__ import annotations

import argparse
import multiprocessing
import random
import resource
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

from sqlalchemy import insert, select, update
from sqlalchemy.orm import Session

from mapforge.catalog import Catalog, TileUpdate
from mapforge.catalog.tables import FINAL_STATES, Drive, DriveState, DriveTile, Tile, TileState

RECIPE, OTHER_RECIPE = "a" * 64, "b" * 64
TILES_A_DRIVE = 300
CHANGED_DRIVES = 20
CLAIMED = 2_000


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--tiles", type=int, default=1_000_000)
    parser.add_argument("--drives", type=int, default=10_000)
    parser.add_argument("--out")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory(dir=arguments.out) as folder:
        url = f"sqlite:///{folder}/catalog.db"
        apart(build, url, arguments.tiles, arguments.drives)
        size_mb = Path(folder, "catalog.db").stat().st_size / 1e6
        print(f"{arguments.tiles:,} tiles, {arguments.drives:,} drives of {TILES_A_DRIVE} tiles each: {size_mb:.0f} MB")
        for measure in (plans, plain_plan, updates, plain_updates, claims, plain_claims, looks):
            apart(measure, url, arguments.tiles, arguments.drives)


def apart(work: Callable[[str, int, int], None], *words: Any) -> None:
    """In a process of its own, so that its peak memory is its own."""
    process = multiprocessing.get_context("spawn").Process(target=_with_memory, args=(work, *words))
    process.start()
    process.join()
    if process.exitcode:
        raise SystemExit(process.exitcode)


def _with_memory(work: Callable[[str, int, int], None], *words: Any) -> None:
    work(*words)
    peak_mb = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(f"  {work.__name__}: peak memory {peak_mb:.0f} MB")


def timed(title: str, work: Callable[[], Any], count: int = 0) -> Any:
    started, busy = time.perf_counter(), time.process_time()
    result = work()
    seconds, busy_s = time.perf_counter() - started, time.process_time() - busy
    rate = f"{count / seconds:>12,.0f} a second" if count else ""
    print(f"{title:<56}{seconds:>9.3f} s {busy_s:>8.3f} s{rate}", flush=True)
    return result


def names(count: int) -> list[str]:
    """A square block of tiles."""
    side = int(count**0.5)
    return [f"32617/{5000 + index // side}/{44000 + index % side}" for index in range(count)]


def build(url: str, n_tiles: int, n_drives: int) -> None:
    """All valid and of one recipe; drives wander over the block."""
    tiles = names(n_tiles)
    side = int(n_tiles**0.5)
    with closing(Catalog(url)) as catalog:
        catalog.start_run("first", "nation", {})
        timed("all tiles claimed at once", lambda: catalog.claim(tiles, "first"), n_tiles)
        done = [
            TileUpdate(tile, TileState.VALID, build="0" * 16, recipe=RECIPE, fingerprint="0" * 64) for tile in tiles
        ]
        timed("all tiles valid, by one set_tiles", lambda: catalog.set_tiles(done, "first"), n_tiles)
        about = {"state": DriveState.USABLE, "source_format": "mcap", "start_ns": 0, "end_ns": 1, "quarantined_rows": 0}
        with catalog.writing() as session:
            session.execute(
                insert(Drive), [{"drive_id": drive_name(n), "fingerprint": "f", **about} for n in range(n_drives)]
            )
            for first in range(0, n_drives, 500):
                rows = [
                    {"drive_id": drive_name(n), "tile": tiles[place]}
                    for n in range(first, min(n_drives, first + 500))
                    for place in wander(n, side)
                ]
                session.connection().execute(insert(DriveTile.__table__), rows)


def drive_name(number: int) -> str:
    return f"2026-01-01-fleet-{number:06d}"


def wander(seed: int, side: int) -> set[int]:
    draw = random.Random(seed)
    x, y, places = draw.randrange(side), draw.randrange(side), set()
    while len(places) < TILES_A_DRIVE:
        places.add(x * side + y)
        if draw.random() < 0.5:
            x = (x + draw.choice((-1, 1))) % side
        else:
            y = (y + draw.choice((-1, 1))) % side
    return places


def plans(url: str, n_tiles: int, n_drives: int) -> None:
    with closing(Catalog(url)) as catalog:
        changed = [drive_name(number) for number in range(0, n_drives, max(1, n_drives // CHANGED_DRIVES))]
        nothing = timed("plan: nothing is new", lambda: catalog.stale_tiles(RECIPE))
        assert nothing == []
        touched = timed(f"plan: {len(changed)} drives changed", lambda: catalog.stale_tiles(RECIPE, changed))
        assert touched == catalog.tiles_touched(changed)
        counted = timed("plan: another recipe, read one by one", lambda: count(catalog.iter_stale_tiles(OTHER_RECIPE)))
        assert counted == n_tiles
        timed("plan: another recipe, as a list", lambda: catalog.stale_tiles(OTHER_RECIPE))


def count(items: Iterator[str]) -> int:
    return sum(1 for _ in items)


def plain_plan(url: str, n_tiles: int, n_drives: int) -> None:
    """Every tile an object, looked at in Python."""

    def plan(session: Session) -> int:
        return sum(tile.recipe != RECIPE or tile.state not in FINAL_STATES for tile in session.scalars(select(Tile)))

    with closing(Catalog(url)) as catalog, catalog.reading() as session:
        timed("  plain reference: nothing is new", lambda: plan(session))


def updates(url: str, n_tiles: int, n_drives: int) -> None:
    tiles = random.Random(1).sample(names(n_tiles), 20_000)
    with closing(Catalog(url)) as catalog:
        single = tiles[:5_000]

        def one_by_one() -> None:
            for tile in single:
                catalog.set_tile(tile, TileState.VALID, build="1" * 16, recipe=RECIPE)

        timed("states: set_tile, one transaction each", one_by_one, len(single))
        for size in (16, 1_000):
            groups = [tiles[start : start + size] for start in range(0, len(tiles), size)]

            def in_groups(groups: list[list[str]] = groups) -> None:
                for group in groups:
                    catalog.set_tiles(
                        [TileUpdate(tile, TileState.VALID, build="2" * 16, recipe=RECIPE) for tile in group]
                    )

            timed(f"states: set_tiles of {size}", in_groups, len(tiles))
        touched = [
            (drive_name(number), [tiles[number * 300 + n] for n in range(300)]) for number in range(CHANGED_DRIVES)
        ]
        timed(
            f"record_touched: {CHANGED_DRIVES} drives of 300 tiles",
            lambda: [catalog.record_touched(drive, over, "g") for drive, over in touched],
            CHANGED_DRIVES,
        )
        stale = catalog.stale_tiles(RECIPE)
        catalog.set_tiles([TileUpdate(tile, TileState.VALID, recipe=RECIPE) for tile in stale])


def plain_updates(url: str, n_tiles: int, n_drives: int) -> None:
    """Load the row, change it, commit."""
    tiles = random.Random(2).sample(names(n_tiles), 2_000)
    with closing(Catalog(url)) as catalog:

        def one_by_one() -> None:
            for name in tiles:
                with Session(catalog.engine) as session, session.begin():
                    tile = session.get_one(Tile, name)
                    tile.state, tile.build, tile.updated_ns = TileState.VALID, "3" * 16, time.time_ns()

        timed("  plain reference: load, change, commit", one_by_one, len(tiles))


def claims(url: str, n_tiles: int, n_drives: int) -> None:
    tiles = random.Random(3).sample(names(n_tiles), CLAIMED)
    with closing(Catalog(url)) as catalog:
        catalog.start_run("second", "nation", {})
        taken = timed(f"leases: claim {CLAIMED:,} tiles", lambda: catalog.claim(tiles, "second"), CLAIMED)
        assert len(taken) == CLAIMED
        timed("leases: renew them", lambda: catalog.renew_leases("second"))
        timed("leases: release them", lambda: catalog.release_leases("second"), CLAIMED)
        catalog.set_tiles([TileUpdate(tile, TileState.VALID) for tile in tiles])


def plain_claims(url: str, n_tiles: int, n_drives: int) -> None:
    """A transaction a tile: look whether it is free, take it."""
    tiles = random.Random(3).sample(names(n_tiles), CLAIMED)
    with closing(Catalog(url)) as catalog:

        def one_by_one() -> None:
            for name in tiles:
                with Session(catalog.engine) as session, session.begin():
                    if session.get_one(Tile, name).lease_owner is None:
                        taken = {"lease_owner": "me", "state": TileState.BUILDING, "run_id": "third"}
                        session.execute(update(Tile).where(Tile.tile == name).values(**taken))

        timed("  plain reference: claim", one_by_one, CLAIMED)
        catalog.release_leases("third")
        catalog.set_tiles([TileUpdate(tile, TileState.VALID) for tile in tiles])


def looks(url: str, n_tiles: int, n_drives: int) -> None:
    """What `mapforge status` asks."""
    catalog = timed("look: open", lambda: Catalog(url))
    timed("look: number of tiles by state", catalog.count_tiles)
    timed("look: 50 tiles of a region", lambda: catalog.tiles(region="nation", limit=50))
    timed("look: tiles of a drive", lambda: catalog.tiles(drive=drive_name(7)))
    timed("look: failed tiles", lambda: catalog.tiles(state="failed", limit=50))
    timed("look: current builds of all", catalog.current_builds)
    catalog.close()


if __name__ == "__main__":
    main()
