"""Triggers of a PLC: a side process reads it, so that neither its connection nor its library holds up a verdict."""

from __future__ import annotations

import importlib.util
from time import monotonic_ns
from typing import Any

from edge_runtime.errors import InputError
from edge_runtime.station.children import Child, Restarts
from edge_runtime.station.config import PlcTrigger
from edge_runtime.station.records import Health
from edge_runtime.station.triggers.base import TriggerRequest
from edge_runtime.station.triggers.plc_messages import PlcMessage, Seen
from edge_runtime.station.triggers.plc_reader import run_plc


class PlcTriggers:
    """The triggers of one variable of a PLC.

    Args:
        settings: What is read.

    Raises:
        InputError: asyncua is not installed.
    """

    def __init__(self, settings: PlcTrigger) -> None:
        if importlib.util.find_spec("asyncua") is None:
            raise InputError("triggers of a PLC need asyncua", "pip install 'factory-edge[plc]'")
        self._settings = settings
        self._child: Child | None = None
        self._restarts, self._next_start_ns = Restarts(), 0
        self._seen: Seen | None = None
        self._events: list[str] = []
        self._health = Health("triggers", "warning", f"connecting to {settings.endpoint}")
        self._start()

    @property
    def pid(self) -> int | None:
        """Of the process that reads, if there is one."""
        return self._child.pid if self._child else None

    def connections(self) -> list[Any]:
        """The pipe of the process that reads; it is started again here if it is gone."""
        if self._child is None and monotonic_ns() >= self._next_start_ns:
            self._start()
        return [] if self._child is None else [self._child.connection]

    def take(self) -> list[TriggerRequest]:
        """The triggers that came."""
        requests = []
        while self._child is not None and self._child.connection.poll(0):
            try:
                message: PlcMessage = self._child.receive()
            except EOFError:
                self._gone(self._child)
                break
            request = self._taken(message)
            if request is not None:
                requests.append(request)
        return requests

    def take_events(self) -> list[str]:
        """Connections lost and made, and triggers that may have been missed."""
        events, self._events = self._events, []
        return events

    def health(self) -> Health:
        """Whether the variable can be read; a warning if triggers may have been missed, until the next."""
        return self._health

    def close(self) -> None:
        """End the process that reads."""
        if self._child is not None:
            self._child.close(0.5)
            self._child = None

    def _start(self) -> None:
        self._restarts.started(monotonic_ns())
        self._child = Child("plc", run_plc, (self._settings, self._seen))

    def _gone(self, child: Child) -> None:
        child.kill()
        self._child = None
        self._next_start_ns = self._restarts.next_start_ns(monotonic_ns())
        self._tell("failed", f"the process that reads the PLC is gone ({child.ending()})")

    def _taken(self, message: PlcMessage) -> TriggerRequest | None:
        if message.seen is not None:
            self._seen = message.seen
        if message.kind == "connected":
            self._restarts.was_good()
            self._tell("ok", message.text)
        elif message.kind == "lost":
            self._tell("failed", message.text)
        elif message.kind == "missed":
            self._tell("warning", message.text)
        elif message.trigger is not None:
            if self._health.state != "ok":
                self._health = Health("triggers", "ok", f"triggers come from {self._settings.endpoint}")
            return TriggerRequest(message.trigger)
        return None

    def _tell(self, state: Any, text: str) -> None:
        if text != self._health.text:
            self._events.append(text)
        self._health = Health("triggers", state, text)
