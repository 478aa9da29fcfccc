"""Changes as they are written at a terminal."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from factory_assets.planning.what_if.changes import (
    Change,
    ExtraDelivery,
    ExtraShift,
    LateDelivery,
    MaintenanceAt,
    NewDue,
    NoMaintenance,
    RushOrder,
    Stop,
    WithoutOrder,
)
from factory_assets.planning.what_if.errors import WhatIfError
from factory_assets.planning.what_if.texts import EXAMPLES, FORMS, changes_of
from tests.planning.what_if.bases import CLOCK


@pytest.mark.parametrize(
    ("option", "text", "change"),
    [
        ("--breakdown", "press-03@2026-10-05T10:00/PT6H", Stop("press-03", 240, 600)),
        ("--breakdown", "a@b@2026-10-05T10:00/2026-10-05T10:30", Stop("a@b", 240, 270)),
        ("--closed", "forming early@2026-10-05T08:00Z/P1D", Stop("forming early", 240, 1680)),
        ("--extra-shift", "press@2026-10-05T10:00/pt90m", ExtraShift("press", 240, 330)),
        ("--rush-order", "261005-03:0.5@2026-10-05T10:00,60", RushOrder("261005-03", 0.5, 240, 1.0)),
        ("--rush-order", "a:b:2@2026-10-05T10:00", RushOrder("a:b", 2.0, 240, None)),
        ("--without-order", "261005-03", WithoutOrder("261005-03")),
        ("--due", "261005-03@2026-10-05T10:00", NewDue("261005-03", 240)),
        ("--late-delivery", "steel sheet@+P2D", LateDelivery("steel sheet", 2880)),
        ("--extra-delivery", "steel:2.5@2026-10-05T10:00", ExtraDelivery("steel", 2.5, 240)),
        ("--maintenance", "press@2026-10-05T10:00", MaintenanceAt("press", 240)),
        ("--no-maintenance", "press", NoMaintenance("press")),
    ],
)
def test_what_is_written_is_understood(option: str, text: str, change: Change) -> None:
    assert changes_of({option: [text]}, CLOCK) == (change,)
    assert change.words(CLOCK)


def test_examples_are_as_they_should_be() -> None:
    assert len(changes_of({option: [text] for option, text in EXAMPLES.items()}, CLOCK)) == len(EXAMPLES)


@pytest.mark.parametrize(
    ("option", "text", "told"),
    [
        ("--breakdown", "press", "with an @ between"),
        ("--breakdown", "press@2026-10-05T10:00", "says no end"),
        ("--breakdown", "press@2026-10-05T10:00/PTX", "is no duration: write it like PT6H"),
        ("--breakdown", "press@2026-10-05T10:00/2026-10-05T09:00", "ends before it begins"),
        ("--breakdown", "press@ten/PT6H", "'ten' is no time"),
        ("--rush-order", "A@2026-10-05T10:00", "how many times as many"),
        ("--rush-order", "A:half@2026-10-05T10:00", "'half' is no factor"),
        ("--rush-order", "A:0@2026-10-05T10:00", "changes nothing"),
        ("--rush-order", "A:1@2026-10-05T10:00,-5", "'-5' is no cost"),
        ("--rush-order", "A:nan@2026-10-05T10:00", "is no factor"),
        ("--late-delivery", "steel@+P0D", "no later than it was"),
        ("--extra-delivery", "steel@2026-10-05T10:00", "does not say how much"),
    ],
)
def test_what_cannot_be_understood_is_told_with_the_form(option: str, text: str, told: str) -> None:
    with pytest.raises(WhatIfError, match=told) as caught:
        changes_of({option: [text]}, CLOCK)
    assert FORMS[option] in str(caught.value)
    assert text in str(caught.value)


def test_maintenance_of_a_machine_is_at_one_time_or_none() -> None:
    with pytest.raises(WhatIfError, match="press is asked for twice"):
        changes_of({"--maintenance": ["press@2026-10-05T10:00"], "--no-maintenance": ["press"]}, CLOCK)


@given(st.sampled_from(sorted(FORMS)), st.text(max_size=40))
def test_any_text_is_understood_or_refused(option: str, text: str) -> None:
    try:
        changes_of({option: [text]}, CLOCK)
    except WhatIfError as error:
        assert option in str(error)
