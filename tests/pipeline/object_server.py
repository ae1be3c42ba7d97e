"""A local S3-compatible server, and the environment in which it is found."""

from __future__ import annotations

import hashlib
import os
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pyarrow.fs as fs
from tiny_region import PRODUCTS, tiny_settings

FOLDERS = (*PRODUCTS, "lane_graph")


@contextmanager
def object_server(folder: Path) -> Iterator[str]:
    """Runs the server; gives its address."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    words = [sys.executable, "-m", "moto.server", "-H", "127.0.0.1", "-p", str(port)]
    with (folder / "server.log").open("wb") as log:
        server = subprocess.Popen(words, stdout=log, stderr=log, env={**os.environ, "MOTO_S3_CUSTOM_ENDPOINTS": ""})
    try:
        _wait(f"http://127.0.0.1:{port}/moto-api/", server, folder)
        yield f"http://127.0.0.1:{port}"
    finally:
        server.kill()
        server.wait(timeout=30)


def s3_environment(address: str) -> dict[str, str]:
    return {
        "AWS_ENDPOINT_URL": address,
        "AWS_ACCESS_KEY_ID": "nobody",
        "AWS_SECRET_ACCESS_KEY": "nothing",
        "AWS_REGION": "us-east-1",
        "AWS_EC2_METADATA_DISABLED": "true",
    }


def make_bucket(address: str, name: str) -> fs.S3FileSystem:
    """As a consumer would look into it, knowing nothing of MapForge."""
    host = address.removeprefix("http://")
    files = fs.S3FileSystem(
        access_key="nobody",
        secret_key="nothing",
        region="us-east-1",
        scheme="http",
        endpoint_override=host,
        allow_bucket_creation=True,
    )
    files.create_dir(name)
    return files


def _wait(address: str, server: subprocess.Popen[bytes], folder: Path) -> None:
    for _ in range(600):
        if server.poll() is not None:
            break
        try:
            urllib.request.urlopen(address, timeout=2).close()
            return
        except OSError:
            time.sleep(0.1)
    raise RuntimeError(f"the object server did not start: {(folder / 'server.log').read_text()}")


def settings_of(url, logs, tmp_path, *more):
    settings = tiny_settings(Path("nowhere"), logs, *more)
    settings.workspace = url
    settings.catalog_url = f"sqlite:///{tmp_path / 'catalog.db'}"
    return settings


def stored(files, url, folders=FOLDERS):
    """sha256 of everything derived: name -> hash, from the store."""
    base = url.removeprefix("s3://")
    found = {}
    for folder in folders:
        for info in files.get_file_info(fs.FileSelector(f"{base}/{folder}", recursive=True, allow_not_found=True)):
            if info.is_file:
                content = files.open_input_stream(info.path).readall()
                found[info.path.removeprefix(f"{base}/")] = hashlib.sha256(content).hexdigest()
    return found
