from __future__ import annotations

import datetime as dt

import numpy as np
import polars as pl
import pytest
from polars.testing import assert_frame_equal

from factory_assets.reference_plant.fleets import FAILED, FLEETS, OVERHAUL, RUNNING, STATE_CHANNEL, STOPPED
from factory_assets.reference_plant.lives import STEP, STEPS_PER_DAY, machine_lives
from factory_assets.reference_plant.physics import PHYSICS
from factory_assets.reference_plant.simulator import simulate

START = dt.date(2026, 9, 1)


def days(count):
    return START + dt.timedelta(days=count)


def all_runs(n_days=80, seed=0):
    for fleet in FLEETS:
        for number in range(fleet.n_machines):
            for run in machine_lives(fleet, number, n_days * STEPS_PER_DAY, seed):
                yield fleet, run


def test_a_later_end_repeats_the_earlier_days_exactly(eighty_days):
    short = simulate(START, days(33), 0)
    cut = dt.datetime.combine(days(33), dt.time(), dt.UTC)
    assert_frame_equal(short.readings, eighty_days.readings.filter(pl.col("ts_utc") < cut), check_exact=True)
    ended = short.lives.filter(pl.col("ended_by") != "running")
    assert ended.height > 10
    assert_frame_equal(ended, eighty_days.lives.filter(pl.col("end_ts") < cut), check_exact=True)


def test_the_seed_alone_decides():
    first, again, other = (simulate(START, days(3), seed) for seed in (7, 7, 8))
    assert_frame_equal(first.readings, again.readings, check_exact=True)
    assert_frame_equal(first.lives, again.lives, check_exact=True)
    sensed = first.readings.join(other.readings, on=["machine", "channel", "ts_utc"], suffix="_other")
    noisy = sensed.filter(pl.col("channel") == "oil_temp_degc")
    assert noisy.height > 500
    assert (noisy["value"] != noisy["value_other"]).all()


def test_wear_never_falls_and_ends_exactly_where_the_threshold_is_passed():
    runs = list(all_runs())
    failed = 0
    for fleet, run in runs:
        assert set(run.wear) == set(PHYSICS[fleet.name].modes)
        for mode, wear in run.wear.items():
            assert np.all(np.diff(wear) >= 0)
            assert np.all(wear[:-1] < 1), "a machine ran on after its threshold"
            assert wear[-1] < 1 or run.mode is not None
            if mode == run.mode:
                assert wear[-1] >= 1
                failed += 1
    assert failed == sum(run.mode is not None for _, run in runs)


def test_every_mode_occurs(eighty_days):
    modes = set(eighty_days.lives.get_column("failure_mode").drop_nulls())
    assert modes == {mode for physics in PHYSICS.values() for mode in physics.modes}


@pytest.mark.parametrize("fleet", [f.name for f in FLEETS])
def test_eighty_days_hold_enough_failures_of_plausible_length(eighty_days, fleet):
    lives = eighty_days.lives.filter(pl.col("fleet") == fleet)
    failures = lives.filter(pl.col("ended_by") == "failure")
    assert failures.height >= 25
    assert failures["operating_hours"].is_between(200, 650).all()
    assert failures["operating_hours"].std() > 40
    assert lives.filter(pl.col("ended_by") == "running").height <= 12


def test_about_an_eighth_of_the_lives_end_by_overhaul():
    ends = [run.mode is None for seed in range(4) for _, run in all_runs(80, seed)]
    assert 0.08 < np.mean(ends) < 0.22


def test_states_tell_every_end(eighty_days):
    state_of = {"failure": FAILED, "overhaul": OVERHAUL}
    states = eighty_days.readings.filter(pl.col("channel") == STATE_CHANNEL)
    by_machine = {name: frame for (name,), frame in states.partition_by("machine", as_dict=True).items()}
    for life in eighty_days.lives.filter(pl.col("ended_by") != "running").iter_rows(named=True):
        of_machine = by_machine[life["unit_id"]]
        shown = of_machine.filter(pl.col("ts_utc") >= life["end_ts"]).get_column("value")[:3].to_list()
        before = of_machine.filter(pl.col("ts_utc") < life["end_ts"]).get_column("value")[-1]
        complete = life["end_ts"] <= dt.datetime.combine(days(79), dt.time(23), dt.UTC)
        assert before == RUNNING
        assert shown == [state_of[life["ended_by"]]] * (3 if complete else len(shown))


def test_downtime_is_8_to_24_hours_after_a_failure_and_6_to_12_for_an_overhaul():
    for _, run in all_runs():
        down_h = (run.states.size - run.end) / 3
        low, high, shown = (8, 24, FAILED) if run.mode else (6, 12, OVERHAUL)
        assert low <= down_h <= high
        assert 3 <= np.sum(run.states == shown) <= 6
        assert set(run.states[run.end :]) == {shown, STOPPED}


