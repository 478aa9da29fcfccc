"""Two clocks: deadlines are kept by the monotonic one, people are told the other."""

from __future__ import annotations

import datetime as dt

NS_PER_MS = 1_000_000
NS_PER_S = 1_000_000_000


def utc_now() -> str:
    """ISO 8601 in UTC with microseconds."""
    return dt.datetime.now(dt.timezone.utc).isoformat(timespec="microseconds")
