"""Training sets: labels, ages, splits, cuts, and which channels become inputs."""

from __future__ import annotations

import datetime as dt

import numpy as np
import polars as pl
import pytest

from factory_assets.foundation.plant import Plant
from factory_assets.rul.training_set import CUTS_A_LIFE, TrainingSetError, build_training_set, life_cycles, shared_units
from factory_assets.telemetry.lives import unit_lives
from factory_assets.telemetry.schema import sensor_table_schema
from tests.plants import plant_dict
from tests.tiny_model import FLEET, archive, sensor_table, training_set

RUNNING, FAILED, OVERHAUL, STOPPED = 1, 2, 3, 0


def build(table: pl.DataFrame, plant: Plant, fleet: str = FLEET) -> pl.DataFrame:
    return build_training_set(table, unit_lives(table, plant=plant, fleet=fleet), plant, fleet)


def test_the_label_counts_down_to_the_failure() -> None:
    unit = training_set().filter(unit_id="run-05")
    assert unit["cycle"].to_list() == list(range(1, 41))
    assert unit["rul_cycles"].to_list() == list(range(39, -1, -1))


def test_a_cut_off_unit_counts_down_to_its_given_label() -> None:
    unit = training_set().filter(unit_id="cut-03")
    assert unit.height == 45
    assert unit["rul_cycles"].to_list() == list(range(89, 44, -1))


def test_units_are_in_the_split_that_the_plant_file_gives() -> None:
    splits = dict(training_set().select("unit_id", "split").unique().iter_rows())
    assert {unit for unit, split in splits.items() if split == "test"} == {"cut-01", "cut-02", "cut-03"}
    assert sorted(splits.values()).count("validation") == 2
    assert shared_units(training_set()) == []


def test_a_unit_in_two_splits_is_found() -> None:
    first = pl.int_range(pl.len()).over("unit_id") == 0
    split = pl.when((pl.col("unit_id") == "run-01") & first).then(pl.lit("test")).otherwise(pl.lit("train"))
    assert shared_units(training_set().with_columns(split=split)) == ["run-01"]


def test_channels_that_never_vary_in_training_units_are_no_inputs() -> None:
    assert [c for c in training_set().columns if c.endswith(("_pct", "_mm_s", "_degc", "_v"))] == [
        "load_pct",
        "vibration_mm_s",
        "oil_temp_degc",
    ]


def test_what_a_channel_does_in_test_units_does_not_matter() -> None:
    changed = sensor_table().with_columns(
        mains_v=pl.when(pl.col("unit_id").str.starts_with("cut-")).then(pl.col("cycle") * 1.0).otherwise("mains_v"),
        oil_temp_degc=pl.when(pl.col("unit_id").str.starts_with("cut-")).then(60.0).otherwise("oil_temp_degc"),
    )
    assert build(changed, archive()).columns == training_set().columns


def test_the_order_of_the_rows_does_not_matter() -> None:
    assert build(sensor_table().sample(fraction=1, shuffle=True, seed=3), archive()).equals(training_set())


def test_another_seed_chooses_other_validation_units() -> None:
    def validating(seed: int) -> set[str]:
        return set(build(sensor_table(), archive(seed=seed)).filter(split="validation")["unit_id"])

    assert len({frozenset(validating(seed)) for seed in range(6)}) > 1


def test_without_a_failed_life_there_is_nothing_to_learn() -> None:
    with pytest.raises(TrainingSetError, match=FLEET):
        build(sensor_table().filter(pl.col("unit_id").str.starts_with("cut-")), archive())


def test_one_failed_unit_is_too_few() -> None:
    with pytest.raises(TrainingSetError, match=FLEET):
        build(sensor_table().filter(pl.col("unit_id") == "run-01"), archive())


@pytest.fixture(scope="module")
def plant() -> Plant:
    """A running plant with a state channel."""
    return Plant.model_validate(plant_dict())


def operated(unit: str, spans: list[tuple[int, int]]) -> list[dict[str, object]]:
    """Rows of a machine that is for so many cycles in each state, (state, cycles)."""
    states = [state for state, cycles in spans for _ in range(cycles)]
    start = dt.datetime(2026, 9, 1, tzinfo=dt.UTC)
    return [
        {
            "plant": "small", "fleet": "north", "unit_id": unit, "cycle": number,
            "ts_utc": start + dt.timedelta(hours=number - 1), "oil_temp_degc": 40.0 + number % 7,
            "pressure_bar": 200.0 - number % 5, "load_pct": 80.0 + number % 3, "machine_state": float(state),
            "n_readings": 4,
        }
        for number, state in enumerate(states, start=1)
    ]  # fmt: skip


@pytest.fixture(scope="module")
def operation(plant: Plant) -> pl.DataFrame:
    """Six machines, each with an old life, one that fails, one that is overhauled and one that still runs."""
    life = [(RUNNING, 20), (STOPPED, 4), (RUNNING, 30)]
    spans = [(RUNNING, 9), (FAILED, 3), *life, (FAILED, 2), (RUNNING, 12), (OVERHAUL, 3), (RUNNING, 15)]
    rows = [row for number in range(1, 7) for row in operated(f"north-{number:02d}", spans)]
    return pl.DataFrame(rows, schema=sensor_table_schema(plant, "north"))


def test_only_lives_with_a_known_start_that_ended_in_failure_are_used(plant: Plant, operation: pl.DataFrame) -> None:
    lives = {life.partition("@")[0] for life in build(operation, plant, "north")["life_id"]}
    assert lives == {f"north-{number:02d}#02" for number in range(1, 7)}


def test_age_counts_the_cycles_in_which_the_machine_runs(plant: Plant, operation: pl.DataFrame) -> None:
    life = build(operation, plant, "north").filter(split="train").filter(pl.col("life_id") == pl.col("life_id").first())
    assert life["cycle"].to_list() == list(range(1, 51))
    assert life["rul_cycles"].to_list() == list(range(49, -1, -1))


def test_failed_lives_of_test_units_are_cut_off_like_units_in_service(plant: Plant, operation: pl.DataFrame) -> None:
    test = build(operation, plant, "north").filter(split="test")
    assert test["unit_id"].n_unique() == 1
    cuts = test.group_by("life_id").agg(pl.col("cycle").max(), pl.col("rul_cycles").min(), pl.len()).sort("cycle")
    assert cuts.height == CUTS_A_LIFE
    assert cuts["cycle"].is_between(25, 50).all()
    assert (cuts["cycle"] + cuts["rul_cycles"] == 50).all()
    assert cuts["len"].to_list() == cuts["cycle"].to_list()
    assert all(life.endswith(f"#02@{age}") for life, age in cuts.select("life_id", "cycle").iter_rows())
    assert test.equals(build(operation, plant, "north").filter(split="test"))


def test_open_lives_can_be_had_for_prediction(plant: Plant, operation: pl.DataFrame) -> None:
    lives = unit_lives(operation, plant=plant, fleet="north").filter(ended_by="open")
    cycles = life_cycles(operation, lives, plant, "north")
    assert cycles["life_id"].unique().sort().to_list() == [f"north-{number:02d}#04" for number in range(1, 7)]
    assert cycles.filter(unit_id="north-01")["cycle"].to_list() == list(range(1, 16))
    values = cycles.filter(unit_id="north-01")["oil_temp_degc"].to_numpy()
    assert np.array_equal(values, operation.filter(unit_id="north-01").tail(15)["oil_temp_degc"].to_numpy())
