"""What the station knows of triggers, whatever they come from."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from edge_runtime.station.config import FreeRun, SoftwareTrigger, TriggerSettings
from edge_runtime.station.records import Health, Trigger, VerdictRecord

SOCKET = "trigger.sock"
LONGEST_ID = 200


def nobody_waits(record: VerdictRecord) -> None:
    """The reply of a trigger whose verdict nobody waits for."""


@dataclass(frozen=True)
class TriggerRequest:
    """A trigger and who waits for its verdict.

    Attributes:
        trigger: What asks.
        reply: Call it with the verdict, from the thread that took the request; it never blocks and never raises.
    """

    trigger: Trigger
    reply: Callable[[VerdictRecord], None] = nobody_waits


class TriggerInput(Protocol):
    """Where triggers come from. One thread uses it, and nothing here blocks."""

    def connections(self) -> list[Any]:
        """What to wait for with `multiprocessing.connection.wait`; ask again before every wait."""

    def take(self) -> list[TriggerRequest]:
        """The triggers that came; call it when one of the connections is ready."""

    def take_events(self) -> list[str]:
        """What a person should know, such as triggers that may have been missed; each is told once."""

    def health(self) -> Health:
        """Whether triggers can come."""

    def close(self) -> None:
        """Let go of everything."""


class FreeRunInput:
    """Free-run: frames are triggers themselves, so none come from elsewhere."""

    def connections(self) -> list[Any]:
        """None."""
        return []

    def take(self) -> list[TriggerRequest]:
        """None."""
        return []

    def take_events(self) -> list[str]:
        """None."""
        return []

    def health(self) -> Health:
        """Always good."""
        return Health("triggers", "ok", "every frame is a part")

    def close(self) -> None:
        """Nothing is open."""


def open_triggers(settings: TriggerSettings, state: Path) -> TriggerInput:
    """Where the triggers of a station come from.

    Args:
        settings: Of the station.
        state: The station's folder; the socket of software triggers lies there if the settings name none.

    Raises:
        InputError: The socket is in use or cannot be made, or a library that is needed is not installed.
    """
    if isinstance(settings, FreeRun):
        return FreeRunInput()
    if isinstance(settings, SoftwareTrigger):
        from edge_runtime.station.triggers.unix_socket import SocketTriggers

        return SocketTriggers(settings.socket or state / SOCKET)
    from edge_runtime.station.triggers.plc import PlcTriggers

    return PlcTriggers(settings)
