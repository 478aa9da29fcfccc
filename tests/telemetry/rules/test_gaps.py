from __future__ import annotations

import pytest

from factory_assets.foundation.plant import Plant
from tests.plants import plant_dict
from tests.telemetry.judging import CHANNELS, at, flagged, series

RUNNING, STANDING = 1.0, 0.0


def temps(steps: list[int]) -> list[float]:
    return [140 + 0.1 * (step % 7) for step in steps]


def rows(told: list[int], state: list[tuple[int, float]]) -> list:
    temp = [("north-1", "OIL_TEMP", at(step), 140 + 0.1 * (step % 7), 192, "a") for step in told]
    return temp + [("north-1", "STATE", at(step), value, 192, "a") for step, value in state]


def test_readings_that_a_running_machine_owes_are_a_gap() -> None:
    told = [*range(10), *range(20, 30)]
    found = flagged(rows(told, [(step, RUNNING) for step in range(30)]), before=rows([-1], [(-1, RUNNING)]))
    assert found == [("oil_temp_degc", at(20))]


def test_while_the_machine_stands_its_sensors_may_be_silent() -> None:
    state = [(step, STANDING if 10 <= step < 20 else RUNNING) for step in range(30)]
    found = flagged(rows([*range(10), *range(20, 30)], state), before=rows([-1], [(-1, RUNNING)]))
    assert found == []


def test_a_silent_logger_is_a_gap_of_every_channel() -> None:
    told = [*range(10), *range(20, 30)]
    found = flagged(rows(told, [(step, RUNNING) for step in told]), before=rows([-1], [(-1, RUNNING)]))
    assert found == [("machine_state", at(20)), ("oil_temp_degc", at(20))]


def test_a_short_silence_is_none() -> None:
    told = [*range(10), *range(12, 20)]
    assert flagged(rows(told, [(s, RUNNING) for s in told]), before=rows([-1], [(-1, RUNNING)])) == []


def test_a_channel_that_was_not_there_before_comes_after_a_gap() -> None:
    state = [(step, RUNNING) for step in range(-20, 20)]
    before = rows([], [pair for pair in state if pair[0] < 0])
    assert flagged(rows(list(range(20)), state[20:]), before=before) == [("oil_temp_degc", at(0))]


@pytest.mark.parametrize("periods", [1, 5])
def test_the_plant_file_says_how_long_a_gap_is(periods: int) -> None:
    plant = Plant.model_validate(
        plant_dict(machine_classes={"press": {"channels": CHANNELS}}, cleaning={"gap_periods": periods})
    )
    told = [0, 1, 5, 6]
    found = flagged(series("STATE", [RUNNING] * 0) + rows([], [(s, RUNNING) for s in told]),
                    before=rows([], [(-1, RUNNING)]), plant=plant)  # fmt: skip
    assert found == ([("machine_state", at(5))] if periods == 1 else [])
