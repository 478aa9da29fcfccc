"""NASA C-MAPSS FD001 from the archive to the edge, by the commands of the README."""

from __future__ import annotations

import csv
import json
import shutil
import zipfile
from pathlib import Path

import pytest
import yaml

from tests.integration.commands import ROOT, edge, factory

PLANT = ROOT / "configs" / "plants" / "turbofan.yaml"
CAPPED_RMSE_GOAL = 14.5


@pytest.fixture(scope="module")
def plant(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The plant file with a hasty training."""
    file = tmp_path_factory.mktemp("plant") / "turbofan.yaml"
    values = yaml.safe_load(PLANT.read_text())
    for fleet in values["fleets"]:
        fleet["rul"] |= {"window_stride": 6, "epochs": 8, "trees": 150, "folds": 3}
    file.write_text(yaml.safe_dump(values))
    return file


@pytest.fixture(scope="module")
def home(plant: Path, cmapss_data: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("turbofan")
    done = factory(
        "materialize", "--plant", plant, "--data", cmapss_data, "--home", folder, "--fleet", "FD001", cwd=folder
    )
    assert done.returncode == 0, done.stderr
    return folder


@pytest.fixture(scope="module")
def figures(plant: Path, home: Path) -> dict[str, object]:
    out = home / "out.json"
    done = factory("evaluate", "rul", "--plant", plant, "--home", home, "--fleet", "FD001", "--json", out, cwd=home)
    assert done.returncode == 0, done.stderr
    return json.loads(out.read_text())


def test_every_test_unit_is_scored_by_both_conventions(figures: dict[str, float]) -> None:
    assert figures["units"] == 100
    assert figures["rmse_capped"] <= CAPPED_RMSE_GOAL
    assert figures["rmse_capped"] < figures["rmse_raw"] < 20
    assert 0 < figures["phm08_capped"] < figures["phm08_raw"]


def test_a_second_run_does_nothing(plant: Path, home: Path, cmapss_data: Path) -> None:
    done = factory("materialize", "--plant", plant, "--data", cmapss_data, "--home", home, "--fleet", "FD001", cwd=home)
    assert "nothing was run" in done.stdout


def test_the_edge_predicts_what_the_platform_scored(home: Path, cmapss_data: Path, figures: dict[str, list]) -> None:
    state, answer = home / "edge", home / "predictions.json"
    pulled = edge("pull", "--releases", home / "turbofan/exchange/releases", "--state", state, cwd=home)
    assert pulled.returncode == 0, pulled.stderr
    readings = write_readings(home / "readings.csv", cmapss_data, home / "turbofan/bundles/FD001/manifest.json")
    done = edge("predict", "--state", state, "--input", readings, "--json", answer, cwd=home)
    assert done.returncode == 0, done.stderr
    predicted = {unit["unit_id"]: unit for unit in json.loads(answer.read_text())["units"]}
    assert len(predicted) == 100
    for expected in figures["predictions"]:
        unit = predicted[str(int(expected["unit_id"][-3:]))]
        assert unit["cycle"] == expected["cycle"]
        assert unit["rul_cycles"] == pytest.approx(expected["rul_cycles"], abs=0.01)


def write_readings(path: Path, data: Path, manifest: Path) -> Path:
    """The raw test file as a CSV of the manifest's channels, as a technician would write it."""
    classes = yaml.safe_load(PLANT.read_text())["machine_classes"]
    measured = [channel["name"] for channel in classes["turbofan"]["channels"][:24]]
    wanted = [channel["name"] for channel in json.loads(manifest.read_text())["inputs"][0]["channels"]]
    with zipfile.ZipFile(data / "cmapss" / "CMAPSSData.zip") as archive:
        member = next(name for name in archive.namelist() if name.endswith("test_FD001.txt"))
        lines = archive.read(member).decode().splitlines()
    with path.open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["unit_id", "cycle", *wanted])
        for line in lines:
            unit, cycle, *values = line.split()
            row = dict(zip(measured, values, strict=True))
            writer.writerow([unit, cycle, *[row[name] for name in wanted]])
    return path


def test_a_cut_archive_is_refused_by_name(cmapss_data: Path, tmp_path: Path) -> None:
    folder = tmp_path / "data" / "cmapss"
    folder.mkdir(parents=True)
    with zipfile.ZipFile(cmapss_data / "cmapss" / "CMAPSSData.zip") as archive:
        for member in archive.namelist():
            (folder / Path(member).name).write_bytes(archive.read(member))
    train = folder / "train_FD001.txt"
    train.write_bytes(train.read_bytes()[:2_883_584])
    done = factory(
        "materialize", "--plant", PLANT, "--data", folder.parent, "--home", tmp_path, "--fleet", "FD001", cwd=tmp_path
    )
    assert done.returncode == 1
    assert "train_FD001.txt is cut short" in done.stderr
    assert "Traceback" not in done.stderr
    shutil.rmtree(folder)
