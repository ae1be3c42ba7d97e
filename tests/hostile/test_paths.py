"""No name out of a log, a setting or a file of the workspace leads a read or a write out of it."""

from __future__ import annotations

import http.client
import json
import re
from collections.abc import Iterator
from pathlib import Path
from threading import Thread

import numpy as np
import pytest
import torch

from mapforge.cli.inspecting import report_server
from mapforge.errors import ConfigurationError, ContractError, MapForgeError, ModelError
from mapforge.geometry.tiles import TileId
from mapforge.ingest.discovery import LogFormat, LogSource
from mapforge.ingest.source_index import choose_drive_id, safe_name
from mapforge.io.drive_store import DriveReader
from mapforge.io.drive_writer import DriveWriter
from mapforge.io.workspace import Workspace
from mapforge.models.privacy_detector import read_privacy_detector
from mapforge.models.sign_detector import read_sign_detector
from mapforge.pipeline.inbox import InboxLedger, look_into
from mapforge.pipeline.stamps import Ledger, Recipe
from mapforge.releases.manifest import current_release, read_release

ESCAPES = ("..", "../x", "../../etc/passwd", "/etc/passwd", "a/../../b", "a/b", "", ".", "~root", "a\0b", "a\nb", "-rf")
SOURCE = Path(__file__).resolve().parents[2] / "src" / "mapforge"
TILE = TileId(32617, 5860, 44750)


@pytest.mark.parametrize("name", ESCAPES)
def test_every_place_of_the_workspace_refuses_names_that_lead_away(tmp_path: Path, name: str) -> None:
    workspace = Workspace(tmp_path)
    places = (
        workspace.drive, workspace.trajectory, workspace.unaligned_trajectory, workspace.trajectory_quality,
        workspace.detections, workspace.drive_elements, workspace.release, workspace.report, workspace.run_log,
        workspace.night, lambda n: workspace.raster(TILE, n), lambda n: workspace.observation(TILE, n),
        lambda n: workspace.stamp(n, "item"),
    )  # fmt: skip
    for place in places:
        with pytest.raises(ConfigurationError, match="cannot name a file"):
            place(name)


@pytest.mark.parametrize("name", ESCAPES)
def test_stamps_of_any_item_stay_in_the_workspace(tmp_path: Path, name: str) -> None:
    """Items may be paths of the outer world (logs); a region's name comes from a YAML file."""
    workspace = Workspace(tmp_path / "workspace")
    ledger = Ledger(workspace)
    try:
        ledger.write("ingest", name, Recipe({"a": "b"}), [])
    except ConfigurationError:
        pass
    else:
        assert ledger.stamp("ingest", name) is not None
    assert all(path.is_relative_to(workspace.root) for path in tmp_path.rglob("*") if path.is_file())


@pytest.mark.parametrize("text", ["../../../etc", "32617/../x", "32617/1/2/3", "32617\\1\\2", "/1/2", "32617/1/2\n.."])
def test_tile_names_are_numbers(text: str) -> None:
    with pytest.raises(ConfigurationError):
        TileId.parse(text)


@pytest.mark.parametrize(
    "name",
    ["..mcap", "<script>alert(1)</script>.mcap", "a b; rm -rf ~.mcap", "$(reboot).mcap", "\u202ex.mcap"],
)
def test_a_log_of_any_name_becomes_a_drive_inside_the_store(tmp_path: Path, name: str) -> None:
    path = tmp_path / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.touch()
    workspace = Workspace(tmp_path / "workspace")
    source = LogSource(path, LogFormat.MCAP)
    drive = choose_drive_id(workspace, source, "0" * 64)
    assert re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9_.+-]*", safe_name(source))
    assert workspace.drive(drive).parent == workspace.drives


def test_sensor_names_of_a_log_are_values_and_never_paths(tmp_path: Path) -> None:
    """Topics and frame ids name sensors; files are named by tables."""
    workspace = Workspace(tmp_path / "workspace")
    with DriveWriter(workspace, "d") as writer:
        writer.add_sweep(10**18, "../../../lidar", np.ones((5, 3)), np.ones(5))
        writer.finish("mcap", "0" * 64)
    assert [sweep.sensor for sweep in DriveReader(workspace.drive("d")).sweeps()] == ["../../../lidar"]
    assert {path.name for path in workspace.drive("d").iterdir()} == {"lidar.parquet", "manifest.json"}
    assert not list(tmp_path.glob("lidar*"))


@pytest.mark.parametrize("name", ["../../outside.parquet", "/etc/passwd", "lidar-x/../../outside.parquet"])
def test_a_manifest_cannot_name_files_elsewhere(tmp_path: Path, name: str) -> None:
    workspace = Workspace(tmp_path / "workspace")
    with DriveWriter(workspace, "d") as writer:
        writer.add_sweep(10**18, "top", np.ones((5, 3)), np.ones(5))
        writer.finish("mcap", "0" * 64)
    path = workspace.drive("d") / "manifest.json"
    raw = json.loads(path.read_text())
    raw["files"][0]["name"] = name
    path.write_text(json.dumps(raw))
    with pytest.raises(ContractError, match="cannot be a file of a drive"):
        _ = DriveReader(workspace.drive("d")).manifest


@pytest.mark.parametrize("name", ["../../victim", "/etc/passwd"])
def test_a_stamp_that_names_files_elsewhere_counts_as_none(tmp_path: Path, name: str) -> None:
    """What a stamp lists may be deleted when its drive is withdrawn."""
    workspace = Workspace(tmp_path / "workspace")
    ledger = Ledger(workspace)
    output = workspace.root / "out"
    output.parent.mkdir(parents=True)
    output.touch()
    ledger.write("fusion", "item", Recipe({"a": "b"}), [output])
    path = workspace.stamp("fusion", "item")
    raw = json.loads(path.read_text())
    raw["outputs"][0][0] = name
    path.write_text(json.dumps(raw))
    assert ledger.stamp("fusion", "item") is None


