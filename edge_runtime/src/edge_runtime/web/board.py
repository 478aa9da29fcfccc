"""The newest that the station said, and how long ago it said so."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable
from threading import Lock

from edge_runtime.station.records import LivePicture, StationStatus

# The station speaks a few times a second; after so long what it said last is no longer true.
FRESH_S = 2.0
# A reader that was told of a picture finds it here, though newer ones came since.
KEPT_PICTURES = 4


class StatusBoard:
    """Holds the newest status and pictures; one thread writes, many read.

    Args:
        fresh_s: A status older than this is stale.
        clock: Seconds that only go forward.
    """

    def __init__(self, *, fresh_s: float = FRESH_S, clock: Callable[[], float] = time.monotonic) -> None:
        self.fresh_s = fresh_s
        self._clock = clock
        self._lock = Lock()
        self._status: StationStatus | None = None
        self._received_s = 0.0
        self._pictures: deque[LivePicture] = deque(maxlen=KEPT_PICTURES)

    def show(self, news: StationStatus | LivePicture) -> None:
        """Take what the station sent."""
        with self._lock:
            if isinstance(news, LivePicture):
                self._pictures.append(news)
            else:
                self._status, self._received_s = news, self._clock()

    @property
    def status(self) -> StationStatus | None:
        """The newest status; None before the first one."""
        with self._lock:
            return self._status

    @property
    def age_s(self) -> float | None:
        """Seconds since the newest status came in; None before the first one."""
        with self._lock:
            return None if self._status is None else self._clock() - self._received_s

    @property
    def is_fresh(self) -> bool:
        """Whether the newest status can still be taken for the truth."""
        age_s = self.age_s
        return age_s is not None and age_s <= self.fresh_s

    def picture(self, sequence: int | None = None) -> LivePicture | None:
        """The newest picture, or that of a verdict; None if it is not held."""
        with self._lock:
            for picture in reversed(self._pictures):
                if sequence is None or picture.record.sequence == sequence:
                    return picture
        return None

    def why_not_ready(self) -> str | None:
        """Why a trigger now would not be judged, in words; None if it would."""
        status, age_s = self.status, self.age_s
        if status is None or age_s is None:
            return "the station has not said anything yet"
        if age_s > self.fresh_s:
            return f"the station has said nothing for {age_s:.1f} s"
        if status.is_ready:
            return None
        failed = [f"{part.name}: {part.text}" for part in status.health if part.state == "failed"]
        return "; ".join([f"state {status.state}", *failed])
