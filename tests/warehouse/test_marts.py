"""What the marts say about small lakes whose truth is known by hand."""

from __future__ import annotations

from typing import Any

import polars as pl
import pytest

from tests.warehouse.lakes import MARTS, Built, at


def rows(built: Built, mart: str, *keys: str) -> dict[Any, dict[str, Any]]:
    frame = built.lake.read(mart)
    assert frame.select(keys).is_unique().all()
    return frame.rows_by_key(keys, named=True, unique=True)  # type: ignore[return-value]


def test_health_of_a_running_plant(running: Built) -> None:
    health = rows(running, "machine_health_day", "unit_id", "period")
    days = ("2026-09-01", "2026-09-02")
    assert set(health) == {("north-2", days[0]), *((unit, day) for unit in ("north-1", "north-3") for day in days)}
    first = health["north-1", "2026-09-01"]
    assert (first["n_accepted"], first["n_quarantined"], first["accepted_share"]) == (2, 0, 1.0)
    assert (first["n_sensors_seen"], first["n_sensors_expected"], first["n_gaps"]) == (1, 3, 1)
    assert (first["hours_covered"], first["cycles_covered"], first["running_share"]) == (2, 0, None)
    # Temperatures of the fleet are 10, 10, 20, 20: mean 15, standard deviation 5.
    assert (first["mean_abs_z"], first["max_z_channel"]) == (pytest.approx(1.0), "temp_degc")
    second = health["north-2", "2026-09-01"]
    assert (second["n_accepted"], second["n_quarantined"]) == (6, 1)
    assert second["accepted_share"] == pytest.approx(6 / 7)
    assert (second["running_share"], second["hours_covered"]) == (0.75, 4)
    # Two channels came back at the same time: one gap.
    assert health["north-3", days[0]]["n_gaps"] == 1


def test_a_day_that_was_quarantined_whole_is_shown(running: Built) -> None:
    day = rows(running, "machine_health_day", "unit_id", "period")["north-1", "2026-09-02"]
    assert day["reading_day"] == at(2, 0).date()
    assert (day["n_accepted"], day["n_quarantined"], day["accepted_share"], day["mean_abs_z"]) == (
        0,
        2,
        0.0,
        None,
    )


def test_health_of_an_archive(archive: Built) -> None:
    health = rows(archive, "machine_health_day", "unit_id", "period")
    assert set(health) == {("a", "archive"), ("b", "archive")}
    unit = health["a", "archive"]
    assert (unit["reading_day"], unit["hours_covered"], unit["cycles_covered"]) == (None, 0, 3)
    # Temperatures are 601, 602, 603, 602, 602: mean 602, variance 2 / 5.
    assert unit["mean_abs_z"] == pytest.approx(2 / 3 / (2 / 5) ** 0.5)
    assert health["b", "archive"]["accepted_share"] == pytest.approx(2 / 3)


def test_coverage_counts_units_days_and_reasons(running: Built) -> None:
    channels = rows(running, "channel_coverage", "channel")
    assert set(channels) == {"temp_degc", "flow_lpm", "pump_bar", "machine_state", "NOISE"}
    temp = channels["temp_degc"]
    assert (temp["n_units_reporting"], temp["n_units_in_fleet"]) == (2, 3)
    assert (temp["n_unit_periods_seen"], temp["n_unit_periods_expected"]) == (2, 5)
    assert (temp["n_readings"], temp["n_quarantined"]) == (4, 2)
    assert (temp["n_bad_quality"], temp["n_out_of_range"]) == (1, 1)
    assert temp["out_of_range_share"] == pytest.approx(1 / 6)
    assert (temp["value_min"], temp["value_mean"], temp["value_max"]) == (10.0, 15.0, 20.0)
    assert (temp["first_ts_utc"], temp["last_ts_utc"]) == (at(1, 0), at(1, 5))


def test_coverage_shows_silent_channels_and_unknown_tags(running: Built) -> None:
    channels = rows(running, "channel_coverage", "channel")
    silent = channels["flow_lpm"]
    assert (silent["is_in_catalogue"], silent["n_readings"], silent["out_of_range_share"]) == (True, 0, None)
    unknown = channels["NOISE"]
    assert (unknown["is_in_catalogue"], unknown["n_unknown_channel"], unknown["unit"]) == (False, 1, None)
    assert unknown["n_units_in_fleet"] == 3


def test_coverage_of_an_archive(archive: Built) -> None:
    channel = rows(archive, "channel_coverage", "channel")["t24_degr"]
    assert (channel["first_cycle"], channel["last_cycle"], channel["first_ts_utc"]) == (1, 3, None)
    assert (channel["n_units_reporting"], channel["n_readings"], channel["n_not_finite"]) == (2, 5, 1)
    assert (channel["n_unit_periods_seen"], channel["n_unit_periods_expected"]) == (2, 2)


def test_coverage_compares_with_what_a_running_machine_should_tell(running: Built) -> None:
    channels = rows(running, "channel_coverage", "channel")
    pump = channels["pump_bar"]
    # North-3 runs for 11 + 5 + 13 hours and tells 25 of them; north-2 runs for 3 hours and has no pump; of north-1
    # nobody knows when it ran.
    assert (pump["n_readings"], pump["n_expected"], pump["coverage_share"]) == (25, 32, pytest.approx(25 / 32))
    assert (pump["worst_unit_id"], pump["worst_unit_coverage_share"]) == ("north-2", 0.0)
    assert (pump["n_gaps"], pump["longest_gap_h"], pump["longest_gap_cycles"]) == (1, 5.0, None)
    # Under an old tag, which is an alias.
    assert (pump["n_stuck"], pump["stuck_share"], pump["accepted_share"]) == (1, 1 / 26, 25 / 26)
    # The state is expected while a machine stands, too: 6 of north-1, 4 of north-2 and 33 of north-3.
    state = channels["machine_state"]
    assert (state["n_readings"], state["n_expected"]) == (34, 43)


