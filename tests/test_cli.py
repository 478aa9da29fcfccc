from __future__ import annotations

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from factory_assets.cli import app
from factory_assets.foundation.plant import load_plant
from tests.plants import START, day_of_readings

HEADER = "machine,tag,timestamp,value,quality"
runner = CliRunner()


@pytest.fixture
def export(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with one export, as the working directory; what a command chooses is forgotten afterwards."""
    for name in ("FACTORY_PLANT", "FACTORY_HOME", "FACTORY_DATA"):
        monkeypatch.setenv(name, "")
        monkeypatch.delenv(name)
    monkeypatch.chdir(tmp_path)
    path = tmp_path / "historian" / "day.csv"
    path.parent.mkdir()
    path.write_text("\n".join([HEADER, *day_of_readings("press-1", START), *day_of_readings("press-2", START)]) + "\n")
    return path


def test_from_exports_to_a_plant_file_that_the_doctor_passes(export: Path, tmp_path: Path) -> None:
    done = runner.invoke(app, ["init-plant", "historian", "--name", "works"])
    assert done.exit_code == 0, done.output
    assert "wrote plant.yaml" in done.output
    assert load_plant(tmp_path / "plant.yaml").plant == "works"
    checked = runner.invoke(app, ["doctor", "--plant", "plant.yaml", "--home", "home", "--json", "doctor.json"])
    assert checked.exit_code == 0, checked.output
    assert "0 problem(s)" in checked.output
    figures = json.loads((tmp_path / "doctor.json").read_text())
    assert figures["plant"] == "works"
    assert {finding["level"] for finding in figures["findings"]} <= {"ok", "warning"}
    assert not (tmp_path / "home").exists(), "the doctor writes nothing"


def test_a_problem_ends_with_1_and_is_in_the_json(export: Path, tmp_path: Path) -> None:
    runner.invoke(app, ["init-plant", "historian"])
    export.unlink()
    checked = runner.invoke(app, ["doctor", "--plant", "plant.yaml", "--home", "home", "--json", "doctor.json"])
    assert checked.exit_code == 1
    assert "mend:" in checked.output
    levels = [finding["level"] for finding in json.loads((tmp_path / "doctor.json").read_text())["findings"]]
    assert levels[0] == "problem"


def test_a_plant_file_is_not_overwritten(export: Path, tmp_path: Path) -> None:
    (tmp_path / "plant.yaml").write_text("mine")
    refused = runner.invoke(app, ["init-plant", "historian"])
    assert "overwrite it with --force" in str(refused.exception)
    assert (tmp_path / "plant.yaml").read_text() == "mine"
    assert runner.invoke(app, ["init-plant", "historian", "--force"]).exit_code == 0


def test_the_commands_are_listed() -> None:
    listed = runner.invoke(app, ["--help"]).output
    assert all(f" {name} " in listed for name in ("materialize", "init-plant", "doctor", "bench", "demo", "dev"))
