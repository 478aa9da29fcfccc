"""The edge in an environment that holds nothing else: `.venv-edge`, made by `make setup` from the edge's own lock."""

from __future__ import annotations

import json
import os
import re
import subprocess
from pathlib import Path

import pytest

from factory_assets.engines.keys import create_keys
from tests.tiny_bundle import CHANNELS, Site

ROOT = Path(__file__).resolve().parents[2]
EDGE = ROOT / ".venv-edge" / "bin"
FORBIDDEN = ("dagster", "tensorflow", "keras", "polars", "mlflow", "dbt", "pandera", "duckdb", "factory_assets")

pytestmark = pytest.mark.skipif(not (EDGE / "factory-edge").is_file(), reason=".venv-edge is not there: run make setup")


def in_clean_environment(*command: str | Path, cwd: Path) -> subprocess.CompletedProcess[str]:
    """Run without network (where the kernel allows it), from another folder, with nothing of this process's paths."""
    environment = {
        "PATH": "/usr/bin:/bin",
        "HOME": str(cwd),
        "http_proxy": "http://127.0.0.1:9",
        "https_proxy": "http://127.0.0.1:9",
    }
    cut = ["unshare", "--map-root-user", "--net"] if can_cut_the_network() else []
    return subprocess.run(
        [*cut, *map(str, command)], capture_output=True, text=True, check=False, cwd=cwd, env=environment
    )


def can_cut_the_network() -> bool:
    probe = ["unshare", "--map-root-user", "--net", "true"]
    try:
        return subprocess.run(probe, capture_output=True, check=False).returncode == 0
    except FileNotFoundError:
        return False


def publish_tiny(folder: Path) -> Path:
    site = Site(folder, create_keys(folder / "keys"))
    site.publish(site.bundle())
    return site.releases


def write_readings(path: Path) -> Path:
    rows = [f"pump-{unit},{cycle},{unit},{cycle},3" for unit in (1, 2) for cycle in (1, 2, 3)]
    path.write_text("\n".join([",".join(("unit_id", "cycle", *CHANNELS)), *rows]) + "\n")
    return path


def test_it_holds_the_edge_and_what_its_lock_names_and_nothing_else(tmp_path: Path) -> None:
    code = "import json, importlib.metadata as m; print(json.dumps([d.metadata['Name'] for d in m.distributions()]))"
    done = in_clean_environment(EDGE / "python", "-c", code, cwd=tmp_path)
    installed = {name.lower().replace("_", "-") for name in json.loads(done.stdout)}
    lock = (ROOT / "edge_runtime" / "requirements.lock").read_text()
    locked = {name.lower().replace("_", "-") for name in re.findall(r"^([A-Za-z0-9._-]+)==", lock, re.MULTILINE)}
    assert installed <= locked | {"factory-edge"}
    assert {"factory-edge", "numpy", "onnxruntime", "tuf"} <= installed


@pytest.mark.parametrize("module", FORBIDDEN)
def test_the_platform_is_not_there(module: str, tmp_path: Path) -> None:
    done = in_clean_environment(EDGE / "python", "-c", f"import {module}", cwd=tmp_path)
    assert "ModuleNotFoundError" in done.stderr


def test_a_release_is_pulled_and_predicts_offline(tmp_path: Path) -> None:
    releases = publish_tiny(tmp_path / "platform")
    readings = write_readings(tmp_path / "readings.csv")
    state, report, answer = tmp_path / "state", tmp_path / "pull.json", tmp_path / "out.json"
    pulled = in_clean_environment(
        EDGE / "factory-edge", "pull", "--releases", releases, "--state", state, "--json", report, cwd=tmp_path
    )
    assert pulled.returncode == 0, pulled.stderr
    assert json.loads(report.read_text())["release"] == 1
    predicted = in_clean_environment(
        EDGE / "factory-edge", "predict", "--state", state, "--input", readings, "--json", answer, cwd=tmp_path
    )
    assert predicted.returncode == 0, predicted.stderr
    units = json.loads(answer.read_text())["units"]
    assert [unit["unit_id"] for unit in units] == ["pump-1", "pump-2"]
    ends = {f"rul_{end}_{level}_cycles" for end in ("low", "high") for level in (80, 90)}
    assert all(set(unit) == {"unit_id", "cycle", "rul_cycles", "refused"} | ends for unit in units)
    assert [(unit["cycle"], unit["refused"]) for unit in units] == [(3, None)] * 2


def test_a_changed_byte_is_refused_there_too(tmp_path: Path) -> None:
    releases = publish_tiny(tmp_path / "platform")
    graph = max((releases / "targets").rglob("*.onnx"), key=os.path.getsize)
    graph.write_bytes(graph.read_bytes()[:-1] + b"\x00")
    pulled = in_clean_environment(
        EDGE / "factory-edge", "pull", "--releases", releases, "--state", tmp_path / "state", cwd=tmp_path
    )
    assert pulled.returncode == 1
    assert "factory-edge:" in pulled.stderr
    assert not (tmp_path / "state" / "active.json").exists()