def test_stops_of_a_running_plant(running: Built) -> None:
    stops = rows(running, "downtime", "unit_id", "stop_number")
    assert {unit for unit, _ in stops} == {"north-2", "north-3"}
    told = {key: (stop["kind"], stop["from_ts_utc"], stop["to_ts_utc"], stop["hours"]) for key, stop in stops.items()}
    assert told["north-2", 1] == ("failure", at(1, 2), at(1, 3), 1.0)
    assert told["north-3", 1] == ("failure", at(1, 11), at(1, 12), 1.0)
    assert told["north-3", 2] == ("overhaul", at(1, 17), at(1, 18), 1.0)
    # Failed, then stopped: one stop, still open, up to the last reading and the hour that it stands for.
    assert told["north-3", 3] == ("failure", at(2, 7), None, 2.0)
    assert [stops["north-3", number]["is_open"] for number in (1, 2, 3)] == [False, False, True]


def test_an_archive_has_no_stops(archive: Built) -> None:
    assert archive.lake.read("downtime").is_empty()


def test_candidates_of_a_running_plant_say_why_not(running: Built) -> None:
    lives = rows(running, "training_set_candidates", "life_id")
    assert len(lives) == 4
    first = lives["north-3#01"]
    # Eleven hours of running and three sensors, of which only the pump's tells something, in 7 of the hours.
    assert (first["n_expected"], first["n_readings"], first["coverage_share"]) == (33, 7, pytest.approx(7 / 33))
    assert (first["worst_channel"], first["worst_channel_coverage_share"]) == ("flow_lpm", 0.0)
    assert (first["n_quarantined"], first["quarantined_share"], first["n_gaps"]) == (1, 1 / 8, 1)
    assert first["is_fit"] is False
    assert first["why_not"] == (
        "it has 8 cycles, 60 are needed; only 21.2 % of its readings are there, 80.0 % are needed; "
        "only 0.0 % of flow_lpm is there, 50.0 % are needed; "
        "12.5 % of its readings were quarantined, 10.0 % are allowed"
    )
    assert lives["north-3#02"]["why_not"].startswith("it ended by overhaul, before failure; ")
    assert lives["north-3#03"]["n_readings"] == 13
    assert lives["north-2#01"]["why_not"].startswith("it is still running; ")


def test_candidates_of_an_archive_are_told_by_cycle(archive: Built) -> None:
    lives = rows(archive, "training_set_candidates", "life_id")
    whole, cut = lives["a#01"], lives["b#01"]
    assert (whole["n_expected"], whole["coverage_share"], whole["first_ts_utc"]) == (3, 1.0, None)
    assert whole["why_not"] == "it has 3 cycles, 60 are needed"
    # The reading of cycle 3 was set aside, and the life ends before it.
    assert (cut["n_readings"], cut["n_quarantined"]) == (2, 0)
    assert cut["why_not"] == "it was cut off before failure; it has 2 cycles, 60 are needed"


def test_failures_of_a_running_plant_count_lives_in_progress(running: Built) -> None:
    history = rows(running, "failure_history", "life_id")
    assert set(history) == {"north-3#01", "north-3#03"}
    first, second = history["north-3#01"], history["north-3#03"]
    assert (first["failed_at_ts_utc"], first["failure_number"]) == (at(1, 10), 1)
    # By hour 10, north-2 had spent half of its ten cycles and had not failed.
    assert (first["fleet_exposure_cycles_to_date"], first["n_fleet_censored_lives_to_date"]) == (13.0, 1)
    assert (second["n_cycles_since_previous_failure"], second["hours_since_previous_failure"]) == (10, 20.0)
    assert (second["n_fleet_failures_to_date"], second["n_fleet_censored_lives_to_date"]) == (2, 2)
    assert second["fleet_mean_cycles_between_failures_to_date"] == 14.0


def test_failures_of_an_archive_count_lives_that_were_cut(archive: Built) -> None:
    history = rows(archive, "failure_history", "life_id")
    assert set(history) == {"a#01"}
    assert history["a#01"]["failed_at_cycle"] == 3
    assert history["a#01"]["fleet_mean_cycles_between_failures_to_date"] == 5.0


def test_a_plant_without_readings_has_empty_marts(silent: Built) -> None:
    assert silent.result.success
    assert silent.lake.read("machine_health_day").is_empty()
    for mart in ("failure_history", "downtime", "training_set_candidates"):
        assert silent.lake.read(mart).is_empty()
    coverage = silent.lake.read("channel_coverage")
    assert coverage.select("channel", "n_readings", "value_mean").rows() == [("temp_degc", 0, None)]


def test_a_table_has_the_types_of_its_contract_even_when_it_is_empty(silent: Built, running: Built) -> None:
    for mart in MARTS:
        assert silent.lake.read(mart).schema == running.lake.read(mart).schema
    assert running.lake.read("failure_history").schema["failed_at_ts_utc"] == pl.Datetime("us", "UTC")
