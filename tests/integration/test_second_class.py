"""Another kind of machine by a plant file alone: from a few run-to-failure CSVs to forecasts at the edge."""

from __future__ import annotations

import datetime as dt
import json
from pathlib import Path

import dagster as dg
import numpy as np
import polars as pl
import pytest

from edge_runtime.cli import main as edge
from factory_assets import operations, summary
from factory_assets.foundation.lake import Lake, Partition
from factory_assets.foundation.resources import LakeResource
from factory_assets.foundation.settings import Settings, Site, load_site
from factory_assets.historian.doctor.examination import examine
from factory_assets.historian.drafting.draft import draft_plant, write_draft
from factory_assets.rul.assets import rul_evaluation
from factory_assets.rul.contestants import Examples
from factory_assets.rul.schema import training_set_schema
from factory_assets.rul.trees import TooFewWindowsError, Trees
from tests.plants import make_site

NOW = dt.datetime(2026, 11, 1, tzinfo=dt.UTC)
LIVES = {"FP-01": 30, "FP-02": 36, "FP-03": 42, "FP-04": 48, "FP-05": 40}
RUNS_ON = "FP-05"
HEADER = "Time,Press,Feed setpoint [m3/h],Slurry pressure [bar],Cake moisture [%]"
ROOMS = ("historian", "telemetry", "rul", "engines")


def write_exports(folder: Path) -> Path:
    """Filter presses that run until the cloth tears; the last one had a quarter of its life left. Ten minutes a row."""
    folder.mkdir()
    rng = np.random.default_rng(5)
    for day, (unit, cycles) in enumerate(LIVES.items(), start=1):
        start, life = dt.datetime(2025, 3, day, 6, tzinfo=dt.UTC), cycles / (0.75 if unit == RUNS_ON else 1)
        lines = [HEADER]
        for cycle in range(cycles):
            wear, feed = (cycle / life) ** 1.5, rng.choice([6.0, 8.0])
            pressure, moisture = feed * (0.5 + 0.4 * wear), 22 + 9 * wear
            noise = rng.normal(0, 0.05, 2)
            when = f"{start + cycle * dt.timedelta(minutes=10):%Y-%m-%d %H:%M:%S}"
            lines.append(f"{when},{unit},{feed:.1f},{pressure + noise[0]:.3f},{moisture + noise[1]:.2f}")
        (folder / f"{unit}.csv").write_text("\n".join(lines) + "\n")
    return folder


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Site:
    """The drafted plant file with the drafted lines put in force, the censored press left out, and a hasty training."""
    folder = tmp_path_factory.mktemp("presses")
    plant_file = folder / "plant.yaml"
    write_draft(draft_plant([write_exports(folder / "exports")], name="filters", output=plant_file, now=NOW),
                plant_file, force=False)  # fmt: skip
    text = plant_file.read_text()
    text = text.replace("# life:", "life:").replace("# rul: {", "rul: {contestants: [trees], trees: 60, folds: 2, ")
    text = text.replace("    rul: null\n", "").replace(f', "{RUNS_ON}"]', "]")
    plant_file.write_text(text)
    site = load_site(Settings(plant=plant_file, home=folder / "home"))
    assert not examine(site, now=NOW).has_problem
    operations.bring_up_to_date(site, rooms=ROOMS)
    return site


def test_the_unit_that_had_not_failed_is_learnt_from_and_forecast(site: Site) -> None:
    lake, fleet = Lake(site.home.lake), Partition("FP")
    learnt = lake.read("rul_training_set", fleet)
    assert learnt.filter("is_censored")["unit_id"].unique().to_list() == [RUNS_ON]
    (row,) = lake.read("rul_forecast", fleet).iter_rows(named=True)
    assert (row["unit_id"], row["cycle"], row["refused"]) == (RUNS_ON, LIVES[RUNS_ON], None)
    assert 0 <= row["rul_low_90_cycles"] <= row["rul_low_80_cycles"] <= row["rul_cycles"]
    assert row["rul_cycles"] <= row["rul_high_80_cycles"] <= row["rul_high_90_cycles"]
    assert lake.read("rul_failure_probability", fleet)["failure_probability"].is_between(0, 1).all()
    assert lake.read("rul_evaluation", fleet).item(0, "lives") == 5


def test_the_edge_predicts_with_the_release_and_says_the_same(site: Site, tmp_path: Path) -> None:
    state, answer = str(tmp_path / "edge"), tmp_path / "predictions.json"
    assert edge(["pull", "--releases", str(site.home.releases), "--state", state]) == 0
    table = pl.read_csv(site.folder("exports") / f"{RUNS_ON}.csv")
    names = {tag: channel.name for channel in site.plant.channels("FP") for tag in [channel.source_tag]}
    readings = table.drop("Time").rename({"Press": "unit_id", **names}).with_row_index("cycle", offset=1)
    readings.write_csv(tmp_path / "readings.csv")
    asked = ["--input", str(tmp_path / "readings.csv"), "--json", str(answer)]
    assert edge(["predict", "--state", state, *asked]) == 0
    (unit,) = json.loads(answer.read_text())["units"]
    forecast = Lake(site.home.lake).read("rul_forecast", Partition("FP"))
    assert unit["rul_cycles"] == pytest.approx(forecast.item(0, "rul_cycles"), abs=0.01)


def examples(count: int) -> Examples:
    target = np.linspace(0, 30, count, dtype=np.float32)
    figures = np.stack([target, target**2], axis=1)
    return Examples(np.zeros((count, 4, 1), np.float32), figures, target, np.zeros(count, bool))


def test_trees_grow_on_few_windows_and_say_so_where_there_are_too_few() -> None:
    found = Trees(trees=100).fit(examples(40), seed=1).predict(examples(40))
    assert np.ptp(found) > 15
    with pytest.raises(TooFewWindowsError, match="need 20 windows of the other folds' units, and have 19"):
        Trees(trees=1).fit(examples(19), seed=1)


def test_without_test_units_nothing_is_scored_and_nothing_fails(tmp_path: Path) -> None:
    plain = make_site(tmp_path)
    lake = Lake(plain.home.lake)
    lake.write("rul_training_set", pl.DataFrame(schema=training_set_schema(("pressure_bar",))), Partition("north"))
    done = dg.materialize(
        [rul_evaluation(plain)], partition_key="north", resources={"lake": LakeResource(root=str(plain.home.lake))}
    )
    assert done.success
    assert lake.read("rul_evaluation", Partition("north")).is_empty()
    assert summary.models_table(plain).row_count == 0
