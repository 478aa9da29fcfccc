"""A finding of the doctor: what is wrong, where in the plant file, and how to mend it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Literal

from factory_assets.foundation.plant import Plant

Level = Literal["ok", "warning", "problem"]
Field = tuple[str | int, ...]
SHOWN = 6


@dataclass(frozen=True)
class Finding:
    """One thing that was looked at.

    Attributes:
        level: `problem`: the plant cannot run, or loses data; `warning`: a person should look; `ok`.
        field: Keys and positions in the plant file, from the top; empty where it is not about a field.
        message: What was found, in plain words.
        mend: What to do; empty where nothing is to be done.
        line: The field's line in the plant file, from 1.
    """

    level: Level
    field: Field
    message: str
    mend: str = ""
    line: int | None = None

    def at(self, line: int | None) -> Finding:
        """The same, with its line."""
        return replace(self, line=line)


def channel_field(plant: Plant, fleet: str, name: str, key: str | None = None) -> Field:
    """Where a channel (or a key of it) stands in the plant file."""
    machine_class = plant.fleet(fleet).machine_class
    names = [channel.name for channel in plant.machine_classes[machine_class].channels]
    place: Field = ("machine_classes", machine_class, "channels", names.index(name))
    return place if key is None else (*place, key)


def fleet_field(plant: Plant, fleet: str, *keys: str) -> Field:
    """Where a fleet (or a key of it) stands in the plant file."""
    return ("fleets", plant.fleet_names.index(fleet), *keys)


def some(names: Sequence[object]) -> str:
    """The first of a list of names, and how many more there are."""
    shown = ", ".join(map(str, names[:SHOWN]))
    return shown if len(names) <= SHOWN else f"{shown} and {len(names) - SHOWN} more"
