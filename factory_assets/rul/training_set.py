"""Training sets: the operating cycles of usable lives, split by unit, with the true remaining life of each."""

from __future__ import annotations

from collections.abc import Sequence
from zlib import crc32

import numpy as np
import polars as pl

from factory_assets.foundation.errors import FactoryError
from factory_assets.foundation.plant import Plant
from factory_assets.rul.schema import CENSORED, RUL, SPLITS, candidate_inputs, model_inputs, training_set_schema

CUT_FROM, CUT_TO, CUTS_A_LIFE = 0.5, 1.0, 5
LEAST_UNITS = 2
COPIED_CYCLES = 20
TOLD = 5
ALMOST_CONSTANT = 1e-6


class TrainingSetError(FactoryError, ValueError):
    """There is not enough to learn from; the message says what is missing."""


def build_training_set(sensor_table: pl.DataFrame, lives: pl.DataFrame, plant: Plant, fleet: str) -> pl.DataFrame:
    """Label the operating cycles of all usable lives.

    Lives that ended in failure have a true remaining life, and so have archived ones that were cut off with a label.
    Of lives that were overhauled before they failed, and of those in an archive that had not failed when it ended, only
    the least is known: they are censored, and serve training alone. Test lives that ran to failure are cut off at five
    seeded ages in their second half, each cut a life of its own (`press-01#02@311`), so that they look like what is
    asked at the line.

    Args:
        sensor_table: All sensor tables of the fleet.
        lives: Its UNIT_LIFE.
        plant: The plant file.
        fleet: The fleet.

    Returns:
        As `training_set_schema`, in order of life and cycle; channels that never vary in training units are left out.

    Raises:
        TrainingSetError: No life can be learnt from, there are too few units to split, or units of the test are copies
            of units that are learnt from.
    """
    rows = _labelled(life_cycles(sensor_table, usable_lives(lives, plant, fleet), plant, fleet), plant, fleet)
    failed = sorted(rows.filter(~pl.col(CENSORED))["unit_id"].unique().to_list())
    if not failed:
        msg = (
            f"fleet {fleet} has no life that began in the record and ended in failure: wait for failures, or correct "
            "life in the plant file"
        )
        raise TrainingSetError(msg)
    test, folds = split_units(failed, sorted(set(rows["unit_id"].unique()) - set(failed)), plant, fleet)
    is_test = pl.col("unit_id").is_in(list(test))
    with_split = rows.with_columns(
        split=pl.when(is_test).then(pl.lit("test")).otherwise(pl.lit("train")),
        fold=pl.col("unit_id").replace_strict(folds, default=None, return_dtype=pl.Int64),
    ).filter(~(is_test & pl.col(CENSORED)))
    cut = _cut_off(with_split, seed=plant.rul_settings(fleet).seed)
    schema = training_set_schema(varying_inputs(cut.filter(split="train"), plant, fleet))
    found = cut.sort("life_id", "cycle").select([pl.col(name).cast(dtype) for name, dtype in schema.items()])
    if copied := copied_units(found):
        told = ", ".join(f"{one} is {other}" for one, other in copied[:TOLD])
        msg = f"fleet {fleet}: units of the test are also learnt from under another name: {told}; remove one of each"
        raise TrainingSetError(msg)
    return found


def usable_lives(lives: pl.DataFrame, plant: Plant, fleet: str) -> pl.DataFrame:
    """Lives that a model can be learnt from, censored ones among them.

    The age must be known if the model uses it. Lives that are going on in a running plant are left out: they would be
    another training set every day, and count as soon as they end.
    """
    is_aged = pl.col("is_start_known") if plant.rul_settings(fleet).uses_age else pl.lit(value=True)
    endings = ["failure", "overhaul", "cut", *([] if plant.running else ["open"])]
    return lives.filter(is_aged, pl.col("ended_by").is_in(endings))


def life_cycles(sensor_table: pl.DataFrame, lives: pl.DataFrame, plant: Plant, fleet: str) -> pl.DataFrame:
    """The operating cycles of the given lives.

    Returns:
        unit_id, life_id, ended_by, cycle (operating cycles since the life began, from 1) and all channels.
    """
    state = plant.fleet(fleet).life
    spans = lives.select("unit_id", "life_id", "ended_by", "first_cycle", "last_cycle")
    joined = sensor_table.join(spans, on="unit_id").filter(pl.col("cycle").is_between("first_cycle", "last_cycle"))
    if state.state_channel is not None:
        joined = joined.filter(pl.col(state.state_channel).round() == state.running_value)
        joined = joined.sort("life_id", "cycle").with_columns(cycle=pl.int_range(1, pl.len() + 1).over("life_id"))
    channels = [channel.name for channel in plant.channels(fleet)]
    return joined.sort("life_id", "cycle").select("unit_id", "life_id", "ended_by", "cycle", *channels)


def _labelled(rows: pl.DataFrame, plant: Plant, fleet: str) -> pl.DataFrame:
    """With rul_cycles, and whether that is only the least that the remaining life may have been."""
    last = pl.col("cycle").max().over("life_id")
    labels = [channel.name for channel in plant.channels(fleet, "label")]
    known = pl.col(labels[0]).max().over("life_id") if labels else pl.lit(None, pl.Float64)
    after_last = pl.when(pl.col("ended_by") == "failure").then(pl.lit(0.0)).otherwise(known)
    labelled = rows.with_columns(
        **{RUL: after_last.fill_null(0.0) + last - pl.col("cycle"), CENSORED: after_last.is_null()}
    )
    columns = [channel.name for channel in candidate_inputs(plant, fleet)]
    keys = {"plant": pl.lit(plant.plant), "fleet": pl.lit(fleet)}
    return labelled.select("unit_id", "life_id", "cycle", *columns, CENSORED, RUL).with_columns(**keys)


