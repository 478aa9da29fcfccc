"""How long a call takes on one core: CPU time and wall time, in rounds.

Nothing is imported here but the standard library: a peer's interpreter, which knows nothing of this project, times its
calls with this very file.
"""

from __future__ import annotations

import os
import statistics
import time
from collections.abc import Callable, Mapping
from typing import Any

Call = Callable[[], Any]
SETTLING, SETTLING_S, ROUND_S = 10, 0.5, 1.0


def stay_on_one_core() -> int | None:
    """Keep this process, and threads that it starts, on the last core that it may use; None if none can be chosen."""
    if not hasattr(os, "sched_setaffinity"):
        return None
    core = max(os.sched_getaffinity(0))
    os.sched_setaffinity(0, {core})
    return core


def timed(calls: Mapping[str, Call], *, count: int, rounds: int) -> dict[str, dict[str, list[float]]]:
    """Time calls side by side: in every round each of them has its turn, so that a busy minute harms all alike.

    Args:
        calls: By name; each is called some times first.
        count: Calls of a round; fewer where a round would take more than a second of CPU time.
        rounds: Of them all.

    Returns:
        By name: `cpu_ms`, the CPU time of a call, once a round (that of all threads of the process); `wall_ms`, every
        call's wall time.
    """
    found: dict[str, dict[str, list[float]]] = {name: {"cpu_ms": [], "wall_ms": []} for name in calls}
    counts = {name: _settled(call, count) for name, call in calls.items()}
    for _ in range(rounds):
        for name, call in calls.items():
            began, walls = time.process_time(), []
            for _ in range(counts[name]):
                before = time.perf_counter()
                call()
                walls.append(1000 * (time.perf_counter() - before))
            found[name]["cpu_ms"].append(1000 * (time.process_time() - began) / counts[name])
            found[name]["wall_ms"] += walls
    return found


def _settled(call: Call, count: int) -> int:
    """Call until caches and clocks have settled; returns how many calls a round shall have."""
    call()
    began, done = time.process_time(), 0
    while done < min(SETTLING, count) and time.process_time() - began < SETTLING_S:
        call()
        done += 1
    one = max((time.process_time() - began) / done, 1e-9)
    return max(1, min(count, int(ROUND_S / one)))


def middle(values: list[float]) -> float:
    """The median."""
    return statistics.median(values)


def quantile(values: list[float], share: float) -> float:
    """The value that this share of all lies at or below."""
    return sorted(values)[min(len(values) - 1, int(share * len(values)))]
