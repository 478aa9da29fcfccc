"""Waiting for the first of several connections, without telling the kernel each time anew which they are."""

from __future__ import annotations

import selectors
from typing import Any


class Waiter:
    """Does what `multiprocessing.connection.wait` does; cheaper where the connections are seldom others."""

    def __init__(self) -> None:
        self._awaited: list[Any] = []
        self._selector = selectors.DefaultSelector()

    def wait(self, awaited: list[Any], timeout_s: float) -> list[Any]:
        """Those that are ready, or were closed by the other end; none after the timeout."""
        # A closed connection leaves its number to the next one: that the objects are the same is what counts.
        if len(awaited) != len(self._awaited) or any(a is not b for a, b in zip(awaited, self._awaited, strict=True)):
            self._selector.close()
            self._selector = selectors.DefaultSelector()
            for connection in awaited:
                self._selector.register(connection, selectors.EVENT_READ)
            self._awaited = awaited
        return [key.fileobj for key, _ in self._selector.select(timeout_s)]

    def close(self) -> None:
        """Let go of the kernel's list."""
        self._selector.close()
