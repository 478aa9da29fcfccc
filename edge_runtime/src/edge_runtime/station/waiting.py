"""Waiting for the first of several connections, without telling the kernel each time anew which they are."""

from __future__ import annotations

import selectors
from time import monotonic_ns
from typing import Any

from edge_runtime.station.clock import NS_PER_S


class Waiter:
    """Does what `multiprocessing.connection.wait` does; cheaper where the connections are seldom others."""

    def __init__(self) -> None:
        self._awaited: list[Any] = []
        self._selector = selectors.DefaultSelector()

    def wait(self, awaited: list[Any], timeout_s: float, *, awake_until_ns: int = 0) -> list[Any]:
        """Those that are ready, or were closed by the other end; none after the timeout.

        Args:
            awaited: Connections.
            timeout_s: Wait for so long at most.
            awake_until_ns: Ask again and again until then, by the monotonic clock, before going to sleep.
        """
        # A closed connection leaves its number to the next one: that the objects are the same is what counts.
        if len(awaited) != len(self._awaited) or any(a is not b for a, b in zip(awaited, self._awaited, strict=True)):
            self._selector.close()
            self._selector = selectors.DefaultSelector()
            for connection in awaited:
                self._selector.register(connection, selectors.EVENT_READ)
            self._awaited = awaited
        now_ns = monotonic_ns()
        end_ns = now_ns + int(timeout_s * NS_PER_S)
        while now_ns < min(awake_until_ns, end_ns):
            ready = self._selector.select(0)
            if ready:
                return [key.fileobj for key, _ in ready]
            now_ns = monotonic_ns()
        return [key.fileobj for key, _ in self._selector.select(max(0.0, (end_ns - now_ns) / NS_PER_S))]

    def close(self) -> None:
        """Let go of the kernel's list."""
        self._selector.close()
