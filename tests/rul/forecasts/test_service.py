"""Which lives are in service at the end of a day, and what forecasts are explained by."""

from __future__ import annotations

import datetime as dt

import polars as pl
import pytest

from factory_assets.rul.forecasts.past_failures import PastFailuresError
from factory_assets.rul.forecasts.service import by_horizon, end_of, lives_in_service, memory, until
from factory_assets.rul.saving import card_of
from factory_assets.telemetry.schema import UNIT_LIFE
from tests.tiny_model import trained, training_rows

DAY = dt.date(2026, 9, 2)


def at(day: int, hour: int = 0) -> dt.datetime:
    return dt.datetime(2026, 9, day, hour, tzinfo=dt.UTC)


def life(name: str, first: dt.datetime, last: dt.datetime, ended_by: str) -> dict[str, object]:
    return {
        "plant": "small", "fleet": "north", "unit_id": name, "life": 1, "life_id": f"{name}#01", "first_cycle": 1,
        "last_cycle": 9, "first_ts_utc": first, "last_ts_utc": last, "n_cycles": 9, "is_start_known": True,
        "ended_by": ended_by,
    }  # fmt: skip


LIVES = pl.DataFrame(
    [
        life("began", at(2, 23), at(2, 23), "open"),
        life("begins-next-day", at(3), at(4), "open"),
        life("fails-that-day", at(1), at(2, 23), "failure"),
        life("fails-at-midnight", at(1), at(3), "failure"),
        life("overhauled-later", at(1), at(5), "overhaul"),
        life("silent", at(1), at(1, 4), "open"),
        life("cut", at(1), at(1, 4), "cut"),
    ],
    schema=UNIT_LIFE,
)


def names(lives: pl.DataFrame) -> list[str]:
    return sorted(lives["unit_id"].to_list())


def test_a_day_ends_where_the_next_begins() -> None:
    assert end_of(DAY) == at(3)


def test_a_life_is_in_service_if_it_began_by_the_end_of_the_day_and_ended_later_or_not_at_all() -> None:
    assert names(lives_in_service(LIVES, DAY)) == ["began", "fails-at-midnight", "overhauled-later", "silent"]
    assert names(lives_in_service(LIVES, dt.date(2026, 9, 3))) == [
        "began", "begins-next-day", "overhauled-later", "silent",
    ]  # fmt: skip
    assert names(lives_in_service(LIVES, dt.date(2026, 8, 31))) == []


def test_of_an_archive_those_are_in_service_that_had_not_failed() -> None:
    assert names(lives_in_service(LIVES, None)) == ["began", "begins-next-day", "cut", "silent"]


def test_readings_of_the_next_day_are_not_known_yet() -> None:
    rows = pl.DataFrame({"ts_utc": [at(2), at(2, 23), at(3), None], "cycle": [1, 2, 3, 4]})
    assert until(rows, DAY)["cycle"].to_list() == [1, 2]
    assert until(rows, None)["cycle"].to_list() == [1, 2, 3, 4]


def test_lives_that_did_not_fail_are_no_past_failures_but_were_healthy_once() -> None:
    card = card_of(trained(), data_sha256="ab" * 32, code_version="c0de")
    rows = training_rows().with_columns(is_censored=pl.col("unit_id") == "run-03")
    found = memory(rows, card)
    assert len(found.past.life_ids) == 15
    assert "run-03" not in found.past.life_ids
    assert len(found.healthy.age_cycles) == 16
    assert found.seed == card.seed
    with pytest.raises(PastFailuresError, match="ended in failure"):
        memory(rows.with_columns(is_censored=True), card)


def test_probabilities_are_a_row_a_unit_the_likeliest_first() -> None:
    rows = [("a", 10, 0.1), ("a", 30, 0.5), ("b", 10, 0.7), ("b", 30, 0.9), ("c", 10, None), ("c", 30, None)]
    found = by_horizon(pl.DataFrame(rows, schema=["unit_id", "horizon_cycles", "failure_probability"], orient="row"))
    assert found.columns == ["unit_id", "within_10_cycles", "within_30_cycles"]
    assert found["unit_id"].to_list() == ["b", "a", "c"]
    assert found.row(0) == ("b", 0.7, 0.9)