def test_state_is_always_read_and_the_rest_only_while_running(eighty_days):
    readings = eighty_days.readings
    states = readings.filter(pl.col("channel") == STATE_CHANNEL)
    assert states.height == 80 * STEPS_PER_DAY * sum(f.n_machines for f in FLEETS)
    gaps = states.sort("machine", "ts_utc").select(pl.col("ts_utc").diff().over("machine").drop_nulls()).unique()
    assert gaps.to_series().to_list() == [STEP]
    running = states.filter(pl.col("value") == RUNNING).select("machine", "ts_utc")
    others = readings.filter(pl.col("channel") != STATE_CHANNEL)
    assert others.height == running.height * 7
    assert others.join(running, on=["machine", "ts_utc"], how="anti").is_empty()
    assert not readings.select("machine", "channel", "ts_utc").is_duplicated().any()


def test_limits_contain_every_reading(eighty_days):
    limits = pl.DataFrame(
        [(f.name, c.name, float(c.low), float(c.high)) for f in FLEETS for c in f.channels],
        schema=["fleet", "channel", "low", "high"],
        orient="row",
    )
    judged = eighty_days.readings.join(limits, on=["fleet", "channel"])
    assert judged.height == eighty_days.readings.height
    assert judged.filter(~pl.col("value").is_between("low", "high")).is_empty()


@pytest.mark.parametrize(
    ("fleet", "setting", "channels"),
    [
        ("press", "force_setpoint_kn", ["system_pressure_bar", "filter_dp_bar", "pump_vibration_mm_s"]),
        (
            "spindle",
            "speed_setpoint_rpm",
            ["spindle_speed_rpm", "power_kw", "bearing_temp_degc", "vibration_rms_mm_s"],
        ),
    ],
)
def test_three_regimes_change_several_channels(eighty_days, fleet, setting, channels):
    of_fleet = eighty_days.readings.filter(pl.col("fleet") == fleet)
    wide = of_fleet.pivot(on="channel", index=["machine", "ts_utc"], values="value").drop_nulls(setting)
    regimes = wide.group_by(setting).agg(pl.col(channels).median(), share=pl.len() / wide.height).sort(setting)
    assert regimes.height == 3
    assert regimes["share"].min() > 0.15
    for channel in channels:
        medians = regimes[channel].to_numpy()
        assert np.ptp(medians) / np.abs(medians).mean() > 0.2


def test_wear_shows_in_the_sensors_late():
    """Within a regime the last 30 hours stand out; the first and the second quarter of a life hardly differ."""
    signature = {
        "pump_wear": "motor_current_a",
        "filter_clogging": "filter_dp_bar",
        "bearing_spall": "vibration_rms_mm_s",
        "lubrication_loss": "bearing_temp_degc",
    }
    seen = {mode: [] for mode in signature}
    for fleet, run in all_runs():
        if run.mode is None or run.first_step < 0:
            continue
        quarter = run.end // 4
        values, regime = run.channels[signature[run.mode]], run.channels[fleet.channels[0].name]
        level = {r: np.median(values[:quarter][regime[:quarter] == r]) for r in np.unique(regime[:quarter])}
        relative = values / np.array([level.get(r, np.nan) for r in regime])
        seen[run.mode].append([np.nanmean(relative[quarter : 2 * quarter]), np.nanmean(relative[-90:])])
    for mode, rows in seen.items():
        middle, late = np.median(rows, axis=0)
        assert late > 1.15, mode
        assert late - 1 > 3 * abs(middle - 1), mode


def test_lives_began_before_the_plants_history_at_different_ages(eighty_days):
    first = eighty_days.lives.filter(pl.col("life") == 1)
    midnight = dt.datetime.combine(START, dt.time(), dt.UTC)
    assert first.height == sum(f.n_machines for f in FLEETS)
    assert (first["start_ts"] <= midnight).all()
    assert first.group_by("fleet").agg(pl.col("start_ts").n_unique())["start_ts"].to_list() == [12, 12]


@pytest.mark.parametrize(("until", "seed", "message"), [(START, 0, "is not after"), (days(1), -1, "negative")])
def test_nonsense_is_refused(until, seed, message):
    with pytest.raises(ValueError, match=message):
        simulate(START, until, seed)


def test_a_negative_rate_is_refused():
    with pytest.raises(ValueError, match=r"fault_rate -0\.5 is negative"):
        simulate(START, days(1), 0, fault_rate=-0.5)
