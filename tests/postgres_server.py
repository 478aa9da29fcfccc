"""A PostgreSQL server of the tests' own, from Debian's package: in a temporary folder, on a socket, with no network."""

from __future__ import annotations

import importlib.util
import os
import shutil
import signal
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest


def _program(name: str) -> str | None:
    found = sorted(Path("/usr/lib/postgresql").glob(f"*/bin/{name}"), key=lambda path: int(path.parts[4]))
    return str(found[-1]) if found else shutil.which(name)


INITDB, SERVER = _program("initdb"), _program("postgres")
USER = "postgres"

needs_postgres = pytest.mark.skipif(
    INITDB is None or SERVER is None or importlib.util.find_spec("psycopg") is None,
    reason="no PostgreSQL here: install Debian's postgresql package, and psycopg",
)


@contextmanager
def running_server() -> Iterator[str]:
    """The address of an empty database; the server ends with the block."""
    # Not in pytest's folder: a socket's path may have no more than 107 characters.
    folder = Path(tempfile.mkdtemp(prefix="pg"))
    # PostgreSQL refuses to run as root: then the package's own user runs it.
    user = USER if os.geteuid() == 0 else None
    if user is not None:
        shutil.chown(folder, user)
    data = folder / "data"
    options = ["-A", "trust", "-U", USER, "-N", "--locale=C", "-E", "UTF8"]
    subprocess.run([str(INITDB), "-D", str(data), *options], check=True, capture_output=True, cwd=folder, user=user)
    settings = ["-c", "listen_addresses=", "-c", f"unix_socket_directories={folder}", "-c", "fsync=off"]
    log = (folder / "log").open("wb")
    server = subprocess.Popen(
        [str(SERVER), "-D", str(data), *settings], stdout=log, stderr=subprocess.STDOUT, cwd=folder, user=user
    )
    try:
        _wait_for(folder, server)
        yield f"postgresql://{USER}@/postgres?host={folder}"
    finally:
        server.send_signal(signal.SIGINT)  # a fast shutdown: clients are cut off
        server.wait(timeout=30)
        log.close()
        shutil.rmtree(folder, ignore_errors=True)


def _wait_for(folder: Path, server: subprocess.Popen[bytes]) -> None:
    import psycopg

    for _ in range(300):
        try:
            psycopg.connect(host=str(folder), user=USER, dbname="postgres").close()
        except psycopg.OperationalError:
            if server.poll() is not None:
                pytest.fail(f"PostgreSQL did not start: {(folder / 'log').read_text()[-2000:]}")
            try:
                server.wait(timeout=0.1)
            except subprocess.TimeoutExpired:
                continue
        else:
            return
    pytest.fail("PostgreSQL did not answer within 30 s")
