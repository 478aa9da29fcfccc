"""The mess as a reader of the files would meet it, against the truth that was kept."""

from __future__ import annotations

import datetime as dt

import polars as pl
import pytest
from polars.testing import assert_frame_equal

from factory_assets.foundation.units import linear_conversion
from factory_assets.reference_plant import truth
from factory_assets.reference_plant.faults import (
    BAD_QUALITY_CODES,
    IMPOSSIBLE_VALUES,
    KINDS,
    NOISE,
    READING_RATES,
    SPIKE_SIGMAS,
)
from factory_assets.reference_plant.fleets import FLEETS
from factory_assets.reference_plant.historian_export import write_days
from factory_assets.reference_plant.simulator import simulate

START = dt.date(2026, 9, 1)
KEY = ["unit_id", "channel", "ts_utc"]
HARMLESS = ("renamed_tag", "twice_told_hour")
CHANNELS = {(f.name, c.name): c for f in FLEETS for c in f.channels}


def days(count):
    return START + dt.timedelta(days=count)


def midnight(day):
    return dt.datetime.combine(day, dt.time(), dt.UTC)


@pytest.fixture(scope="module")
def written(eighty_days, tmp_path_factory):
    """All files, read by a naive reader: every line with its file and data row."""
    paths = write_days(eighty_days, tmp_path_factory.mktemp("historian"), [days(n) for n in range(80)])
    parts = []
    for path in paths:
        rows = pl.read_csv(path, schema_overrides={"value": pl.Float64}).with_row_index("row", offset=1)
        parts.append(rows.with_columns(pl.col("row").cast(pl.Int64), file=pl.lit(path.name)))
    return pl.concat(parts)


@pytest.fixture(scope="module")
def faults(eighty_days):
    return truth.faults(eighty_days)


@pytest.fixture(scope="module")
def gaps(eighty_days):
    return truth.gaps(eighty_days)


@pytest.fixture(scope="module")
def told(written, faults):
    """The lines that are faults, as written, beside their truth."""
    joined = faults.join(written, on=["file", "row"], how="left", maintain_order="left")
    assert joined.height == faults.height
    return joined


def of_kind(frame, kind):
    found = frame.filter(pl.col("kind") == kind)
    assert found.height > 0
    return found


def in_unit(frame):
    """`value` of written lines, in the channel's engineering unit."""
    rows = [(f, c.name, *linear_conversion(c.floor_unit, c.unit)) for (f, _), c in CHANNELS.items()]
    table = pl.DataFrame(rows, schema=["fleet", "channel", "scale", "offset"], orient="row")
    joined = frame.join(table, on=["fleet", "channel"], how="left", maintain_order="left")
    return joined.get_column("value") * joined.get_column("scale") + joined.get_column("offset")


def as_read(frame):
    """Written stamps as a correct reader takes them, null in the hour that is told twice."""
    offset = frame["timestamp"].str.ends_with("Z")
    plain = frame["timestamp"].str.replace("T", " ").str.replace("Z", "").str.to_datetime("%Y-%m-%d %H:%M:%S")
    local = plain.dt.replace_time_zone("Europe/Berlin", ambiguous="null").dt.convert_time_zone("UTC")
    return plain.dt.replace_time_zone("UTC").zip_with(offset, local)


def test_every_kind_is_there_in_dozens_and_little_is_touched(eighty_days, faults, gaps):
    assert set(faults["kind"]) == set(KINDS) - {"gap"}
    for kind in set(KINDS) - set(HARMLESS) - {"gap"}:
        assert of_kind(faults, kind)["episode"].n_unique() >= 24, kind
    assert gaps.filter(pl.col("kind") == "gap")["episode"].n_unique() >= 24
    touched = faults.filter(~pl.col("kind").is_in(HARMLESS)).height + eighty_days.missing.height
    assert 0.02 < touched / eighty_days.readings.height < 0.04


def test_single_faults_come_at_their_rates(eighty_days, faults):
    sensors = [c.name for c in CHANNELS.values() if c.role == "sensor"]
    n_sensor = eighty_days.readings.filter(pl.col("channel").is_in(sensors)).height
    for kind, rate in READING_RATES.items():
        expected = rate * (n_sensor if kind == "spike" else eighty_days.readings.height)
        # Some are left out beside episodes and other faults.
        assert 0.8 * expected < of_kind(faults, kind).height < expected + 3 * expected**0.5, kind


