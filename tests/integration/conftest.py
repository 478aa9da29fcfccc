"""A small living plant, brought up to date once for all tests that look at it."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from pathlib import Path

import pytest
import yaml

from factory_assets.foundation.settings import REFERENCE_PLANT
from tests.integration.commands import factory

DAYS = 50
HASTY_EPOCHS = {"classification": 8, "segmentation": 4, "anomaly": 6}


@dataclass(frozen=True)
class SmallPlant:
    """The reference plant with a short history and a hasty training."""

    file: Path
    folder: Path
    output: str

    @property
    def home(self) -> Path:
        return self.folder / "reference"

    def materialize(self, *more: str) -> str:
        done = factory("materialize", "--plant", self.file, "--home", self.folder, *more, cwd=self.folder)
        assert done.returncode == 0, done.stderr
        return done.stdout


@pytest.fixture(scope="session")
def small_plant(tmp_path_factory: pytest.TempPathFactory) -> SmallPlant:
    folder = tmp_path_factory.mktemp("small")
    plant = yaml.safe_load(REFERENCE_PLANT.read_text())
    plant["start"] = (dt.datetime.now(dt.UTC).date() - dt.timedelta(days=DAYS)).isoformat()
    for fleet in plant["fleets"]:
        fleet["rul"] |= {"epochs": 4, "window_stride": 6, "trees": 60, "folds": 2}
    for product in plant["products"]:
        if product["method"] in HASTY_EPOCHS:
            product["epochs"] = HASTY_EPOCHS[product["method"]]
    plant["planning"] |= {"seconds": 3}
    file = folder / "plant.yaml"
    file.write_text(yaml.safe_dump(plant))
    unfinished = SmallPlant(file, folder, "")
    return SmallPlant(file, folder, unfinished.materialize())
