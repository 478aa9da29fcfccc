"""Clock times of the plant as minutes of a problem, and back."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from functools import cached_property
from zoneinfo import ZoneInfo

from factory_assets.planning.what_if.errors import WhatIfError

MINUTE = dt.timedelta(minutes=1)


@dataclass(frozen=True)
class PlantClock:
    """Turns minutes into clock times of the plant, and times as a person writes them into minutes.

    Attributes:
        start_utc: What minute 0 is.
        time_zone: IANA name of the plant's zone; holds for times that name none.
    """

    start_utc: dt.datetime
    time_zone: str = "UTC"

    @cached_property
    def zone(self) -> ZoneInfo:
        """The plant's zone."""
        return ZoneInfo(self.time_zone)

    def moment(self, minute: int) -> dt.datetime:
        """A minute as a time of the plant, aware."""
        return (self.start_utc.astimezone(dt.UTC) + minute * MINUTE).astimezone(self.zone)

    def words(self, minute: int) -> str:
        """A minute as a planner says it: Thu 26 Nov 10:00."""
        moment = self.moment(minute)
        return f"{moment:%a} {moment.day} {moment:%b %H:%M}"

    def minute_of(self, moment: dt.datetime) -> int:
        """The whole minute in which an aware moment lies."""
        return (moment - self.start_utc) // MINUTE

    def minute(self, text: str) -> int:
        """A written time, `2026-11-26T10:00`, in the plant's zone unless it names another.

        Raises:
            WhatIfError: It is none, or the clocks of the plant do not show it exactly once.
        """
        try:
            moment = dt.datetime.fromisoformat(text.strip())
        except ValueError as error:
            msg = f"{text!r} is no time: write it like {self.moment(0):%Y-%m-%dT%H:%M} ({self.time_zone})"
            raise WhatIfError(msg) from error
        return self.minute_of(moment if moment.tzinfo is not None else self._local(moment))

    def _local(self, moment: dt.datetime) -> dt.datetime:
        first, second = (moment.replace(tzinfo=self.zone, fold=fold) for fold in (0, 1))
        if first.utcoffset() == second.utcoffset():
            return first
        if first.astimezone(dt.UTC).astimezone(self.zone).replace(tzinfo=None) != moment:
            msg = f"{moment:%Y-%m-%dT%H:%M} does not exist in {self.time_zone}: the clocks are put forward then"
        else:
            offsets = " or ".join(one.isoformat(timespec="minutes") for one in (first, second))
            msg = (
                f"{moment:%Y-%m-%dT%H:%M} comes twice in {self.time_zone}, when the clocks are put back: say {offsets}"
            )
        raise WhatIfError(msg)
