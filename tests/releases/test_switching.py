"""The switch: whole for readers, and for a publisher killed anywhere in it."""

import json
import subprocess
import sys
from pathlib import Path

from mapforge.catalog.releases import ReleaseRecords
from mapforge.catalog.tables import TileState
from mapforge.releases.manifest import current_release
from mapforge.releases.publish import publish, rollback
from mapforge.releases.switching import point_to, reconcile, sole_writer, switch

SWITCHES = 200
READER = """
import json, sys
from pathlib import Path
from mapforge.io.workspace import Workspace
from mapforge.io.fingerprint import sha256_of_file
from mapforge.releases.manifest import current_release
workspace, stop = Workspace(Path(sys.argv[1])), Path(sys.argv[2])
seen, changes, last = {}, 0, None
print("ready", flush=True)
while not stop.exists():
    release = current_release(workspace)
    whole = all(sha256_of_file(tile.file(workspace)) == tile.sha256 for tile in release.tiles)
    key = json.dumps([release.name, sorted({build for build in release.builds.values()}), whole])
    seen[key] = seen.get(key, 0) + 1
    changes += key != last
    last = key
print(json.dumps([changes, [[*json.loads(key), count] for key, count in seen.items()]]))
"""


def test_a_reader_sees_one_whole_release_through_200_switches(workspace, catalog, build, street, tmp_path):
    releases = [publish(workspace, catalog, build(street), "r1"), publish(workspace, catalog, build(street[:2]), "r2")]
    assert not set(releases[0].builds.values()) & set(releases[1].builds.values())
    stop = tmp_path / "stop"
    command = [sys.executable, "-c", READER, str(workspace.root), str(stop)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as reader:
        assert reader.stdout.readline() == "ready\n"
        try:
            with sole_writer(workspace, catalog) as unfinished:
                for turn in range(SWITCHES):
                    point_to(workspace, releases[turn % 2].name, unfinished)
        finally:
            stop.touch()
        changes, seen = json.loads(reader.stdout.readline())
    assert reader.returncode == 0
    assert changes >= 2, "the reader saw no switch"
    expected = {release.name: sorted(set(release.builds.values())) for release in releases}
    for name, builds, whole, _ in seen:
        assert (builds, whole) == (expected[name], True)
    assert {name for name, *_ in seen} == {"r1", "r2"}


def test_killed_anywhere_one_whole_release_is_current_and_the_same_command_ends_it(
    workspace, catalog, build, street, tmp_path
):
    publish(workspace, catalog, build(street), "r1")
    build(street[:2])
    catalog.close()
    script = Path(__file__).with_name("killed_publish.py")
    command = [sys.executable, str(script), str(workspace.root), str(tmp_path / "killed")]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    outcomes = json.loads(done.stdout)
    assert [outcome.pop("killed") for outcome in outcomes] == [True] * (len(outcomes) - 1) + [False]
    seen = [outcome.pop("seen") for outcome in outcomes]
    switched = seen.index("r2")
    assert seen == ["r1"] * switched + ["r2"] * (len(seen) - switched)
    assert 3 <= switched < len(seen) - 1, "kills both before and after the switch"
    assert outcomes == [
        {
            "again": "r2",
            "previous": "r1",
            "releases": ["r1", "r2"],
            "records": [["r1", False], ["r2", True]],
            "states": ["published"],
            "unfinished": False,
        }
    ] * len(outcomes)


def test_the_catalog_follows_the_disk(workspace, catalog, build, street):
    first = publish(workspace, catalog, build(street), "r1")
    publish(workspace, catalog, build(street[:2]), "r2")
    records = ReleaseRecords(catalog)
    records.forget(["r1"])
    records.record("ghost", "r0", "0", 1)
    records.make_current("ghost", {})
    catalog.set_tile(catalog.tiles()[0].tile, TileState.REJECTED)
    reconcile(workspace, catalog)
    assert {(release.name, release.current) for release in records.all()} == {("r1", False), ("r2", True)}
    assert [tile.state for tile in catalog.tiles()] == ["rejected", "published", "published"]
    (repaired,) = [release for release in records.all() if release.name == "r1"]
    assert repaired.manifest_sha256 == first.sha256


def test_switching_by_hand_is_seen_by_the_next_command(workspace, catalog, build, street):
    publish(workspace, catalog, build(street), "r1")
    publish(workspace, catalog, build(street[:2]), "r2")
    (workspace.releases / "current").write_text("r1\n")
    assert current_release(workspace).name == "r1"
    with sole_writer(workspace, catalog) as unfinished:
        switch(workspace, catalog, "r1", unfinished)
    assert [release.name for release in ReleaseRecords(catalog).all() if release.current] == ["r1"]
    assert rollback(workspace, catalog, "r2").name == "r2"
