from __future__ import annotations

import datetime as dt
import itertools
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from factory_assets.reference_plant.episodes import (
    SPACING,
    STEPS_PER_WEEK,
    Timeline,
    draw_episodes,
    new_tags,
    sensor_days,
    timeline,
    whole_weeks,
)
from factory_assets.reference_plant.faults import CLOCK_ERROR_MIN, DRIFT_AT_END, EPISODE_RULES, KINDS
from factory_assets.reference_plant.fleets import FAILED, FLEETS, PRESS, RUNNING, SPINDLE, STOPPED
from factory_assets.reference_plant.lives import STEPS_PER_DAY, machine_lives
from factory_assets.reference_plant.mess import CLEARANCE

START = dt.date(2026, 9, 1)
WEEKS = 6


def always_running(weeks=WEEKS, failure_at=()):
    n = weeks * STEPS_PER_WEEK
    states, life_end = np.full(n, RUNNING), np.full(n, 10 * n)
    for step in failure_at:
        states[step : step + 3], states[step + 3 : step + 30] = FAILED, STOPPED
        life_end[:step] = np.minimum(life_end[:step], step)
    return Timeline(states, life_end)


def draw(machine, seed=0, *, fleet=SPINDLE, number=0, rate=3.0, start=START):
    return draw_episodes(fleet, number, machine, start, seed, rate=rate)


@settings(max_examples=15, deadline=None)
@given(seed=st.integers(0, 10_000), number=st.integers(0, 11), rate=st.floats(0.2, 8), fleet=st.sampled_from(FLEETS))
def test_episodes_keep_apart_and_a_longer_run_repeats_them(seed, number, rate, fleet):
    n_steps = WEEKS * STEPS_PER_WEEK
    runs = list(machine_lives(fleet, number, n_steps, seed))
    whole = draw(timeline(runs, n_steps), seed, fleet=fleet, number=number, rate=rate)
    for before, after in itertools.pairwise(whole):
        assert after.first >= before.end + SPACING
    short_steps = 2 * STEPS_PER_WEEK
    short = list(machine_lives(fleet, number, short_steps, seed))
    again = draw(timeline(short, short_steps), seed, fleet=fleet, number=number, rate=rate)
    assert again == [episode for episode in whole if episode.first < short_steps]


def test_single_faults_stay_clear_of_both_neighbouring_episodes():
    assert 2 * CLEARANCE <= SPACING


def test_the_rates_are_those_of_the_table():
    counted = dict.fromkeys((rule.kind for rule in EPISODE_RULES), 0)
    machines = [(fleet, number, seed) for fleet in FLEETS for number in range(12) for seed in range(6)]
    for fleet, number, seed in machines:
        for episode in draw(always_running(), seed, fleet=fleet, number=number, rate=1.0):
            counted[episode.kind] += 1
    for kind, count in counted.items():
        expected = WEEKS * len(machines) * sum(rule.per_week for rule in EPISODE_RULES if rule.kind == kind)
        # Episodes that find no place are left out.
        assert 0.85 * expected - 3 * expected**0.5 < count < expected + 3 * expected**0.5, kind


@pytest.mark.parametrize("kind", dict.fromkeys(rule.kind for rule in EPISODE_RULES))
def test_episodes_last_as_long_as_their_rule_says(kind):
    rules = [rule for rule in EPISODE_RULES if rule.kind == kind]
    low, high = min(rule.hours[0] for rule in rules), max(rule.hours[1] for rule in rules)
    drawn = [
        episode
        for fleet in FLEETS
        for seed in range(12)
        for episode in draw(always_running(), seed, fleet=fleet)
        if episode.kind == kind
    ]
    assert len(drawn) > 20
    for episode in drawn:
        assert 3 * low - 1 <= episode.split - episode.first <= 3 * high + 2
        assert (episode.channel is None) == (kind in {"clock_jump", "late", "out_of_order", "restart"}) or kind == "gap"
        if kind in {"clock_jump", "late", "out_of_order", "restart"}:
            assert episode.first // STEPS_PER_DAY == (episode.split - 1) // STEPS_PER_DAY


