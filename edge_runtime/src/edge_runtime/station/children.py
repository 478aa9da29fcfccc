"""Side processes of a station: started by spawn, killed when they hang, and never outliving it."""

from __future__ import annotations

import contextlib
import ctypes
import multiprocessing
import os
import pickle
import signal
import sys
from collections import deque
from collections.abc import Callable
from multiprocessing.connection import Connection
from multiprocessing.process import BaseProcess
from typing import Any

from edge_runtime.station import messages
from edge_runtime.station.clock import NS_PER_S

CONTEXT = multiprocessing.get_context("spawn")
PAUSES_S = (0.0, 0.25, 0.5, 1.0, 2.0, 5.0)
STARTS_A_MINUTE = 8
MINUTE_NS = 60 * NS_PER_S
PR_SET_PDEATHSIG = 1
JOIN_S = 2.0
REAP_S = 0.005

Target = Callable[..., None]


class Child:
    """One process at the other end of a pipe. Nothing here waits for it, except `close`.

    Args:
        name: Shown in the list of processes.
        target: Called with `arguments` and the pipe's end; picklable.
        arguments: Picklable.
        politeness: Added to its niceness.
    """

    def __init__(self, name: str, target: Target, arguments: tuple[Any, ...], politeness: int = 0) -> None:
        self.name = name
        self.connection, theirs = CONTEXT.Pipe()
        self._process: BaseProcess = CONTEXT.Process(
            target=child_main, args=(target, arguments, theirs, os.getpid(), politeness), name=name, daemon=True
        )
        try:
            self._process.start()
        finally:
            # Only the child holds this end, so that its death is the pipe's end.
            theirs.close()

    @property
    def pid(self) -> int | None:
        """Its process id."""
        return self._process.pid

    def send(self, message: object) -> bool:
        """Send a small message; False if the process is gone."""
        try:
            messages.send(self.connection, message)
        except (OSError, ValueError):
            return False
        return True

    def receive(self) -> Any:
        """The next message.

        Raises:
            EOFError: The process is gone.
        """
        try:
            return messages.receive(self.connection)
        except (OSError, pickle.UnpicklingError) as error:
            raise EOFError(str(error)) from error

    def kill(self) -> None:
        """End it at once; it is waited for later."""
        with contextlib.suppress(OSError, ValueError):
            self._process.kill()
        self.connection.close()

    def is_gone(self) -> bool:
        """Whether it has ended; then nothing is left of it."""
        return not self._process.is_alive()

    def ending(self) -> str:
        """How it ended, in words."""
        self._process.join(REAP_S)
        code = self._process.exitcode
        if code is None:
            return "its pipe was closed"
        return f"killed by signal {-code}" if code < 0 else f"ended with code {code}"

    def close(self, grace_s: float = JOIN_S) -> None:
        """Close the pipe, which ends it, and kill it where it does not follow."""
        self.connection.close()
        self._process.join(grace_s)
        if self._process.is_alive():
            self._process.kill()
            self._process.join(grace_s)


class ChildPost:
    """What keeps one child at work; subclasses say how it is started, heard and found to hang."""

    def __init__(self) -> None:
        self.restarts = Restarts()
        self._child: Child | None = None
        self._next_start_ns = 0

    @property
    def connection(self) -> Connection | None:
        """What to wait for; None while there is no process."""
        return self._child.connection if self._child else None

    @property
    def pid(self) -> int | None:
        """Of the process, if there is one."""
        return self._child.pid if self._child else None


class Restarts:
    """When a process that ended may start again: at once, then after growing pauses, and not too often a minute."""

    def __init__(self) -> None:
        self.total = 0
        self._starts: deque[int] = deque(maxlen=STARTS_A_MINUTE)
        self._failures = 0

    def started(self, now_ns: int) -> None:
        """A process was started."""
        self._starts.append(now_ns)

    def was_good(self) -> None:
        """The process did its work: the next pause is short again."""
        self._failures = 0

    def next_start_ns(self, now_ns: int) -> int:
        """A process ended now: when the next may start."""
        pause_s = PAUSES_S[min(self._failures, len(PAUSES_S) - 1)]
        self._failures += 1
        self.total += 1
        at_ns = now_ns + int(pause_s * NS_PER_S)
        if len(self._starts) == STARTS_A_MINUTE:
            at_ns = max(at_ns, self._starts[0] + MINUTE_NS)
        return at_ns


def child_main(
    target: Target, arguments: tuple[Any, ...], connection: Connection, parent: int, politeness: int
) -> None:
    """What runs in every child: it ends with its parent, and leaves Ctrl-C to it."""
    _die_with(parent)
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    if politeness and hasattr(os, "nice"):
        os.nice(politeness)
    with contextlib.suppress(EOFError, BrokenPipeError, ConnectionResetError):
        target(*arguments, connection)


def _die_with(parent: int) -> None:
    """Ask the kernel to kill this process when its parent dies, which a hung process would not notice."""
    if sys.platform != "linux":
        return
    ctypes.CDLL(None, use_errno=True).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != parent:
        os._exit(1)
