"""Commands that look: view, doctor, settings."""

from __future__ import annotations

import functools
import http.server
import importlib
import os
import shutil
import socket
import tempfile
import urllib.request
from pathlib import Path
from typing import Any

import yaml

from mapforge.cli.app import COULD_NOT_RUN, OK
from mapforge.cli.options import split_options
from mapforge.cli.output import print_json, say
from mapforge.config import compose_settings, settings_to_dict
from mapforge.errors import ConfigurationError, MissingInputError

MIN_FREE_GB = 10.0
LIBRARIES = ("torch", "torchvision", "open3d", "shapely", "pyproj", "pyarrow", "small_gicp", "mcap")


def view(words: list[str], json_output: bool) -> int:
    """Serves one report folder, on this machine only, until interrupted."""
    options, overrides = split_options(words, {"run": "latest", "port": "8000"})
    from mapforge.catalog import Catalog
    from mapforge.io.mirror import fetch_immutable
    from mapforge.io.workspace import Workspace

    settings = compose_settings(overrides)
    run_id = Catalog.of(settings.workspace, settings.catalog_url).run(options["run"]).run_id
    workspace = Workspace.at(settings.workspace)
    folder = workspace.report(run_id)
    fetch_immutable(workspace, [folder / "report.html", folder / "report.json"])
    if not (folder / "report.html").is_file():
        raise MissingInputError(f"{folder} holds no report.html: the run did not get that far; see mapforge status")
    if not options["port"].isdigit():
        raise ConfigurationError(f"port={options['port']}: give a number, for example port=8000")
    server = report_server(folder, int(options["port"]))
    address = f"http://localhost:{server.server_address[1]}/report.html"
    print_json({"url": address}) if json_output else say(f"{address}  (Ctrl-C ends)")
    try:
        server.serve_forever()
    except KeyboardInterrupt:
        server.server_close()
    return OK


def report_server(folder: Path, port: int) -> http.server.ThreadingHTTPServer:
    """A server of one folder, bound to localhost.

    Links out of the folder are not followed, folders are not listed, and only requests that name this machine are
    answered: a page elsewhere whose name resolves to 127.0.0.1 (DNS rebinding) gets nothing.
    """
    handler = functools.partial(_ReportHandler, directory=str(folder))
    return http.server.ThreadingHTTPServer(("127.0.0.1", port), handler)


_OWN_NAMES = ("localhost", "127.0.0.1", "[::1]")


def _without_port(host: str) -> str:
    name, _, port = host.lower().rpartition(":")
    return name if name and port.isdigit() else host.lower()


class _ReportHandler(http.server.SimpleHTTPRequestHandler):
    def send_head(self) -> Any:
        if _without_port(self.headers.get("Host", "")) not in _OWN_NAMES:
            self.send_error(403, "This server answers localhost only")
            return None
        if not self._is_of_the_report(self.path):
            self.send_error(404)
            return None
        return super().send_head()

    def _is_of_the_report(self, path: str) -> bool:
        try:
            wanted = Path(self.translate_path(path)).resolve()
            return wanted.is_relative_to(Path(self.directory).resolve()) and wanted.is_file()
        except (OSError, ValueError):  # a name that no file can have
            return False

    def end_headers(self) -> None:
        self.send_header("X-Content-Type-Options", "nosniff")
        self.send_header("X-Frame-Options", "DENY")
        self.send_header("Referrer-Policy", "no-referrer")
        super().end_headers()

    def log_message(self, format: str, *args: Any) -> None:
        """Requests are not worth a line."""


def doctor(words: list[str], json_output: bool) -> int:
    """Exit code 3 when something the pipeline cannot do without is missing."""
    from mapforge.io.workspace import Workspace

    settings = compose_settings(words)
    workspace = Workspace.at(settings.workspace).root
    checks = [
        *(_check_library(name) for name in LIBRARIES),
        _check_weights(),
        _check_gpu(),
        _check_prefect(),
        _check_disk(workspace),
        _check_write(workspace),
        _check_memory(),
    ]
    failed = [check for check in checks if check["required"] and not check["ok"]]
    if json_output:
        print_json({"ok": not failed, "checks": checks})
    else:
        for check in checks:
            mark = "ok  " if check["ok"] else "FAIL" if check["required"] else "-   "
            say(f"{mark} {check['name']:<14} {check['detail']}")
    return COULD_NOT_RUN if failed else OK


def settings(words: list[str], json_output: bool) -> int:
    plain = settings_to_dict(compose_settings(words))
    print_json(plain) if json_output else say(yaml.safe_dump(plain, sort_keys=False).rstrip())
    return OK


def _check(name: str, ok: bool, detail: str, required: bool = True) -> dict[str, Any]:
    return {"name": name, "ok": ok, "detail": detail, "required": required}


def _check_library(name: str) -> dict[str, Any]:
    try:
        module = importlib.import_module(name)
    except (ImportError, OSError) as error:  # OSError: a system library that open3d loads is missing
        return _check(name, False, f"{error}; run make install (open3d needs libusb-1.0-0 and libgl1)")
    return _check(name, True, str(getattr(module, "__version__", "")))


def _check_weights() -> dict[str, Any]:
    from mapforge.models.shipped import BEV_SEGMENTER, SIGN_DETECTOR, weights_path

    missing = [str(p) for p in (weights_path(None, n) for n in (BEV_SEGMENTER, SIGN_DETECTOR)) if not p.is_file()]
    return _check("weights", not missing, f"missing: {', '.join(missing)}" if missing else "shipped weights found")


def _check_gpu() -> dict[str, Any]:
    import torch

    found = torch.cuda.is_available()
    return _check("GPU", found, torch.cuda.get_device_name(0) if found else "none; the CPU is used", required=False)


def _check_prefect() -> dict[str, Any]:
    url = os.environ.get("PREFECT_API_URL", "")
    if not url:
        return _check(
            "Prefect", False, "PREFECT_API_URL is not set; only the nightly schedule needs it", required=False
        )
    try:
        with urllib.request.urlopen(f"{url.rstrip('/')}/health", timeout=3) as answer:
            return _check("Prefect", answer.status == 200, f"{url} answers", required=False)
    except (OSError, ValueError) as error:
        return _check("Prefect", False, f"{url} does not answer: {error}", required=False)


def _check_disk(workspace: Path) -> dict[str, Any]:
    existing = next(folder for folder in (workspace, *workspace.parents) if folder.exists())
    free_gb = shutil.disk_usage(existing).free / 1e9
    return _check("disk", free_gb >= MIN_FREE_GB, f"{free_gb:.0f} GB free at {existing}, {MIN_FREE_GB:.0f} wanted")


def _check_write(workspace: Path) -> dict[str, Any]:
    existing = next(folder for folder in (workspace, *workspace.parents) if folder.exists())
    try:
        with tempfile.TemporaryFile(dir=existing):
            return _check("write access", True, str(existing))
    except OSError as error:
        return _check("write access", False, f"{existing}: {error}")


def _check_memory() -> dict[str, Any]:
    import psutil

    total_gb = psutil.virtual_memory().total / 2**30
    wanted_gb = 4.0 * (os.cpu_count() or 1)
    detail = f"{total_gb:.0f} GiB on {socket.gethostname()}, {wanted_gb:.0f} wanted for one worker a core"
    return _check("memory", total_gb >= wanted_gb, detail, required=False)
