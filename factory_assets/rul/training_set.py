"""Training sets: the operating cycles of usable lives, split by unit, with the true remaining life of each."""

from __future__ import annotations

from collections.abc import Sequence
from fnmatch import fnmatchcase
from zlib import crc32

import numpy as np
import polars as pl

from factory_assets.foundation.errors import FactoryError
from factory_assets.foundation.plant import Plant
from factory_assets.rul.schema import RUL, SPLITS, candidate_inputs, training_set_schema

CUT_FROM, CUT_TO, CUTS_A_LIFE = 0.5, 1.0, 5
LEAST_UNITS = 3
ALMOST_CONSTANT = 1e-6


class TrainingSetError(FactoryError, ValueError):
    """There is not enough to learn from; the message says what is missing."""


def build_training_set(sensor_table: pl.DataFrame, lives: pl.DataFrame, plant: Plant, fleet: str) -> pl.DataFrame:
    """Label the operating cycles of all usable lives.

    Usable are lives that began in the record and ended in failure, and archived ones that were cut off with a known
    remaining life. Test lives that ran to failure are cut off at five seeded ages in their second half, each cut a life
    of its own (`press-01#02@311`), so that they look like what is asked at the line.

    Args:
        sensor_table: All sensor tables of the fleet.
        lives: Its UNIT_LIFE.
        plant: The plant file.
        fleet: The fleet.

    Returns:
        As `training_set_schema`, in order of life and cycle; channels that never vary in training units are left out.

    Raises:
        TrainingSetError: No life can be learnt from, or there are too few units to split.
    """
    rows = _labelled(life_cycles(sensor_table, usable_lives(lives), plant, fleet), plant, fleet)
    if rows.is_empty():
        msg = (
            f"fleet {fleet} has no life that began in the record and ended in failure: wait for failures, or correct "
            "life in the plant file"
        )
        raise TrainingSetError(msg)
    split = split_units(rows["unit_id"].unique().to_list(), plant, fleet)
    with_split = rows.with_columns(split=pl.col("unit_id").replace_strict(split, return_dtype=pl.String))
    cut = _cut_off(with_split, seed=plant.rul_settings(fleet).seed)
    schema = training_set_schema(varying_inputs(cut.filter(split="train"), plant, fleet))
    return cut.sort("life_id", "cycle").select([pl.col(name).cast(dtype) for name, dtype in schema.items()])


def usable_lives(lives: pl.DataFrame) -> pl.DataFrame:
    """Lives with a known age and a known end; those that were overhauled or still run are left out."""
    return lives.filter(pl.col("is_start_known"), pl.col("ended_by").is_in(["failure", "cut"]))


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
    """With rul_cycles; lives that were cut off and have no label are left out."""
    last = pl.col("cycle").max().over("life_id")
    labels = [channel.name for channel in plant.channels(fleet, "label")]
    after_last = pl.when(pl.col("ended_by") == "failure").then(pl.lit(0.0))
    known = pl.col(labels[0]).max().over("life_id") if labels else pl.lit(None, pl.Float64)
    labelled = rows.with_columns(**{RUL: after_last.otherwise(known) + last - pl.col("cycle")})
    columns = [channel.name for channel in candidate_inputs(plant, fleet)]
    keys = {"plant": pl.lit(plant.plant), "fleet": pl.lit(fleet)}
    kept = labelled.filter(pl.col("rul_cycles").is_not_null())
    return kept.select("unit_id", "life_id", "cycle", *columns, "rul_cycles").with_columns(**keys)


def varying_inputs(rows: pl.DataFrame, plant: Plant, fleet: str) -> tuple[str, ...]:
    """The channels that take more than one value in these rows (training units alone decide)."""
    kept = []
    for channel in candidate_inputs(plant, fleet):
        low, high = rows[channel.name].min(), rows[channel.name].max()
        if isinstance(low, float) and isinstance(high, float) and high - low > ALMOST_CONSTANT * max(1.0, abs(high)):
            kept.append(channel.name)
    return tuple(kept)


def split_units(units: Sequence[str], plant: Plant, fleet: str) -> dict[str, str]:
    """Which split each unit belongs to; seeded, and the same for the same units whatever their order.

    Raises:
        TrainingSetError: Too few units.
    """
    settings = plant.rul_settings(fleet)
    order = np.random.default_rng(settings.seed).permutation(sorted(units)).tolist()
    pattern = plant.fleet(fleet).life.test_units
    if pattern is not None:
        test = [unit for unit in order if fnmatchcase(unit, pattern)]
    else:
        test = order[: max(1, round(settings.test_fraction * len(order)))] if settings.test_fraction else []
    rest = [unit for unit in order if unit not in set(test)]
    validation = rest[: max(1, round(settings.validation_fraction * len(rest)))]
    if len(rest) - len(validation) < 1 or len(order) < LEAST_UNITS:
        msg = f"fleet {fleet} has {len(order)} units with usable lives, too few for training, validation and test"
        raise TrainingSetError(msg)
    split = dict.fromkeys(rest, "train") | dict.fromkeys(validation, "validation")
    return split | dict.fromkeys(test, "test")


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


def left_out(lives: pl.DataFrame) -> dict[str, int]:
    """How many lives cannot be learnt from, by reason: their start is unknown, or how they ended."""
    counted = lives.join(usable_lives(lives), on="life_id", how="anti").select(
        reason=pl.when(~pl.col("is_start_known")).then(pl.lit("start unknown")).otherwise("ended_by")
    )
    return dict(counted.group_by("reason").len().sort("reason").iter_rows())


def summary(training_set: pl.DataFrame) -> pl.DataFrame:
    """Units, lives and cycles per split."""
    counted = training_set.group_by("split").agg(
        units=pl.col("unit_id").n_unique(), lives=pl.col("life_id").n_unique(), cycles=pl.len()
    )
    return counted.sort(pl.col("split").replace_strict({name: n for n, name in enumerate(SPLITS)}))
