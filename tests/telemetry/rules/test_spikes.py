from __future__ import annotations

import numpy as np
import pytest

from tests.telemetry.judging import series, verdicts

RNG = np.random.default_rng(7)


def noisy(n: int, level: float = 140.0) -> list[float]:
    return [level + float(value) for value in RNG.normal(size=n)]


@pytest.mark.parametrize("height", [-25.0, 25.0])
def test_a_lone_reading_far_from_its_neighbours_is_a_spike(height: float) -> None:
    values = noisy(50)
    values[20] += height
    assert [n for n, verdict in enumerate(verdicts(series("OIL_TEMP", values))) if verdict == "spike"] == [20]


def test_a_lasting_step_is_none() -> None:
    assert set(verdicts(series("OIL_TEMP", [*noisy(30), *noisy(30, 200.0)]))) == {"accepted"}


def test_the_last_reading_of_a_day_may_be_the_first_of_a_step() -> None:
    assert verdicts(series("OIL_TEMP", [*noisy(30), 200.0]))[-1] == "accepted"


def test_the_first_reading_after_a_stop_is_compared_with_those_that_follow() -> None:
    warming = [180 - 40 * 0.85**n for n in range(20)]
    rows = series("OIL_TEMP", noisy(20)) + series("OIL_TEMP", [250.0, *warming[1:]], first=30)
    assert verdicts(rows)[20] == "spike"
    rows = series("OIL_TEMP", noisy(20)) + series("OIL_TEMP", warming, first=30)
    assert verdicts(rows)[20] == "accepted"


def test_few_readings_tell_no_noise() -> None:
    assert set(verdicts(series("OIL_TEMP", [140.0, 140.3, 190.0, 140.1, 140.2]))) == {"accepted"}


def test_the_channel_may_turn_the_rule_off() -> None:
    values = [8000 + value for value in noisy(40)]
    values[20] += 700
    setpoints = series("SPEED_SP", [8000.0] * 40)
    assert set(verdicts([*series("SPEED", values), *setpoints])) == {"accepted", "off_reference"}


def test_a_ramp_that_no_machine_can_run_is_too_fast() -> None:
    # 6,000 rpm an hour is 2,000 rpm in a sample period.
    values = [1000.0, 1000.0, 4000.0, 7000.0, 10000.0, 10000.0]
    found = verdicts(series("SPEED", values))
    assert [n for n, verdict in enumerate(found) if verdict == "too_fast"] == [2, 3]
    assert set(verdicts(series("SPEED", [1000.0, 1000.0, 9000.0, 9000.0]))) == {"accepted"}
