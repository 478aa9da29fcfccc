"""Free-run: a frame is a trigger. What the source cannot name is named here, never twice."""

from __future__ import annotations

import datetime as dt
import secrets

from edge_runtime.station.clock import utc_now
from edge_runtime.station.records import Trigger


class FrameTriggers:
    """Makes triggers of frames.

    Parts without a name become `<station>-<start of the service>-<number>`. The start carries four random characters:
    the clock may be set back between two starts.

    Args:
        station: Name of the station.
    """

    def __init__(self, station: str) -> None:
        started = dt.datetime.now(dt.timezone.utc).strftime("%Y%m%dT%H%M%S")
        self._prefix = f"{station}-{started}{secrets.token_hex(2)}"
        self._number = 0

    def trigger(self, part_id: str | None, trigger_id: str | None) -> Trigger:
        """The trigger of a frame, or of a part whose frame is unreadable.

        Args:
            part_id: Of the frame; None where the source does not know.
            trigger_id: Of the frame; None where frames have no name.
        """
        self._number += 1
        name = f"{self._prefix}-{self._number}"
        return Trigger(trigger_id or name, part_id or name, "free_run", utc_now())