def test_readings_are_told_or_missing_and_nothing_else(eighty_days, written, faults, gaps):
    again = faults.filter(pl.col("kind").is_in(["duplicate", "restart"])).height
    first_half = eighty_days.readings.filter(pl.col("ts_utc") < midnight(days(70)))
    lines = eighty_days.lines.with_columns(pl.col("machine", "channel").cast(pl.String))
    told = lines.unique(["machine", "channel", "ts_utc"])
    assert written.height == lines.height == told.height + again
    assert gaps["n_missing"].sum() == eighty_days.missing.height
    keys = ["machine", "channel", "ts_utc"]
    missing = eighty_days.missing.with_columns(pl.col("machine", "channel").cast(pl.String))
    untold = first_half.join(told, on=keys, how="anti").join(missing, on=keys, how="anti")
    # What remains are sensors before they were mounted.
    assert untold["channel"].unique().to_list() == ["vibration_kurtosis"]
    assert untold["machine"].n_unique() == 3
    mounted = told.filter(pl.col("channel") == "vibration_kurtosis").group_by("machine").agg(pl.col("ts_utc").min())
    before = untold.join(mounted, on="machine")
    assert (before["ts_utc"] < before["ts_utc_right"]).all()
    assert told.join(missing, on=keys, how="semi").is_empty()


def test_lines_without_a_fault_say_what_was_measured(eighty_days, written, faults):
    wrong = faults.filter(~pl.col("kind").is_in(HARMLESS))
    good = written.filter(~pl.col("file").str.contains("late")).join(wrong, on=["file", "row"], how="anti")
    names = {(f.name, c.tag): c.name for f in FLEETS for c in f.channels}
    tags = {tag: name for (_, tag), name in names.items()} | {
        "PRESS.OIL_TEMP_2": "oil_temp_degc", "SPINDLE.VIB_RMS_2": "vibration_rms_mm_s",
    }  # fmt: skip
    read = good.with_columns(
        ts_utc=as_read(good), channel=pl.col("tag").replace_strict(tags), fleet=pl.col("machine").str.split("-").list[0]
    ).drop_nulls("ts_utc")
    assert good.height - read.height == of_kind(faults, "twice_told_hour").height
    read = read.with_columns(engineering=in_unit(read))
    true = read.join(eighty_days.readings, on=["machine", "channel", "ts_utc"], how="inner", suffix="_true")
    assert true.height == read.height
    assert (true["quality"] == 192).all()
    for (_, name), channel in CHANNELS.items():
        of_channel = true.filter(pl.col("channel") == name)
        error = (of_channel["engineering"] - of_channel["value_true"]).abs().max()
        assert error * channel.conversion[0] <= 0.5001 * 10.0**-channel.decimals


def test_one_reading_has_at_most_one_fault(faults):
    wrong = faults.filter(~pl.col("kind").is_in(HARMLESS))
    assert not wrong.select(KEY).is_duplicated().any()
    # Of two lines that say the same, the first may be harmless, the second is the fault.
    both = wrong.join(faults.filter(pl.col("kind").is_in(HARMLESS)), on=KEY)
    assert set(both["kind"]) <= {"duplicate", "restart"}


def test_told_time_and_value_are_what_a_reader_finds(told):
    times = told.with_columns(read=as_read(told))
    plain = times.filter(pl.col("kind") != "twice_told_hour")
    assert (plain["read"] == plain["told_ts_utc"]).all()
    assert times.filter(pl.col("kind") == "twice_told_hour")["read"].is_null().all()
    assert (in_unit(told) - told["told_value"]).abs().max() < 1e-6
    moved = told.filter(pl.col("told_ts_utc") != pl.col("ts_utc"))
    assert set(moved["kind"]) == {"clock_jump"}
    changed = {"stuck", "drift", "spike", "bad_quality", "impossible_value", "unit_mixup"}
    other = told.filter(~pl.col("kind").is_in(changed))
    assert (other["told_value"] == other["true_value"]).all()
    assert (other["quality"] == 192).all()


