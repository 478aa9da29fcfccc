"""`factory dev`: Dagster's UI and daemon, and the pages that the UI links to, on this machine only."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

from factory_assets.foundation.settings import PROJECT_ROOT, Site

HOST = "127.0.0.1"


def serve(site: Site, *, port: int) -> int:
    """Run Dagster until it is stopped; the next port serves the warehouse's documentation.

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
    try:
        ui = subprocess.Popen([dagster, "dev", "-w", workspace, "-h", HOST, "-p", str(port)])
        signal.signal(signal.SIGTERM, lambda *_: ui.terminate())
        return _until_ended(ui)
    finally:
        files.terminate()


def _until_ended(process: subprocess.Popen[bytes]) -> int:
    """An interrupt reaches the process as well: it ends by itself."""
    while True:
        try:
            return process.wait()
        except KeyboardInterrupt:
            continue
