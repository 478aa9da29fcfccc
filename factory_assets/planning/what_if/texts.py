"""Changes as a planner writes them at a terminal."""

from __future__ import annotations

import datetime as dt
import math
from collections.abc import Callable, Iterable, Mapping

from pydantic import TypeAdapter, ValidationError

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
from factory_assets.planning.what_if.clock import MINUTE, PlantClock
from factory_assets.planning.what_if.errors import WhatIfError

DURATION: TypeAdapter[dt.timedelta] = TypeAdapter(dt.timedelta)
# What is written after each option.
FORMS = {
    "--breakdown": "MACHINE@FROM/TO",
    "--closed": "MACHINE-OR-OPERATOR@FROM/TO",
    "--extra-shift": "MACHINE-OR-OPERATOR@FROM/TO",
    "--rush-order": "LIKE_ORDER:FACTOR@DUE[,COST_PER_H]",
    "--without-order": "ORDER",
    "--due": "ORDER@TIME",
    "--late-delivery": "MATERIAL@+DURATION",
    "--extra-delivery": "MATERIAL:QUANTITY@TIME",
    "--maintenance": "MACHINE@TIME",
    "--no-maintenance": "MACHINE",
}
EXAMPLES = {
    "--breakdown": "press-03@2026-11-26T10:00/PT6H",
    "--closed": "press-03@2026-11-26T10:00/2026-11-26T16:00",
    "--extra-shift": "press-03@2026-11-28T06:00/PT8H",
    "--rush-order": "261126-03:0.5@2026-11-27T14:00,80",
    "--due": "261126-03@2026-11-27T14:00",
    "--late-delivery": "steel@+P2D",
    "--extra-delivery": "steel:500@2026-11-27T12:00",
    "--maintenance": "press-03@2026-11-26T22:00",
}


def changes_of(written: Mapping[str, Iterable[str]], clock: PlantClock) -> tuple[Change, ...]:
    """All changes that were asked for, in the order of the options.

    Args:
        written: By option, what was written after it.
        clock: Of the problem.

    Raises:
        WhatIfError: Something is not written as it should be; says how.
    """
    changes = tuple(_change(option, text, clock) for option in FORMS for text in written.get(option, ()))
    placed = [one.machine for one in changes if isinstance(one, MaintenanceAt)]
    machines = placed + [one.machine for one in changes if isinstance(one, NoMaintenance)]
    twice = next((machine for machine in machines if machines.count(machine) > 1), None)
    if twice is not None:
        msg = f"maintenance of {twice} is asked for twice: say one time, or none"
        raise WhatIfError(msg)
    return changes


def _change(option: str, text: str, clock: PlantClock) -> Change:
    ways: dict[str, Callable[[], Change]] = {
        "--breakdown": lambda: Stop(*_interval(text, clock)),
        "--closed": lambda: Stop(*_interval(text, clock)),
        "--extra-shift": lambda: ExtraShift(*_interval(text, clock)),
        "--rush-order": lambda: _rush_order(text, clock),
        "--without-order": lambda: WithoutOrder(text.strip()),
        "--due": lambda: NewDue(*_name_and_time(text, clock)),
        "--late-delivery": lambda: _late_delivery(text),
        "--extra-delivery": lambda: _extra_delivery(text, clock),
        "--maintenance": lambda: MaintenanceAt(*_name_and_time(text, clock)),
        "--no-maintenance": lambda: NoMaintenance(text.strip()),
    }
    try:
        return ways[option]()
    except WhatIfError as error:
        example = f", for example {option} {EXAMPLES[option]}" if option in EXAMPLES else ""
        msg = f"{option} {text}: {error}; the form is {option} {FORMS[option]}{example}"
        raise WhatIfError(msg) from error


def _name_and_rest(text: str) -> tuple[str, str]:
    name, at, rest = text.rpartition("@")
    if not at or not name.strip() or not rest.strip():
        msg = "it has no name and time with an @ between them"
        raise WhatIfError(msg)
    return name.strip(), rest.strip()


def _name_and_time(text: str, clock: PlantClock) -> tuple[str, int]:
    name, rest = _name_and_rest(text)
    return name, clock.minute(rest)


def _interval(text: str, clock: PlantClock) -> tuple[str, int, int]:
    name, rest = _name_and_rest(text)
    begins, slash, ends = rest.partition("/")
    if not slash:
        msg = "it says no end: write FROM/TO, or FROM/DURATION such as /PT6H"
        raise WhatIfError(msg)
    begin = clock.minute(begins)
    end = begin + _minutes(ends) if ends.strip().upper().startswith("P") else clock.minute(ends)
    if end <= begin:
        msg = "it ends before it begins"
        raise WhatIfError(msg)
    return name, begin, end


def _minutes(text: str) -> int:
    """An ISO 8601 duration; without days of a year or month, which have no length of their own."""
    try:
        duration = DURATION.validate_python(text.strip().upper())
    except ValidationError as error:
        msg = f"{text!r} is no duration: write it like PT6H, PT90M or P2D"
        raise WhatIfError(msg) from error
    return math.ceil(duration / MINUTE)


def _late_delivery(text: str) -> LateDelivery:
    name, rest = _name_and_rest(text)
    minutes = _minutes(rest.removeprefix("+"))
    if minutes <= 0:
        msg = "it is no later than it was"
        raise WhatIfError(msg)
    return LateDelivery(name, minutes)


def _extra_delivery(text: str, clock: PlantClock) -> ExtraDelivery:
    what, at = _name_and_rest(text)
    material, colon, quantity = what.rpartition(":")
    if not colon:
        msg = "it does not say how much: write it after a colon"
        raise WhatIfError(msg)
    return ExtraDelivery(material, _positive(quantity, "quantity"), clock.minute(at))


def _rush_order(text: str, clock: PlantClock) -> RushOrder:
    what, rest = _name_and_rest(text)
    like, colon, factor = what.rpartition(":")
    due, comma, cost = rest.partition(",")
    if not colon:
        msg = "it does not say how many times as many pieces: write :1 for as many"
        raise WhatIfError(msg)
    per_min = _number(cost, "cost of an hour late") / 60 if comma else None
    return RushOrder(like, _positive(factor, "factor"), clock.minute(due), per_min)


def _positive(text: str, what: str) -> float:
    number = _number(text, what)
    if not number:
        msg = f"a {what} of 0 changes nothing"
        raise WhatIfError(msg)
    return number


def _number(text: str, what: str) -> float:
    """A number that is 0 or more."""
    try:
        number = float(text)
    except ValueError:
        number = math.nan
    if not 0 <= number < math.inf:
        msg = f"{text!r} is no {what}: give a number such as 0.5 or 80"
        raise WhatIfError(msg)
    return number
