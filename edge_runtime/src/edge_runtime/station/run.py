"""The service: a station from its settings, until it is told to stop."""

from __future__ import annotations

import gc
import multiprocessing
import signal
import sys
from types import FrameType
from typing import Any

from edge_runtime.station.clock import NS_PER_S
from edge_runtime.station.config import StationConfig
from edge_runtime.station.event_writer import EventWriter
from edge_runtime.station.loop import Station
from edge_runtime.station.parts import Options, make_parts
from edge_runtime.station.service_notices import ServiceNotices
from edge_runtime.station.states import ABLE
from edge_runtime.station.status import status_of

LOOK_S = 0.5
READY_AFTER_S = 20.0
# Threads beside the loop must not hold the interpreter for its usual 5 ms.
SWITCH_S = 0.0005


def serve(config: StationConfig, *, parts: int | None = None, options: Options | None = None) -> dict[str, Any]:
    """Inspect until SIGTERM or SIGINT, or until so many verdicts were given.

    Returns:
        Counts of this run: `counts`, `failures`, `restarts`, `late_answers`.

    Raises:
        EdgeError: The station cannot start; see `make_parts`.
    """
    notices = ServiceNotices.of_environment()
    writer = EventWriter()
    sys.setswitchinterval(SWITCH_S)
    stop = _Stop()
    try:
        station = Station(make_parts(config, options or Options(tell=writer)))
        try:
            station.start()
            _loop(station, notices, stop, parts)
        finally:
            notices.stopping()
            station.close()
    finally:
        for child in multiprocessing.active_children():
            child.kill()
        writer.close()
        notices.close()
        stop.close()
        gc.enable()
    accounts = station.accounts
    return {
        "counts": dict(accounts.counts),
        "failures": dict(accounts.failures),
        "restarts": sum(status_of(station).restarts.values()),
        "late_answers": accounts.late_answers,
    }


def _loop(station: Station, notices: ServiceNotices, stop: _Stop, parts: int | None) -> None:
    gc.collect()
    gc.freeze()
    # Collected between parts instead; see `Station`.
    gc.disable()
    watch = _Watch(station, notices)
    while not stop.is_wanted and (parts is None or station.accounts.given < parts):
        station.run_once(LOOK_S)
        watch.look()


class _Watch:
    """Tells the service manager how the station is, now and then."""

    def __init__(self, station: Station, notices: ServiceNotices) -> None:
        self._station, self._notices = station, notices
        self._started_ns = station.ticked_ns
        self._told_ns = 0
        self._was_ready = False

    def look(self) -> None:
        """Once a second at most; looks at the last tick alone, so that a part does not pay for it."""
        now_ns, state = self._station.ticked_ns, self._station.states.state
        if now_ns - self._told_ns < NS_PER_S and (self._was_ready or state not in ABLE):
            return
        # A station without a release takes triggers all the same, and rejects the parts.
        if not self._was_ready and (state in ABLE or now_ns - self._started_ns > READY_AFTER_S * NS_PER_S):
            self._was_ready = True
            self._notices.ready(state)
        self._told_ns = now_ns
        self._notices.alive(state)


class _Stop:
    """SIGTERM and SIGINT end the loop after what it does now."""

    def __init__(self) -> None:
        self.is_wanted = False
        self._before = {number: signal.signal(number, self._asked) for number in (signal.SIGTERM, signal.SIGINT)}

    def close(self) -> None:
        """Leave the signals as they were."""
        for number, handler in self._before.items():
            signal.signal(number, handler)

    def _asked(self, number: int, frame: FrameType | None) -> None:
        self.is_wanted = True
