"""`factory dev`: Dagster and the pages beside it (documentation, an inspection station), on this machine only."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from factory_assets.foundation.settings import PROJECT_ROOT, Site
from factory_assets.stations import simulated_stations

HOST = "127.0.0.1"
SECONDS_A_PART = 3.0


def serve(site: Site, *, port: int) -> int:
    """Run Dagster until it is stopped; the next port serves the warehouse's documentation, the one after it a station.

    Returns:
        Dagster's exit status.
    """
    from factory_assets.foundation.runs import open_instance
    from factory_assets.warehouse import docs
    from factory_assets.warehouse.project import ensure_manifest, load_manifest

    ensure_manifest()
    open_instance(site.home.dagster)
    pages = site.home.root / "dbt_docs"
    docs.write_docs(load_manifest(), pages)
    os.environ.update(
        DAGSTER_HOME=str(site.home.dagster),
        DAGSTER_DISABLE_TELEMETRY="1",
        FACTORY_DOCS_URL=f"http://{HOST}:{port + 1}/",
    )
    # Dagster calls half of its own interface beta, once a process and reload: it would bury what matters.
    os.environ.setdefault("PYTHONWARNINGS", "ignore")
    dagster = str(Path(sys.executable).with_name("dagster"))
    workspace = str(PROJECT_ROOT / "workspace.yaml")
    files = subprocess.Popen(
        [sys.executable, "-m", "http.server", str(port + 1), "--bind", HOST, "--directory", str(pages)],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    with _station(site, port + 2), _ended(files):
        ui = subprocess.Popen([dagster, "dev", "-w", workspace, "-h", HOST, "-p", str(port)])
        signal.signal(signal.SIGTERM, lambda *_: ui.terminate())
        return _until_ended(ui)


@contextmanager
def _station(site: Site, port: int) -> Iterator[None]:
    """A station of the simulated plant at work: parts come along, the edge inspects them, and its page shows it."""
    stations = simulated_stations(site)
    if not stations:
        yield
        return
    station = stations[0]
    config = station.write_config(port=port)
    beside = Path(sys.executable)
    pace = ("--product", station.product, "--every", str(SECONDS_A_PART))
    with (station.folder / "station.log").open("ab") as log:
        edge = subprocess.Popen(
            [beside.with_name("factory-edge"), "run", "--config", config], stdout=log, stderr=log, cwd=station.folder
        )
        line = subprocess.Popen([beside.with_name("factory"), "line", *pace], stdout=log, stderr=log)
    with _ended(line), _ended(edge):
        yield


@contextmanager
def _ended(process: subprocess.Popen[bytes]) -> Iterator[None]:
    """The process ends with the block."""
    try:
        yield
    finally:
        process.terminate()
        process.wait()


def _until_ended(process: subprocess.Popen[bytes]) -> int:
    """An interrupt reaches the process as well: it ends by itself."""
    while True:
        try:
            return process.wait()
        except KeyboardInterrupt:
            continue
