from __future__ import annotations

from tests.telemetry.judging import at, series, verdicts


def test_a_reading_too_far_above_or_below_its_reference_is_set_aside() -> None:
    measured = [8000.0, 8390.0, 8410.0, 7210.0, 7190.0, 8000.0]
    found = verdicts([*series("SPEED", measured), *series("SPEED_SP", [8000.0] * 6)])
    # The first change of the setpoint that the block sees is its first reading: half an hour settles it.
    assert found[:6] == ["accepted", "accepted", "off_reference", "accepted", "off_reference", "accepted"]


def test_after_a_change_of_the_reference_the_sensor_may_settle() -> None:
    setpoints = [8000.0] * 4 + [12000.0] * 4
    measured = [8000.0] * 4 + [8000.0, 9000.0, 9000.0, 12000.0]
    found = verdicts([*series("SPEED", measured), *series("SPEED_SP", setpoints)])
    assert found[:8] == ["accepted"] * 6 + ["off_reference", "accepted"]


def test_without_a_fresh_reference_nothing_is_said() -> None:
    rows = [*series("SPEED_SP", [8000.0]), ("north-1", "SPEED", at(20), 3000.0, 192, "a")]
    assert set(verdicts(rows)) == {"accepted"}
    assert set(verdicts(series("SPEED", [3000.0] * 3))) == {"accepted"}


def test_another_units_reference_does_not_count() -> None:
    rows = [*series("SPEED_SP", [8000.0] * 6, unit="north-2"), *series("SPEED", [3000.0] * 6)]
    assert set(verdicts(rows)) == {"accepted"}