@pytest.mark.parametrize("pointer", ["../../elsewhere", "/etc", ".."])
def test_the_pointer_to_the_current_release_stays_among_releases(tmp_path: Path, pointer: str) -> None:
    workspace = Workspace(tmp_path / "workspace")
    workspace.releases.mkdir(parents=True)
    (workspace.releases / "current").write_text(pointer)
    with pytest.raises(MapForgeError):
        current_release(workspace)
    with pytest.raises(MapForgeError):
        read_release(workspace, pointer)


def test_links_in_an_inbox_that_lead_out_of_it_are_not_followed(tmp_path: Path) -> None:
    outside, inbox = tmp_path / "outside", tmp_path / "inbox"
    outside.mkdir(), inbox.mkdir()
    (outside / "secret.mcap").write_bytes(b"\x89MCAP0\r\nsecret")
    (inbox / "own.mcap").write_bytes(b"\x89MCAP0\r\nown")
    (inbox / "again.mcap").symlink_to(inbox / "own.mcap")
    (inbox / "link.mcap").symlink_to(outside / "secret.mcap")
    (inbox / "folder").symlink_to(outside, target_is_directory=True)
    (inbox / "loop").symlink_to(inbox, target_is_directory=True)
    drive = inbox / "drive" / "velodyne_points" / "data"
    drive.mkdir(parents=True)
    (drive / "0.bin").symlink_to(outside / "secret.mcap")
    found = look_into([str(inbox)], InboxLedger(Workspace(tmp_path / "w")), "r", (), 0.0, 0.0)
    assert {log.path.resolve() for log in found.fresh} == {(inbox / "own.mcap").resolve()}
    told = {Path(path).relative_to(inbox).parts[-1] for path, why in found.waiting.items() if "leads out" in why}
    assert {"link.mcap", "secret.mcap", "drive"} <= told


@pytest.mark.parametrize("read", [read_privacy_detector, read_sign_detector])
def test_pickled_weights_are_refused_unread(tmp_path: Path, read) -> None:  # type: ignore[no-untyped-def]
    class Trap:
        def __reduce__(self):  # type: ignore[no-untyped-def]
            return (Path.touch, (tmp_path / "escaped",))

    torch.save({"w": Trap()}, tmp_path / "net.pt")
    with pytest.raises(ModelError, match=r"no safetensors file.*can run code"):
        read(tmp_path / "net.pt")
    assert not (tmp_path / "escaped").exists()


def test_no_shell_no_pickle_no_unsafe_yaml_in_the_package() -> None:
    forbidden = re.compile(
        r"shell=True|os\.system|os\.popen|pickle\.load|yaml\.(load|unsafe_load|full_load)\(|allow_pickle=True|weights_only=False"
        r"|\beval\(\"|\bexec\("
    )
    found = [f"{path.name}: {m.group()}" for path in SOURCE.rglob("*.py") if (m := forbidden.search(path.read_text()))]
    assert found == []


@pytest.fixture
def server(tmp_path: Path) -> Iterator[tuple[str, int]]:
    (tmp_path / "secret.txt").write_text("secret")
    (tmp_path / "outside").mkdir()
    (tmp_path / "outside" / "x.txt").write_text("secret")
    folder = tmp_path / "report"
    (folder / "pictures").mkdir(parents=True)
    (folder / "report.html").write_text("hello")
    (folder / "link").symlink_to(tmp_path / "secret.txt")
    (folder / "linked").symlink_to(tmp_path / "outside", target_is_directory=True)
    running = report_server(folder, 0)
    Thread(target=running.serve_forever, daemon=True).start()
    yield running.server_address[0], running.server_address[1]  # type: ignore[misc]
    running.shutdown()
    running.server_close()


def ask(server: tuple[str, int], path: str, host: str | None = None) -> tuple[int, bytes]:
    connection = http.client.HTTPConnection(*server, timeout=10)
    connection.putrequest("GET", path, skip_host=True)
    connection.putheader("Host", f"localhost:{server[1]}" if host is None else host)
    connection.endheaders()
    answer = connection.getresponse()
    return answer.status, answer.read()


def test_the_report_server_is_bound_to_this_machine_and_serves_the_report(server: tuple[str, int]) -> None:
    assert server[0] == "127.0.0.1"
    assert ask(server, "/report.html") == (200, b"hello")


@pytest.mark.parametrize(
    "path",
    [
        "/", "/pictures", "/pictures/", "/../secret.txt", "/%2e%2e/secret.txt", "/..%2fsecret.txt", "//etc/passwd",
        "/link", "/linked/x.txt", "/linked/", "/pictures/../../secret.txt", "/report.html%00",
        "/" + "a" * 5000, "/none.html",
    ],
)  # fmt: skip
def test_nothing_but_files_of_the_report_is_served(server: tuple[str, int], path: str) -> None:
    status, body = ask(server, path)
    assert status in (400, 404) and b"secret" not in body and b"link" not in body


@pytest.mark.parametrize("host", ["evil.example", "evil.example:8000", "localhost.evil.example", "", "127.0.0.1.nip"])
def test_requests_for_another_name_are_refused(server: tuple[str, int], host: str) -> None:
    """DNS rebinding: a page elsewhere whose name was pointed at 127.0.0.1."""
    assert ask(server, "/report.html", host)[0] == 403


@pytest.mark.parametrize("host", ["localhost", "LOCALHOST:1", "127.0.0.1", "[::1]:80"])
def test_requests_for_this_machine_are_answered(server: tuple[str, int], host: str) -> None:
    assert ask(server, "/report.html", host)[0] == 200
