from __future__ import annotations

import os
import time
from multiprocessing.connection import Connection

import pytest

from edge_runtime.station.children import MINUTE_NS, STARTS_A_MINUTE, Child, Restarts


def echo(connection: Connection) -> None:
    while True:
        connection.send(("echo", connection.recv(), os.getppid()))


def test_a_child_talks_and_ends_with_its_pipe() -> None:
    child = Child("echo", echo, ())
    child.connection.send("a")
    assert child.receive() == ("echo", "a", os.getpid())
    child.close(10)
    assert child.is_gone()
    assert not child.send("b")


def test_a_killed_child_is_told_of() -> None:
    child = Child("echo", echo, ())
    child.send("a")
    child.receive()
    os.kill(child.pid or 0, 9)
    with pytest.raises(EOFError):
        child.receive()
    assert child.ending() == "killed by signal 9"
    child.close()


def test_restarts_pause_longer_and_longer_until_one_was_good() -> None:
    restarts, now_ns = Restarts(), 10**12
    pauses = [restarts.next_start_ns(now_ns) - now_ns for _ in range(3)]
    assert pauses[0] == 0
    assert pauses == sorted(set(pauses))
    restarts.was_good()
    assert restarts.next_start_ns(now_ns) == now_ns
    assert restarts.total == 4


def test_there_are_only_so_many_starts_a_minute() -> None:
    restarts, now_ns = Restarts(), time.monotonic_ns()
    for _ in range(STARTS_A_MINUTE):
        restarts.started(now_ns)
    restarts.was_good()
    assert restarts.next_start_ns(now_ns) == now_ns + MINUTE_NS
