"""The manifest, the environment of dbt runs, and dbt's own unit tests."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from pathlib import Path

import pytest

from factory_assets.telemetry.schema import REASONS
from factory_assets.warehouse import marts, project


def test_a_missing_manifest_says_how_to_build_it(tmp_path: Path) -> None:
    with pytest.raises(project.ManifestMissingError, match="make setup"):
        project.load_manifest(tmp_path)


def test_the_manifest_is_built_only_when_the_project_is_newer(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    parsed = []

    def parse(folder: Path) -> None:
        parsed.append(folder)
        for name in (project.MANIFEST, project.PARTIAL_PARSE):
            (folder / name).write_text("{}", encoding="utf-8")

    monkeypatch.setattr(project, "_parse", parse)
    path = project.ensure_manifest(tmp_path)
    assert project.load_manifest(tmp_path) == {}
    assert project.ensure_manifest(tmp_path) == path
    assert len(parsed) == 1
    os.utime(path, (0, 0))
    project.ensure_manifest(tmp_path)
    assert len(parsed) == 2
    assert sorted(file.name for file in tmp_path.iterdir()) == [project.MANIFEST, project.PARTIAL_PARSE]


def test_what_dbt_refuses_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    refusing = tmp_path / "dbt"
    refusing.write_text("#!/bin/sh\necho 'model mart_x is broken'\nexit 2\n", encoding="utf-8")
    refusing.chmod(0o755)
    monkeypatch.setattr(project, "dbt_executable", lambda: refusing)
    with pytest.raises(project.ManifestFailedError, match="model mart_x is broken"):
        project.ensure_manifest(tmp_path / "target")
    assert not (tmp_path / "target" / project.MANIFEST).exists()


def test_the_environment_is_put_back(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FACTORY_LAKE", "before")
    monkeypatch.delenv("DO_NOT_TRACK", raising=False)
    with project.in_environment(project.environment(Path("/lake"))):
        assert (os.environ["FACTORY_LAKE"], os.environ["DO_NOT_TRACK"]) == ("/lake", "1")
    assert os.environ["FACTORY_LAKE"] == "before"
    assert "DO_NOT_TRACK" not in os.environ


def test_code_version_follows_what_is_inlined(manifest: Path) -> None:
    mart, inlined = "model.factory.machine_health_day", "model.factory.int_unit_channel_period"
    parsed = project.load_manifest(manifest.parent)
    before = marts.code_version(parsed, mart)
    of_failures = marts.code_version(parsed, "model.factory.failure_history")
    parsed["nodes"][inlined]["raw_code"] += " where value is not null"
    assert marts.code_version(parsed, mart) != before
    assert marts.code_version(parsed, "model.factory.failure_history") == of_failures
    parsed["nodes"]["model.factory.failure_history"]["columns"]["life"]["data_type"] = "integer"
    assert marts.code_version(parsed, "model.factory.failure_history") != of_failures


def test_code_version_follows_the_variables_of_a_mart_alone(manifest: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    parsed = project.load_manifest(manifest.parent)
    asking, other = "model.factory.training_set_candidates", "model.factory.downtime"
    before = marts.code_version(parsed, asking), marts.code_version(parsed, other)
    monkeypatch.setattr(marts, "variables", lambda: {**project.variables(), "least_cycles": 30})
    assert marts.code_version(parsed, asking) != before[0]
    assert marts.code_version(parsed, other) == before[1]


def test_sql_knows_every_reason_of_cleaning(manifest: Path) -> None:
    columns = project.load_manifest(manifest.parent)["nodes"]["model.factory.channel_coverage"]["columns"]
    assert [f"n_{reason}" for reason in REASONS] == [name for name in columns if name.removeprefix("n_") in REASONS]
    assert [f"{reason}_share" for reason in REASONS] == [
        name for name in columns if name.removesuffix("_share") in REASONS
    ]


def test_every_singular_test_says_what_it_finds(manifest: Path) -> None:
    nodes = project.load_manifest(manifest.parent)["nodes"].values()
    singular = [node for node in nodes if node["resource_type"] == "test" and "test_metadata" not in node]
    assert len(singular) >= 9
    assert all(len(node["description"]) > 40 for node in singular)


def test_every_mart_is_under_contract_and_described(manifest: Path) -> None:
    models = [
        node for node in project.load_manifest(manifest.parent)["nodes"].values() if node["resource_type"] == "model"
    ]
    assert all(model["description"] for model in models)
    tables = [model for model in models if model["config"]["materialized"] == "table"]
    assert tables
    assert all(model["config"]["contract"]["enforced"] for model in tables)


def test_dbt_unit_tests_pass(manifest: Path, tmp_path: Path) -> None:
    shutil.copy(manifest.parent / project.PARTIAL_PARSE, tmp_path)
    places = [
        "--project-dir",
        project.PROJECT,
        "--profiles-dir",
        project.PROJECT,
        "--target-path",
        tmp_path,
        "--log-path",
        tmp_path,
    ]
    done = subprocess.run(
        [project.dbt_executable(), "test", "--select", "test_type:unit", *places],
        env={**os.environ, **project.environment(Path("lake"))},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout
    results = json.loads((tmp_path / "run_results.json").read_text(encoding="utf-8"))["results"]
    unit_tests = [result for result in results if result["unique_id"].startswith("unit_test.")]
    assert len(unit_tests) == 18
    assert {result["status"] for result in unit_tests} == {"pass"}
