"""The command line: exit codes, clear errors, JSON, and what the README promises."""

from __future__ import annotations

import json
import re
import subprocess
import sys
import urllib.error
import urllib.request
from pathlib import Path
from threading import Thread

import pytest
from typer.testing import CliRunner

from mapforge.catalog import Catalog
from mapforge.catalog.tables import TileState
from mapforge.cli.app import app
from mapforge.cli.inspecting import report_server
from mapforge.cli.options import split_options
from mapforge.config import compose_settings
from mapforge.errors import ConfigurationError

ROOT = Path(__file__).resolve().parents[2]
README_COMMANDS = re.findall(r"^mapforge ([\w-]+) ?(.*?)(?:\s+#.*)?$", (ROOT / "README.md").read_text(), re.MULTILINE)
OWN_WORDS = {
    "source", "format", "city", "out", "run", "tile", "state", "region", "tiles", "reference", "to", "port",
    "world", "drives", "seed", "duration_s", "model", "target", "start", "held_out_drives", "frames",
    "drive", "reason", "old", "new", "weights", "against", "replace", "card",
}  # fmt: skip


def call(*words: str):
    return CliRunner().invoke(app, list(words))


def test_help_lists_every_command():
    text = call("--help").stdout
    for command in ("demo", "simulate", "ingest", "run", "status", "retry", "validate", "export", "train", "view"):
        assert command in text


def test_help_loads_none_of_the_heavy_libraries():
    code = (
        "import sys\nfrom mapforge.cli import app\n"
        "print([m for m in ('torch', 'open3d', 'scipy', 'pyarrow', 'hydra', 'numpy') if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_composing_settings_loads_neither_torch_nor_open3d():
    code = "import sys, mapforge.config\nprint([m for m in ('torch', 'open3d') if m in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


@pytest.mark.parametrize(
    ("words", "code", "message"),
    [
        (["run", "worksapce=x"], 2, "Did you mean 'workspace'"),
        (["run", "region=nowhere"], 2, "no conf/region/nowhere.yaml"),
        (["ingest"], 2, "'source=' is missing"),
        (["retry"], 2, "retry what"),
        (["export", "to=[shp]", "tiles=x"], 2, "geojson"),
        (["validate"], 2, "'tiles=' is missing"),
        (["status", "run"], 2, "key=value"),
    ],
)
def test_wrong_usage_is_explained(words, code, message, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    result = call(*words)
    assert result.exit_code == code
    assert message in result.stderr


def test_a_run_without_anything_to_map_ends_with_3_and_says_what_to_set(tmp_path):
    result = call("run", f"workspace={tmp_path / 'w'}", "--json")
    assert result.exit_code == 3
    document = json.loads(result.stdout)
    assert document["exit_code"] == 3
    assert "region.logs" in document["error"]["message"]


def test_status_lists_runs_and_tiles(tmp_path):
    catalog = Catalog.of(str(tmp_path), None)
    catalog.start_run("r1", "town", {})
    catalog.claim(["32617/1/2"], "r1")
    catalog.set_tile("32617/1/2", TileState.FAILED, "fusion", "ValueError: boom")
    document = json.loads(call("status", f"workspace={tmp_path}", "state=failed", "--json").stdout)
    assert [run["run_id"] for run in document["runs"]] == ["r1"]
    assert document["tiles"][0]["error"] == "ValueError: boom"
    assert document["tile_counts"] == {"failed": 1}
    assert "32617/1/2" in call("status", f"workspace={tmp_path}").stdout


def test_retry_of_an_unknown_tile_is_a_usage_error(tmp_path):
    result = call("retry", f"workspace={tmp_path}", "tile=32617/9/9")
    assert result.exit_code == 2
    assert "32617/9/9" in result.stderr


def test_settings_prints_what_a_run_would_use(tmp_path):
    document = json.loads(call("settings", "engine.workers=3", "--json").stdout)
    assert document["engine"]["workers"] == 3


def test_doctor_names_what_it_checked(tmp_path):
    result = call("doctor", f"workspace={tmp_path}", "--json")
    names = {check["name"] for check in json.loads(result.stdout)["checks"]}
    assert {"torch", "open3d", "weights", "disk", "write access", "Prefect", "GPU"} <= names


def test_the_report_server_is_local_and_serves_only_its_folder(tmp_path):
    (tmp_path / "secret.txt").write_text("secret")
    folder = tmp_path / "report"
    folder.mkdir()
    (folder / "report.html").write_text("hello")
    (folder / "link").symlink_to(tmp_path / "secret.txt")
    server = report_server(folder, 0)
    host, port = server.server_address[:2]
    assert host == "127.0.0.1"
    Thread(target=server.serve_forever, daemon=True).start()
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/report.html", timeout=10) as answer:
            assert answer.read() == b"hello"
        for path in ("link", "../secret.txt", "%2e%2e/secret.txt"):
            with pytest.raises(urllib.error.HTTPError):
                urllib.request.urlopen(f"http://127.0.0.1:{port}/{path}", timeout=10)
    finally:
        server.shutdown()


def test_the_readme_names_commands():
    assert len(README_COMMANDS) >= 6


@pytest.mark.parametrize(("command", "words"), README_COMMANDS, ids=[" ".join(pair) for pair in README_COMMANDS])
def test_the_commands_of_the_readme_are_valid(command, words):
    given = words.split()
    group = [given.pop(0)] if command == "release" else []
    flags = [word for word in given if word.startswith("--")]
    shown = call(command, *group, "--help")
    assert shown.exit_code == 0
    assert all(flag in shown.stdout for flag in flags)
    _, overrides = split_options([word for word in given if word not in flags], dict.fromkeys(OWN_WORDS, ""))
    assert compose_settings(overrides)


def test_split_options_separates_own_words_from_settings():
    options, overrides = split_options(["source=a b", "seed=3", "fusion.halo_m=21"], {"source": ""}, {"seed": "x.seed"})
    assert options == {"source": "a b"}
    assert overrides == ["x.seed=3", "fusion.halo_m=21"]
    with pytest.raises(ConfigurationError, match="key=value"):
        split_options(["nonsense"], {})
