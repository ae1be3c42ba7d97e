"""A real Postgres server of Debian's packages, in a temporary folder, reached through a Unix socket only."""

from __future__ import annotations

import os
import pwd
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

FOUND = sorted(Path("/usr/lib/postgresql").glob("*/bin/postgres"), key=lambda path: int(path.parts[-3]))
MISSING = "no Postgres server in /usr/lib/postgresql: apt-get install postgresql"


@contextmanager
def postgres_server() -> Iterator[Path]:
    """Runs the newest server installed; gives the folder of its socket. Its one user is `mapforge`, trusted."""
    binaries = FOUND[-1].parent
    folder = Path(tempfile.mkdtemp(prefix="mapforge-pg-"))
    user = _server_user()
    if user is not None:
        os.chown(folder, user.pw_uid, user.pw_gid)
    who = {} if user is None else {"user": user.pw_uid, "group": user.pw_gid, "extra_groups": []}
    data = folder / "data"
    make = [binaries / "initdb", "-D", data, "-U", "mapforge", "--auth=trust", "--no-sync", "--encoding=UTF8"]
    subprocess.run(make, check=True, capture_output=True, cwd=folder, **who)
    settings = ["listen_addresses=", f"unix_socket_directories={folder}", "fsync=off", "max_connections=40"]
    words = [word for setting in settings for word in ("-c", setting)]
    with (folder / "log").open("wb") as log:
        server = subprocess.Popen(
            [binaries / "postgres", "-D", data, *words], stdout=log, stderr=log, cwd=folder, **who
        )
        try:
            _wait(binaries / "pg_isready", folder, server)
            yield folder
        finally:
            server.send_signal(signal.SIGQUIT)
            server.wait(timeout=30)
            shutil.rmtree(folder, ignore_errors=True)


def _server_user() -> pwd.struct_passwd | None:
    """Postgres refuses to run as root."""
    if os.geteuid() != 0:
        return None
    names = {entry.pw_name: entry for entry in pwd.getpwall()}
    return names.get("postgres") or names["nobody"]


def _wait(ready: Path, folder: Path, server: subprocess.Popen[bytes]) -> None:
    for _ in range(300):
        if server.poll() is not None:
            break
        if subprocess.run([ready, "-h", folder, "-q"], check=False).returncode == 0:
            return
        time.sleep(0.1)
    raise RuntimeError(f"Postgres did not start: {(folder / 'log').read_text()}")