def varying_inputs(rows: pl.DataFrame, plant: Plant, fleet: str) -> tuple[str, ...]:
    """The channels that take more than one value in these rows (training units alone decide)."""
    kept = []
    for channel in candidate_inputs(plant, fleet):
        low, high = rows[channel.name].min(), rows[channel.name].max()
        if isinstance(low, float) and isinstance(high, float) and high - low > ALMOST_CONSTANT * max(1.0, abs(high)):
            kept.append(channel.name)
    return tuple(kept)


def split_units(
    failed: Sequence[str], censored: Sequence[str], plant: Plant, fleet: str
) -> tuple[set[str], dict[str, int]]:
    """Which units are kept for the test, and in which fold each other one is.

    Seeded, and the same for the same units whatever their order. Units without any known end are never in the test.

    Args:
        failed: Units with at least one life whose true remaining life is known.
        censored: All others.
        plant: The plant file.
        fleet: The fleet.

    Raises:
        TrainingSetError: Too few units.
    """
    settings = plant.rul_settings(fleet)
    order = np.random.default_rng(settings.seed).permutation(sorted(failed)).tolist()
    life = plant.fleet(fleet).life
    if life.test_units is not None:
        test = {unit for unit in order if life.is_kept_for_test(unit)}
    else:
        test = set(order[: settings.test_units_among(len(order))])
    rest = [unit for unit in order if unit not in test]
    if len(rest) < LEAST_UNITS:
        msg = (
            f"fleet {fleet} has {len(rest)} unit(s) with known failures beside {len(test)} test unit(s), and needs "
            f"{LEAST_UNITS}: one to learn from and one to try it on; wait for failures, or lower rul.test_fraction"
        )
        raise TrainingSetError(msg)
    folds = min(settings.folds, len(rest))
    shut_out = [unit for unit in censored if life.is_kept_for_test(unit)]
    learnt = [*rest, *(unit for unit in sorted(censored) if unit not in shut_out)]
    return test | set(shut_out), {unit: place % folds for place, unit in enumerate(learnt)}


def copied_units(training_set: pl.DataFrame) -> list[tuple[str, str]]:
    """Pairs of a test unit and a training unit whose lives begin with the very same readings.

    Archives are passed on in copies that were split anew: the same unit is then in both parts under two names. Two
    machines never read the same noise for twenty cycles.
    """
    names = model_inputs(training_set)
    begins = training_set.sort("life_id", "cycle").filter(pl.int_range(pl.len()).over("life_id") < COPIED_CYCLES)
    readings = pl.struct(*names).hash(seed=0)
    lives = begins.group_by("life_id", "unit_id", "split").agg(readings.alias("readings"), pl.len())
    long = lives.filter(pl.col("len") == COPIED_CYCLES)
    pairs = long.filter(split="test").join(long.filter(split="train"), on="readings", suffix="_learnt")
    return sorted(set(pairs.select("unit_id", "unit_id_learnt").iter_rows()))


def _cut_off(rows: pl.DataFrame, *, seed: int) -> pl.DataFrame:
    """Cut test lives that ran to failure at seeded ages; those that were cut off anyway stay as they are."""
    ran_out = rows.filter(pl.col("split") == "test").group_by("life_id").agg(pl.col("rul_cycles").min(), pl.len())
    whole = ran_out.filter(pl.col("rul_cycles") == 0)
    cuts = [
        {"life_id": life, "until": until}
        for life, length in whole.select("life_id", "len").sort("life_id").iter_rows()
        for until in _ages(life, length, seed)
    ]
    cut = rows.join(pl.DataFrame(cuts, schema={"life_id": pl.String, "until": pl.Int64}), on="life_id")
    cut = cut.filter(pl.col("cycle") <= pl.col("until"))
    named = cut.with_columns(life_id=pl.format("{}@{}", "life_id", "until")).select(rows.columns)
    return pl.concat([rows.join(whole, on="life_id", how="anti"), named])


def _ages(life_id: str, length: int, seed: int) -> list[int]:
    """One age in each part of the second half of a life. A stream a life: one more must not move the others' cuts."""
    rng = np.random.default_rng((seed, crc32(life_id.encode())))
    edges = np.linspace(CUT_FROM, CUT_TO, CUTS_A_LIFE + 1)
    shares = rng.uniform(edges[:-1], edges[1:])
    return sorted({max(1, int(share * length)) for share in shares})


def shared_units(training_set: pl.DataFrame) -> list[str]:
    """Units that are in more than one split: must be none."""
    counted = training_set.group_by("unit_id").agg(splits=pl.col("split").n_unique())
    return sorted(counted.filter(pl.col("splits") > 1)["unit_id"].to_list())


def left_out(lives: pl.DataFrame, plant: Plant, fleet: str) -> dict[str, int]:
    """How many lives cannot be learnt from, by reason: their start is unknown, or how they ended."""
    usable = usable_lives(lives, plant, fleet)
    counted = lives.join(usable, on="life_id", how="anti").select(
        reason=pl.when(~pl.col("is_start_known")).then(pl.lit("start unknown")).otherwise("ended_by")
    )
    return dict(counted.group_by("reason").len().sort("reason").iter_rows())


def summary(training_set: pl.DataFrame) -> pl.DataFrame:
    """Units, lives, censored lives and cycles of each split and fold."""
    counted = training_set.group_by("split", "fold").agg(
        units=pl.col("unit_id").n_unique(),
        lives=pl.col("life_id").n_unique(),
        censored_lives=pl.col("life_id").filter(CENSORED).n_unique(),
        cycles=pl.len(),
    )
    return counted.sort(pl.col("split").replace_strict({name: n for n, name in enumerate(SPLITS)}), "fold")