def test_gaps_are_silent_and_end_with_the_next_reading(eighty_days, gaps):
    lines = eighty_days.lines.with_columns(pl.col("machine", "channel").cast(pl.String))
    joined = gaps.join(lines, left_on=["unit_id", "channel"], right_on=["machine", "channel"])
    within = joined.filter(pl.col("ts_utc").is_between("first_ts_utc", "last_ts_utc"))
    assert within.is_empty()
    after = joined.filter(pl.col("ts_utc") > pl.col("last_ts_utc")).group_by("unit_id", "channel", "first_ts_utc").agg(
        next_ts_utc=pl.col("ts_utc").min()
    )  # fmt: skip
    both = gaps.join(after, on=["unit_id", "channel", "first_ts_utc"], how="left")
    assert both["first_after_ts_utc"].equals(both["next_ts_utc"])
    of_unit = gaps.filter(pl.col("kind") == "gap").group_by("episode").agg(pl.col("channel").n_unique())["channel"]
    assert (of_unit == 1).sum() >= 12
    assert (of_unit == 8).sum() >= 12
    restarts = gaps.filter((pl.col("kind") == "restart") & (pl.col("channel") == "machine_state"))
    assert restarts["n_missing"].is_between(1, 3).all()
    assert restarts.height >= 24


def test_what_is_told_again_was_told_before(written, told):
    for kind in ("duplicate", "restart"):
        again = of_kind(told, kind)
        columns = ["file", "machine", "tag", "timestamp", "value", "quality"]
        first = written.join(again.select("file", "row"), on=["file", "row"], how="anti")
        both = again.join(first, left_on=[*columns[:1], "unit_id", *columns[2:]], right_on=columns, suffix="_first")
        assert both.height == again.height
        assert (both["row_first"] < both["row"]).all()
    duplicate = of_kind(told, "duplicate")
    previous = written.with_columns(row=pl.col("row") + 1)
    beside = duplicate.join(previous, on=["file", "row", "tag", "timestamp", "value"])
    assert beside.height == duplicate.height


def test_late_lines_come_the_next_day_or_later_in_a_file_of_their_own(told):
    late = of_kind(told, "late").with_columns(
        arrived=pl.col("file").str.extract(r"(\d{4}-\d\d-\d\d)").str.to_date(),
        has_own=pl.col("file").str.contains("_late"),
    )
    delay = (late["arrived"] - late["ts_utc"].dt.date()).dt.total_days()
    assert set(delay.filter(~late["has_own"])) == {1}
    assert set(delay.filter(late["has_own"])) == {2, 3, 4, 5, 6}
    by_file = told.filter(pl.col("file").str.contains("_late"))
    assert set(by_file["kind"]) == {"late"}
    assert late.group_by("episode").agg(pl.col("file").n_unique())["file"].unique().to_list() == [1]


def test_displaced_lines_stand_after_a_later_reading_of_their_sensor(eighty_days, faults):
    lines = eighty_days.lines.with_row_index("position").with_columns(pl.col("machine", "channel").cast(pl.String))
    newest = pl.col("ts_utc").cum_max().over("machine", "channel", pl.col("told_at").dt.date(), "is_own_file")
    behind = lines.filter((pl.col("ts_utc") < newest) & ~pl.col("is_own_file"))
    kinds = behind.filter(pl.col("kind").is_in(["restart", "late"]).not_() | pl.col("kind").is_null())
    assert set(kinds["kind"]) == {"out_of_order"}
    of_state = of_kind(faults, "out_of_order").filter(pl.col("channel") == "machine_state")
    found = kinds.filter(pl.col("channel") == "machine_state")
    assert found.height >= 0.99 * of_state.height


