"""What the process that reads a PLC tells the station."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from edge_runtime.station.records import Trigger


@dataclass(frozen=True, slots=True)
class Seen:
    """A value of the trigger variable.

    Attributes:
        value: As text.
        source_utc: When the PLC took it, ISO 8601; empty where it does not say.
        is_flag: Whether it is a yes or no.
    """

    value: str
    source_utc: str
    is_flag: bool = False


@dataclass(frozen=True, slots=True)
class PlcMessage:
    """One message.

    Attributes:
        kind: `missed` means that parts may have gone by without a trigger.
        text: In words.
        trigger: Of a new part.
        seen: The newest value, which a process that is started again goes on from.
    """

    kind: Literal["connected", "lost", "missed", "trigger", "seen"]
    text: str = ""
    trigger: Trigger | None = None
    seen: Seen | None = None
