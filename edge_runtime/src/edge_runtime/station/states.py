"""The states of a station and its events, in the manner of OPC 40100-1 (Machine Vision, part 1).

`Initialized`, `Ready`, `SingleExecution` and `ContinuousExecution` are the substates of `Operational`. The recipe of
that standard is here the release: without a verified engine nothing is ready.
"""

from __future__ import annotations

import datetime as dt
from collections import deque
from collections.abc import Callable, Mapping
from time import time_ns
from typing import Any, Literal, NamedTuple

from transitions import Machine

from edge_runtime.station.clock import NS_PER_S

State = Literal["Preoperational", "Halted", "Error", "Initialized", "Ready", "SingleExecution", "ContinuousExecution"]
STATES: tuple[State, ...] = (
    "Preoperational",
    "Halted",
    "Error",
    "Initialized",
    "Ready",
    "SingleExecution",
    "ContinuousExecution",
)
OPERATIONAL: tuple[State, ...] = ("Initialized", "Ready", "SingleExecution", "ContinuousExecution")
# A trigger now would be judged.
ABLE: tuple[State, ...] = ("Ready", "SingleExecution", "ContinuousExecution")
# (what happens, from, to)
TRANSITIONS: tuple[tuple[str, State, State], ...] = (
    ("power_up", "Preoperational", "Initialized"),
    ("prepare", "Initialized", "Ready"),
    ("unprepare", "Ready", "Initialized"),
    ("unprepare", "SingleExecution", "Initialized"),
    ("unprepare", "ContinuousExecution", "Initialized"),
    ("start_single", "Ready", "SingleExecution"),
    ("job_done", "SingleExecution", "Ready"),
    ("start_continuous", "Ready", "ContinuousExecution"),
    ("stop", "ContinuousExecution", "Ready"),
    *(("fail", state, "Error") for state in ("Preoperational", *OPERATIONAL)),  # type: ignore[misc]
    ("resolve", "Error", "Initialized"),
    *(("halt", state, "Halted") for state in ("Preoperational", "Error", *OPERATIONAL)),  # type: ignore[misc]
    ("reset", "Halted", "Preoperational"),
)
EventKind = Literal[
    "StateChanged", "ErrorEvent", "AcquisitionDone", "ResultReady", "RecipePrepared", "ReleaseChanged", "PageServed"
]
# One or more of these a part: kept for the page and tests, but not written out.
EVERY_PART: frozenset[EventKind] = frozenset({"AcquisitionDone", "ResultReady"})
EVENTS_KEPT = 500


class Event(NamedTuple):
    """Something that happened.

    Attributes:
        kind: As OPC 40100-1 calls it, `RecipePrepared` for a release that is ready; and two of our own.
        at_ns: When, since 1970.
        values: Such as `from`, `to`, `code`, `text`, `sequence`.
    """

    kind: EventKind
    at_ns: int
    values: Mapping[str, Any]

    def as_json(self) -> dict[str, Any]:
        """Plain JSON values, on one level."""
        at_utc = dt.datetime.fromtimestamp(self.at_ns / NS_PER_S, dt.timezone.utc).isoformat(timespec="microseconds")
        return {"event": self.kind, "at_utc": at_utc, **self.values}


class EventLog:
    """The newest events; each is also told to whoever writes them out.

    Args:
        tell: Must not block; `None` tells nobody.
    """

    def __init__(self, tell: Callable[[Event], None] | None = None) -> None:
        self.events: deque[Event] = deque(maxlen=EVENTS_KEPT)
        self._tell = tell

    def add(self, kind: EventKind, *, is_told: bool = True, **values: Any) -> None:
        """Note an event."""
        event = Event(kind, time_ns(), values)
        self.events.append(event)
        if is_told and self._tell is not None and kind not in EVERY_PART:
            self._tell(event)

    def fault(self, code: str, text: str) -> None:
        """Note an error."""
        self.add("ErrorEvent", code=code, text=text)


class StateMachine:
    """Goes from state to state along `TRANSITIONS`, and notes every change.

    Args:
        log: Where changes are noted.
    """

    def __init__(self, log: EventLog) -> None:
        self.state: State = "Preoperational"
        self._log = log
        self._machine = Machine(
            self,
            states=list(STATES),
            transitions=[{"trigger": name, "source": source, "dest": to} for name, source, to in TRANSITIONS],
            initial="Preoperational",
            auto_transitions=False,
            send_event=True,
            after_state_change=self._changed,
        )

    def go_to(self, target: State) -> None:
        """Reach a state by the shortest way that the table knows."""
        while self.state != target:
            self.trigger(_WAYS[self.state, target])  # type: ignore[attr-defined]

    def _changed(self, event: Any) -> None:
        source, to = event.transition.source, event.transition.dest
        # Single execution begins and ends with every part.
        is_told = "SingleExecution" not in (source, to) or to in ("Error", "Halted", "Initialized")
        self._log.add("StateChanged", is_told=is_told, **{"from": source, "to": to, "by": event.event.name})


def _next_steps() -> dict[tuple[State, State], str]:
    """The first event on the shortest way from each state to each other."""
    ways: dict[tuple[State, State], str] = {}
    for start in STATES:
        reached: set[State] = {start}
        edge: list[tuple[State, str | None]] = [(start, None)]
        while edge:
            following: list[tuple[State, str | None]] = []
            for state, first in edge:
                for name, source, to in TRANSITIONS:
                    if source == state and to not in reached:
                        reached.add(to)
                        ways[start, to] = first or name
                        following.append((to, first or name))
            edge = following
    return ways


_WAYS = _next_steps()