def test_stuck_sensors_repeat_their_last_reading(eighty_days, faults):
    stuck = of_kind(faults, "stuck")
    constant = stuck.group_by("episode").agg(
        pl.col("told_value").n_unique(), pl.len(), pl.col("unit_id", "channel").first(), pl.col("ts_utc").min()
    )
    assert (constant["told_value"] == 1).all()
    whole = constant.filter(pl.col("ts_utc") < midnight(days(76)))
    assert whole["len"].is_between(18, 90).all()
    before = eighty_days.readings.rename({"machine": "unit_id"}).with_columns(
        pl.col("ts_utc") + dt.timedelta(minutes=20)
    )
    firsts = constant.drop("told_value").join(stuck, on=["episode", "ts_utc"]).join(before, on=KEY)
    assert firsts.height == constant.height
    assert ((firsts["told_value"] / firsts["value"] - 1).abs() < 0.02).all()


def test_drifts_run_away_linearly(faults):
    for (channel,), lines in of_kind(faults, "drift").partition_by("channel", as_dict=True).items():
        drift = lines.with_columns(
            share=pl.col("told_value") / pl.col("true_value") - 1,
            hours=(pl.col("ts_utc") - pl.col("ts_utc").min().over("episode")).dt.total_minutes() / 60 + 1 / 3,
        )
        assert drift.select(((pl.col("share") / pl.col("hours")).std() < 0.004).over("episode").all()).item()
        reached = drift.group_by("episode").agg(pl.col("share").last())["share"]
        if channel == "system_pressure_bar":
            assert (drift["share"] > -0.001).all()
        else:
            assert min((reached > 0.1).sum(), (reached < -0.1).sum()) >= 3


def test_spikes_stand_alone_and_far_off_but_within_the_instruments_range(faults):
    spikes = of_kind(faults, "spike").sort("unit_id", "channel", "ts_utc")
    alone = spikes.select(pl.col("ts_utc").diff().over("unit_id", "channel").drop_nulls().min()).item()
    assert alone > dt.timedelta(minutes=40)
    for spike in spikes.iter_rows(named=True):
        channel = CHANNELS[spike["fleet"], spike["channel"]]
        absolute, relative = NOISE[channel.name]
        sigmas = abs(spike["told_value"] - spike["true_value"]) / (absolute + relative * spike["true_value"])
        assert SPIKE_SIGMAS[0] - 0.5 < sigmas < SPIKE_SIGMAS[1] + 0.5
        assert channel.low <= spike["told_value"] <= channel.high
    assert set(spikes["channel"]) == set(NOISE)


@pytest.mark.parametrize("name", NOISE)
def test_the_noise_is_that_of_the_sensors(eighty_days, name):
    absolute, relative = NOISE[name]
    steps = eighty_days.readings.filter(pl.col("channel") == name).sort("machine", "ts_utc").with_columns(
        d=pl.col("value").diff(), dt=pl.col("ts_utc").diff(), level=(pl.col("value") + pl.col("value").shift()) / 2
    ).filter(pl.col("dt") == dt.timedelta(minutes=20))  # fmt: skip
    measured = steps["d"] / (absolute + relative * steps["level"])
    assert 0.85 < float((measured.abs().median() or 0) / 0.6745 / 2**0.5) < 1.15


def test_bad_codes_and_impossible_values(told):
    bad = of_kind(told, "bad_quality")
    assert set(bad["quality"]) == set(BAD_QUALITY_CODES)
    impossible = of_kind(told, "impossible_value")
    assert set(impossible["value"]) == set(IMPOSSIBLE_VALUES)
    assert (impossible["quality"] == 192).all()
    for channel in CHANNELS.values():
        scale, offset = channel.conversion
        for value in IMPOSSIBLE_VALUES:
            assert not channel.low <= (value - offset) / scale <= channel.high


def test_mixed_up_units_are_engineering_units(told):
    mixed = of_kind(told, "unit_mixup")
    assert set(mixed["channel"]) == {"oil_temp_degc", "system_pressure_bar", "bearing_temp_degc", "vibration_rms_mm_s"}
    for row in mixed.iter_rows(named=True):
        channel = CHANNELS[row["fleet"], row["channel"]]
        step_in_unit = 10.0**-channel.decimals / channel.conversion[0]
        assert row["value"] == pytest.approx(row["true_value"], abs=0.5 * step_in_unit + 0.05 * 10.0**-channel.decimals)
    assert mixed.group_by("episode").agg(pl.col("channel").n_unique())["channel"].max() == 1


