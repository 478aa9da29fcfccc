from __future__ import annotations

import numpy as np

from tests.telemetry.judging import series, verdicts

RNG = np.random.default_rng(5)


def alive(n: int) -> list[float]:
    return [round(140 + 2 * float(value), 1) for value in RNG.normal(size=n)]


def test_a_sensor_that_shows_one_value_for_two_hours_is_stuck_since_its_last_measurement() -> None:
    found = verdicts(series("OIL_TEMP", [*alive(10), 151.3, *[151.3] * 9, *alive(10)]))
    assert [n for n, verdict in enumerate(found) if verdict == "stuck"] == list(range(11, 20))


def test_a_value_repeated_for_less_is_chance() -> None:
    assert "stuck" not in verdicts(series("OIL_TEMP", [*alive(10), *[151.3] * 5, *alive(10)]))


def test_a_setting_may_stand_still() -> None:
    assert set(verdicts(series("SPEED_SP", [8000.0] * 60))) == {"accepted"}


def test_a_silence_ends_a_run() -> None:
    rows = series("OIL_TEMP", [151.3] * 4) + series("OIL_TEMP", [151.3] * 4, first=10)
    assert set(verdicts(rows)) == {"accepted"}


def test_a_sensor_that_stuck_before_midnight_is_stuck_from_the_first_reading() -> None:
    before = series("OIL_TEMP", [151.3] * 8, first=-8)
    assert verdicts(series("OIL_TEMP", [151.3, 151.3, 140.0]), before=before) == ["stuck", "stuck", "accepted"]
