from __future__ import annotations

import numpy as np

from factory_assets.telemetry.rules.mistaken_units import cheapest_units
from tests.telemetry.judging import series, verdicts

RNG = np.random.default_rng(11)


def fahrenheit(degc: list[float]) -> list[float]:
    return [1.8 * value + 32 for value in degc]


def temperatures(n: int, level: float = 55.0) -> list[float]:
    return [level + 0.8 * float(value) for value in RNG.normal(size=n)]


def test_a_stretch_in_the_other_unit_is_set_aside_from_its_first_to_its_last_reading() -> None:
    true = temperatures(70)
    told = fahrenheit(true)
    told[20:50] = true[20:50]
    found = verdicts(series("OIL_TEMP", told))
    assert [n for n, verdict in enumerate(found) if verdict == "mistaken_unit"] == list(range(20, 50))


def test_readings_that_would_be_normal_in_both_units_go_with_their_neighbours() -> None:
    # 75 degC written in degC reads as 23.9: normal too. The cold end of the stretch gives the unit away.
    true = [*temperatures(20, 75.0), *temperatures(20, 75.0), *temperatures(20, 45.0), *temperatures(10, 45.0)]
    told = fahrenheit(true)
    told[20:60] = true[20:60]
    found = verdicts(series("OIL_TEMP", told))
    assert [n for n, verdict in enumerate(found) if verdict == "mistaken_unit"] == list(range(20, 60))


def test_a_cold_start_is_no_mistake() -> None:
    true = [18.0, 19.0, 24.0, 31.0, 38.0, 44.0, 48.0, *temperatures(30, 50.0)]
    assert set(verdicts(series("OIL_TEMP", fahrenheit(true)))) == {"accepted"}


def test_an_abnormal_reading_that_fits_no_better_in_the_other_unit_is_a_matter_for_other_rules() -> None:
    told = fahrenheit(temperatures(40))
    told[20] = 22.0
    assert verdicts(series("OIL_TEMP", told))[20] == "spike"


def test_the_cheapest_explanation_of_a_sequence() -> None:
    values = np.array([[50.0, 122.0], [51.0, 124.0], [10.0, 50.0], [10.5, 51.0], [50.0, 122.0]])
    units = cheapest_units(values, np.arange(5), (20.0, 120.0), 3)
    assert units.tolist() == [0, 0, 1, 1, 0]
