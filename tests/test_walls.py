"""The walls that import-linter cannot draw: who may import dagster, and what loading the code location may cost."""

from __future__ import annotations

import ast
import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
PLATFORM = ROOT / "factory_assets"
ROOMS = ("reference_plant", "historian", "telemetry", "warehouse", "rul", "inspection", "engines")
ORCHESTRATION = {
    "assets.py",
    "checks.py",
    "sensors.py",
    "schedules.py",
    "jobs.py",
    "resources.py",
    "definitions.py",
}
ORCHESTRATION_IN_FOUNDATION = {
    "alerting.py", "automation.py", "event_log.py", "instance.py", "metadata.py", "partitions.py", "resources.py",
    "retries.py", "run_history.py", "runs.py", "settling.py", "staleness.py", "upkeep.py",
}  # fmt: skip
HEAVY = (
    "tensorflow",
    "keras",
    "mlflow",
    "cv2",
    "ortools",
    "tf2onnx",
    "onnxruntime",
    "tensorrt_rtx",
    "sklearn",
)


def imports(tree: ast.AST) -> Iterator[str]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            yield node.module
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def top_level_imports(path: Path) -> list[str]:
    """Imports that are executed when the module is."""
    body = [node for node in ast.parse(path.read_text()).body if isinstance(node, ast.Import | ast.ImportFrom)]
    return [name for node in body for name in imports(node)]


def modules() -> list[Path]:
    return sorted(PLATFORM.rglob("*.py"))


@pytest.mark.parametrize("path", modules(), ids=lambda p: str(p.relative_to(PLATFORM)))
def test_only_orchestration_imports_dagster(path: Path) -> None:
    in_foundation = path.parent.name == "foundation"
    allowed = ORCHESTRATION_IN_FOUNDATION if in_foundation else ORCHESTRATION
    uses = any(name.split(".")[0] in ("dagster", "dagster_dbt") for name in top_level_imports(path))
    assert not uses or path.name in allowed


@pytest.mark.parametrize("path", modules(), ids=lambda p: str(p.relative_to(PLATFORM)))
def test_a_room_sees_only_the_schema_of_the_rooms_before_it(path: Path) -> None:
    room = path.relative_to(PLATFORM).parts[0]
    if room not in ROOMS:
        return
    for name in imports(ast.parse(path.read_text())):
        parts = name.split(".")
        if parts[0] == "factory_assets" and len(parts) > 2 and parts[1] in ROOMS and parts[1] != room:
            assert parts[2] == "schema", f"{path.name} imports {name}"
            assert ROOMS.index(parts[1]) < ROOMS.index(room), f"{path.name} imports {name}"


@pytest.fixture(scope="module")
def loaded() -> list[str]:
    """The modules that loading the code location imports, in a process of its own."""
    code = "import json, sys, factory_assets.definitions; print(json.dumps(sorted(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=ROOT)
    return json.loads(done.stdout.splitlines()[-1])


@pytest.mark.parametrize("heavy", HEAVY)
def test_loading_the_code_location_imports_nothing_heavy(loaded: list[str], heavy: str) -> None:
    assert "factory_assets.definitions" in loaded
    assert heavy not in loaded


def test_definitions_stay_short() -> None:
    assert len((PLATFORM / "definitions.py").read_text().splitlines()) <= 60


@pytest.mark.parametrize("path", [*modules(), *sorted((ROOT / "edge_runtime" / "src").rglob("*.py"))], ids=str)
def test_files_stay_readable(path: Path) -> None:
    assert len(path.read_text().splitlines()) <= 400
