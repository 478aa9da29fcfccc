"""Training sets: labels, ages, splits, cuts, and which channels become inputs."""

from __future__ import annotations

import datetime as dt

import numpy as np
import polars as pl
import pytest

from factory_assets.foundation.plant import Plant
from factory_assets.rul.training_set import (
    CUTS_A_LIFE,
    TrainingSetError,
    build_training_set,
    copied_units,
    left_out,
    life_cycles,
    shared_units,
    summary,
)
from factory_assets.telemetry.lives import unit_lives
from factory_assets.telemetry.schema import sensor_table_schema
from tests.plants import plant_dict
from tests.tiny_model import FLEET, archive, sensor_table, training_set, unit_rows

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
    assert sorted(splits.values()).count("train") == 16
    assert shared_units(training_set()) == []


def test_every_training_unit_is_in_one_fold_and_test_units_are_in_none() -> None:
    folds = training_set().group_by("unit_id", "split").agg(pl.col("fold").n_unique(), fold_id=pl.col("fold").first())
    assert folds["fold"].to_list() == [1] * 19
    assert folds.filter(split="test")["fold_id"].null_count() == 3
    assert sorted(folds.filter(split="train")["fold_id"].value_counts()["count"].to_list()) == [5, 5, 6]


def test_there_are_no_more_folds_than_units() -> None:
    two = build(sensor_table().filter(pl.col("unit_id").is_in(["run-01", "run-02", "cut-02"])), archive())
    assert set(two.filter(split="train")["fold"].to_list()) == {0, 1}


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


def test_another_seed_makes_other_folds() -> None:
    def folds(seed: int) -> pl.DataFrame:
        return build(sensor_table(), archive(seed=seed)).group_by("unit_id").agg(pl.col("fold").first()).sort("unit_id")

    assert not folds(2).equals(folds(3))
    assert folds(2).equals(folds(2))


def cut_without_label(unit: str) -> pl.DataFrame:
    """The fleet with one more unit that had not failed after 30 cycles; nothing more is known of it."""
    return pl.concat([sensor_table(), _more(unit_rows(unit, 60, 30, seed=77)).with_columns(rul_cycles=pl.lit(None))])


def _more(rows: list[dict[str, object]]) -> pl.DataFrame:
    keyed = [{"plant": "waterworks", "fleet": FLEET, "ts_utc": None, "n_readings": 4, **row} for row in rows]
    return pl.DataFrame(keyed, schema=sensor_table().schema)


def test_of_a_unit_that_had_not_failed_the_least_is_known_and_it_is_learnt_from() -> None:
    found = build(cut_without_label("new-01"), archive())
    unit = found.filter(unit_id="new-01")
    assert unit["rul_cycles"].to_list() == list(range(29, -1, -1))
    assert unit["is_censored"].all()
    assert set(unit["split"]) == {"train"}
    assert unit["fold"].null_count() == 0
    assert not found.filter(pl.col("unit_id") != "new-01")["is_censored"].any()
    censored = summary(found).filter(split="train")["censored_lives"]
    assert censored.sum() == 1


def test_a_test_unit_without_a_truth_is_neither_scored_nor_learnt_from() -> None:
    assert build(cut_without_label("cut-09"), archive()).equals(training_set())


def test_a_unit_that_is_in_the_test_under_another_name_is_named() -> None:
    copy = sensor_table().filter(pl.col("unit_id") == "run-05", pl.col("cycle") <= 25).with_columns(
        unit_id=pl.lit("cut-07"), rul_cycles=pl.when(pl.col("cycle") == 25).then(15.0)
    )  # fmt: skip
    with pytest.raises(TrainingSetError, match="cut-07 is run-05; remove one of each"):
        build(pl.concat([sensor_table(), copy]), archive())
    other = copy.with_columns(vibration_mm_s=pl.col("vibration_mm_s") + 0.01)
    assert copied_units(build(pl.concat([sensor_table(), other]), archive())) == []


def test_without_a_failed_life_there_is_nothing_to_learn() -> None:
    with pytest.raises(TrainingSetError, match=FLEET):
        build(sensor_table().filter(pl.col("unit_id").str.starts_with("cut-")), archive())


def test_one_failed_unit_is_too_few() -> None:
    with pytest.raises(TrainingSetError, match=r"1 unit\(s\) with known failures beside 0 test unit.*needs 2"):
        build(sensor_table().filter(pl.col("unit_id") == "run-01"), archive())


def test_a_training_set_without_failures_is_refused_even_if_units_are_censored() -> None:
    censored = cut_without_label("new-01").filter(pl.col("unit_id") == "new-01")
    with pytest.raises(TrainingSetError, match="no life that began in the record and ended in failure"):
        build(censored, archive())


@pytest.fixture(scope="module")
def plant() -> Plant:
    """A running plant with a state channel."""
    return Plant.model_validate(plant_dict())


def operated(unit: str, spans: list[tuple[int, int]]) -> list[dict[str, object]]:
    """Rows of a machine that is for so many cycles in each state, (state, cycles)."""
    states = [state for state, cycles in spans for _ in range(cycles)]
    start = dt.datetime(2026, 9, 1, tzinfo=dt.UTC)
    noise = np.random.default_rng(int(unit[-2:])).normal(size=len(states))
    return [
        {
            "plant": "small", "fleet": "north", "unit_id": unit, "cycle": number,
            "ts_utc": start + dt.timedelta(hours=number - 1), "oil_temp_degc": 40.0 + noise[number - 1],
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


def used(rows: pl.DataFrame) -> set[tuple[str, str, bool]]:
    """(unit's number, life, is censored) of every life, test lives without where they were cut."""
    lives = rows.select(pl.col("life_id").str.split("@").list.first(), "is_censored").unique()
    return {(life[6:8], life[9:], censored) for life, censored in lives.iter_rows()}


def test_lives_that_failed_are_used_and_those_that_were_overhauled_are_censored(
    plant: Plant, operation: pl.DataFrame
) -> None:
    found = build(operation, plant, "north")
    (test,) = set(found.filter(split="test")["unit_id"])
    assert used(found.filter(split="test")) == {(test[6:], "02", False)}
    learnt = {f"{number:02d}" for number in range(1, 7)} - {test[6:]}
    assert used(found.filter(split="train")) == {
        (unit, life, censored) for unit in learnt for life, censored in (("02", False), ("03", True))
    }
    overhauled = found.filter(is_censored=True)
    assert (overhauled["cycle"] + overhauled["rul_cycles"] == 12).all()


def test_without_the_age_lives_of_unknown_start_are_learnt_from_too(operation: pl.DataFrame) -> None:
    fleet = plant_dict()["fleets"][0]
    ageless = Plant.model_validate(plant_dict(fleets=[{**fleet, "rul": {**fleet["rul"], "uses_age": False}}]))
    found = build(operation, ageless, "north").filter(split="train")
    assert {(life, censored) for _, life, censored in used(found)} == {("01", False), ("02", False), ("03", True)}
    first = found.filter(pl.col("life_id") == pl.col("life_id").min())
    assert first["rul_cycles"].to_list() == list(range(8, -1, -1))


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


def test_lives_that_are_left_out_are_counted_by_reason(plant: Plant, operation: pl.DataFrame) -> None:
    lives = unit_lives(operation, plant=plant, fleet="north")
    assert left_out(lives, plant, "north") == {"open": 6, "start unknown": 6}