def test_a_failure_ends_a_gap_and_no_logger_restarts_or_errs_on_its_day():
    failure = STEPS_PER_WEEK // 2
    machine = always_running(1, failure_at=[failure])
    lengths = set()
    for seed in range(400):
        for episode in draw(machine, seed, rate=2.0):
            if episode.first < failure:
                assert episode.end <= failure or episode.kind in {"late", "out_of_order"}
            if episode.kind in {"clock_jump", "restart"}:
                assert episode.first // STEPS_PER_DAY != failure // STEPS_PER_DAY
            if episode.kind == "gap" and episode.end == failure:
                lengths.add(episode.end - episode.first)
    assert lengths, "no gap was cut off"


def test_clock_errors_are_no_smaller_and_no_greater_than_told_and_stay_on_the_day():
    jumps = [e for seed in range(40) for e in draw(always_running(), seed) if e.kind == "clock_jump"]
    errors = np.array([jump.amount for jump in jumps])
    assert np.all((np.abs(errors) >= CLOCK_ERROR_MIN[0]) & (np.abs(errors) <= CLOCK_ERROR_MIN[1]))
    assert min((errors > 0).sum(), (errors < 0).sum()) > 20
    assert np.mean(errors % 20 == 0) < 0.15
    for jump in jumps:
        told = [(step * 20 + jump.amount) // 1440 for step in (jump.first, jump.end - 1)]
        assert told == [jump.first // STEPS_PER_DAY] * 2


def test_drift_goes_as_far_as_told():
    for fleet, channel in ((PRESS, "system_pressure_bar"), (SPINDLE, "spindle_speed_rpm")):
        drifts = [e for seed in range(30) for e in draw(always_running(), seed, fleet=fleet) if e.kind == "drift"]
        assert {drift.channel for drift in drifts} == {channel}
        low, high = DRIFT_AT_END[channel]
        reached = [abs(drift.amount) * (drift.end - drift.first) for drift in drifts]
        assert low - 1e-9 <= min(reached) < max(reached) <= high + 1e-9
        assert {np.sign(drift.amount) for drift in drifts} == ({1.0} if fleet is PRESS else {-1.0, 1.0})


def test_order_is_kept_where_local_time_depends_on_it():
    """On the day on which summer time ends, only the order of lines tells the two hours apart."""
    start = dt.date(2026, 10, 24)
    machine = always_running(1)
    of_order = {"late", "out_of_order", "clock_jump", "restart"}

    def days(fleet):
        drawn = [e for seed in range(150) for e in draw(machine, seed, fleet=fleet, start=start)]
        return [episode.first // STEPS_PER_DAY for episode in drawn if episode.kind in of_order]

    assert 1 in days(PRESS)
    assert 1 not in days(SPINDLE)
    assert days(replace(SPINDLE, local_zone="")).count(1) > 5


def test_sensors_that_come_later_have_no_episode_before():
    late = {number: sensor_days(SPINDLE, number, 0) for number in range(12)}
    assert sum(bool(days) for days in late.values()) == 3
    assert all(sensor_days(PRESS, number, 0) == {} for number in range(12))
    found = 0
    for number, days in late.items():
        for channel, day in days.items():
            drawn = draw(always_running(12), 0, number=number, rate=8)
            of_sensor = [episode for episode in drawn if episode.channel == channel]
            assert all(episode.first > day * STEPS_PER_DAY for episode in of_sensor)
            found += len(of_sensor)
    assert found >= 5


def test_each_fleet_renames_one_tag_of_one_machine():
    for fleet in FLEETS:
        ((machine, channel, tag, day),) = new_tags(fleet, 0)
        assert machine in fleet.machines
        assert tag not in {c.tag for c in fleet.channels}
        assert fleet.channel(channel).role == "sensor"
        assert day > 0


def test_weeks_are_whole():
    assert [whole_weeks(n) // STEPS_PER_WEEK for n in (1, STEPS_PER_WEEK, STEPS_PER_WEEK + 1)] == [1, 1, 2]


def test_every_kind_has_a_name_of_its_own():
    assert len(set(KINDS)) == len(KINDS) == 14
