"""Clock times of the plant as minutes, and back."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from factory_assets.planning.what_if.clock import PlantClock
from factory_assets.planning.what_if.errors import WhatIfError
from tests.planning.shop_made import START

CLOCK = PlantClock(START, "Europe/Berlin")  # minute 0 is 6 o'clock


@pytest.mark.parametrize(
    ("text", "minute"),
    [
        ("2026-10-05T07:30", 90),
        ("2026-10-05 07:30", 90),
        ("2026-10-05T07:30Z", 210),
        ("2026-10-05T07:30+02:00", 90),
        ("2026-10-05T05:59", -1),
        ("2026-10-26T06:00", 21 * 1440 + 60),
    ],
)
def test_a_time_without_a_zone_is_the_plants(text: str, minute: int) -> None:
    assert CLOCK.minute(text) == minute


@given(st.integers(-2000, 60000))
def test_a_minute_said_with_its_zone_is_the_same_minute(minute: int) -> None:
    assert CLOCK.minute(CLOCK.moment(minute).isoformat()) == minute


def test_words_are_in_the_plants_zone() -> None:
    assert CLOCK.words(0) == "Mon 5 Oct 06:00"


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("tomorrow", "is no time: write it like 2026-10-05T06:00"),
        ("2026-10-25T02:30", "comes twice in Europe/Berlin.*say 2026-10-25T02:30.02:00 or 2026-10-25T02:30.01:00"),
        ("2027-03-28T02:30", "does not exist in Europe/Berlin"),
    ],
)
def test_what_is_no_single_moment_is_refused(text: str, told: str) -> None:
    with pytest.raises(WhatIfError, match=told):
        CLOCK.minute(text)
