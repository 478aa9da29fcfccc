"""The dbt project: where it is, the manifest that the code location reads, and what its runs need.

Knows dbt's files and its command line, and nothing of Dagster.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from typing import Any

import yaml

from factory_assets.foundation.errors import FactoryError
from factory_assets.foundation.settings import PROJECT_ROOT

PROJECT = PROJECT_ROOT / "dbt_project"
TARGET = PROJECT / "target"
MANIFEST = "manifest.json"
PARTIAL_PARSE = "partial_parse.msgpack"
# Made by dbt itself; everything else below the project is an input of the manifest.
MADE_BY_DBT = frozenset({"target", "logs", ".user.yml"})


class ManifestMissingError(FactoryError, FileNotFoundError):
    """The dbt manifest was not built yet."""


class ManifestFailedError(FactoryError, RuntimeError):
    """dbt refuses the project; the message holds what dbt says."""


def dbt_executable() -> Path:
    """The dbt command of the Python environment in use, on the search path or not."""
    return Path(sys.executable).with_name("dbt")


def environment(lake: Path) -> dict[str, str]:
    """What a dbt run must find in its environment: the lake, and no telemetry."""
    return {"FACTORY_LAKE": str(lake), "DBT_SEND_ANONYMOUS_USAGE_STATS": "false", "DO_NOT_TRACK": "1"}


@contextmanager
def in_environment(values: dict[str, str]) -> Iterator[None]:
    """Set environment variables of this process for a block, and put the old ones back after it."""
    before = {name: os.environ.get(name) for name in values}
    os.environ.update(values)
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                os.environ.pop(name, None)
            else:
                os.environ[name] = value


def ensure_manifest(target: Path = TARGET) -> Path:
    """Build the manifest if it is missing or older than any file of the dbt project.

    Args:
        target: The folder that the manifest is in.

    Returns:
        The manifest's path.

    Raises:
        ManifestFailedError: dbt refuses the project.
    """
    manifest = target / MANIFEST
    if manifest.is_file() and manifest.stat().st_mtime >= _newest_input():
        return manifest
    target.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=target, prefix=".parse-") as folder:
        _parse(Path(folder))
        for name in (PARTIAL_PARSE, MANIFEST):
            (Path(folder) / name).replace(target / name)
    return manifest


def load_manifest(target: Path = TARGET) -> dict[str, Any]:
    """Read the manifest.

    Raises:
        ManifestMissingError: It was not built yet.
    """
    path = target / MANIFEST
    try:
        manifest: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError as error:
        msg = f"the dbt manifest {path} is missing: `make setup` (or `factory manifest`) builds it"
        raise ManifestMissingError(msg) from error
    return manifest


@cache
def variables() -> dict[str, Any]:
    """The variables of dbt (thresholds of the marts), as `dbt_project.yml` sets them."""
    settings = yaml.safe_load((PROJECT / "dbt_project.yml").read_text(encoding="utf-8"))
    found: dict[str, Any] = settings["vars"][settings["name"]]
    return found


def _newest_input() -> float:
    """When the project last changed; a folder's time tells when a file was removed from it."""
    tops = [path for path in PROJECT.iterdir() if path.name not in MADE_BY_DBT]
    inner = [path for top in tops if top.is_dir() for path in top.rglob("*")]
    return max(path.stat().st_mtime for path in [*tops, *inner])


def _parse(folder: Path) -> None:
    places = [
        "--project-dir",
        PROJECT,
        "--profiles-dir",
        PROJECT,
        "--target-path",
        folder,
        "--log-path",
        folder,
    ]
    done = subprocess.run(
        [str(dbt_executable()), "--no-use-colors", "parse", *map(str, places)],
        # Parsing opens no file of the lake; its sources' paths only have to be spelt out.
        env={**os.environ, **environment(Path("lake"))},
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        msg = f"dbt cannot parse {PROJECT}: mend what it names\n{done.stdout}{done.stderr}"
        raise ManifestFailedError(msg)