def test_a_wrong_clock_is_wrong_by_the_same_for_all_channels_of_one_day(told):
    jumps = of_kind(told, "clock_jump")
    errors = jumps.group_by("episode").agg(
        (pl.col("told_ts_utc") - pl.col("ts_utc")).unique().alias("error"), pl.col("ts_utc").dt.date().n_unique(),
        pl.col("file").n_unique(), in_order=pl.col("ts_utc").sort_by("row").diff().dt.total_minutes().min() >= 0,
    )  # fmt: skip
    assert (errors["error"].list.len() == 1).all()
    assert (errors["ts_utc"] == 1).all()
    assert (errors["file"] == 1).all()
    assert errors["in_order"].all()
    assert (jumps["told_ts_utc"].dt.date() == jumps["ts_utc"].dt.date()).all()


def test_the_hour_that_summer_time_ends_is_told_twice_in_order(eighty_days, told):
    twice = of_kind(told, "twice_told_hour")
    assert set(twice["fleet"]) == {"spindle"}
    assert twice["timestamp"].str.starts_with("2026-10-25 02:").all()
    assert (
        twice["ts_utc"]
        .is_between(dt.datetime(2026, 10, 25, tzinfo=dt.UTC), dt.datetime(2026, 10, 25, 1, 40, tzinfo=dt.UTC))
        .all()
    )
    states = twice.filter(pl.col("channel") == "machine_state").sort("unit_id", "row")
    of_unit = states.group_by("unit_id").agg("timestamp", step=pl.col("ts_utc").diff().min())
    assert (of_unit["step"] >= dt.timedelta(minutes=20)).all()
    assert (of_unit["timestamp"].list.len() >= 5).all()
    assert of_unit.height == 12


def test_renamed_tags_stay_renamed(eighty_days, told):
    renamed = of_kind(told, "renamed_tag")
    assert renamed.group_by("unit_id").agg(pl.col("tag").n_unique())["tag"].to_list() == [1, 1]
    for (unit, channel), of_unit in renamed.partition_by("unit_id", "channel", as_dict=True).items():
        since = of_unit["ts_utc"].min()
        lines = eighty_days.lines.filter((pl.col("machine") == unit) & (pl.col("channel") == channel))
        assert set(lines.filter(pl.col("ts_utc") >= since)["tag"]) == {of_unit.item(0, "tag")}
        assert of_unit.item(0, "tag") not in set(lines.filter(pl.col("ts_utc") < since)["tag"])


def test_every_end_of_a_life_is_told(eighty_days):
    """At least once, at its own time: or lives could not be told apart from what the historian says."""
    states = eighty_days.lines.filter((pl.col("channel") == "machine_state") & pl.col("floor_value").is_in([2.0, 3.0]))
    right = states.filter(pl.col("floor_value") == pl.col("true_floor_value"), pl.col("stamp") == pl.col("ts_utc"))
    ends = right.select("stamp", unit_id=pl.col("machine").cast(pl.String)).sort("stamp")
    lives = eighty_days.lives.filter(pl.col("end_ts") < midnight(days(74))).sort("end_ts")
    told = lives.join_asof(
        ends, left_on="end_ts", right_on="stamp", by="unit_id", strategy="forward", tolerance="40m",
        check_sortedness=False,
    )  # fmt: skip
    assert told.height > 50
    assert told["stamp"].null_count() == 0


def test_without_faults_only_what_belongs_to_the_plant_is_left():
    simulation = simulate(START, days(60), 0, fault_rate=0)
    assert set(truth.faults(simulation)["kind"]) == set(HARMLESS)
    assert simulation.missing.is_empty()
    assert (simulation.lines["told_at"] == simulation.lines["ts_utc"]).all()


def test_a_later_end_repeats_the_mess_exactly(eighty_days):
    short = simulate(START, days(33), 0)
    cut = midnight(days(33))
    assert_frame_equal(short.lines, eighty_days.lines.filter(pl.col("told_at") < cut), check_exact=True)
    assert_frame_equal(short.missing, eighty_days.missing.filter(pl.col("ts_utc") < cut), check_exact=True)
    assert_frame_equal(
        truth.faults(short), truth.faults(eighty_days, now=cut - dt.timedelta(minutes=1)), check_exact=True
    )
