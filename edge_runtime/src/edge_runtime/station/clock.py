"""Two clocks: deadlines are kept by the monotonic one, people are told the other."""

from __future__ import annotations

import datetime as dt
from functools import lru_cache
from time import time_ns

NS_PER_MS = 1_000_000
NS_PER_S = 1_000_000_000
NS_PER_US = 1_000


def utc_now() -> str:
    """ISO 8601 in UTC with microseconds."""
    second, rest_ns = divmod(time_ns(), NS_PER_S)
    return f"{_to_the_second(second)}.{rest_ns // NS_PER_US:06d}+00:00"


@lru_cache(maxsize=2)
def _to_the_second(second: int) -> str:
    return dt.datetime.fromtimestamp(second, dt.timezone.utc).isoformat()[:19]
