from __future__ import annotations

from multiprocessing import Pipe
from time import monotonic_ns

from edge_runtime.station.waiting import Waiter


def test_what_is_ready_is_told_also_when_others_are_awaited() -> None:
    waiter = Waiter()
    (first, to_first), (second, to_second) = Pipe(), Pipe()
    assert waiter.wait([first, second], 0) == []
    to_second.send("a")
    assert waiter.wait([first, second], 1) == [second]
    assert second.recv() == "a"
    assert waiter.wait([first, second], 0) == []
    to_second.close()
    assert waiter.wait([first, second], 1) == [second]
    second.close()
    # The next pipe gets the numbers of the one that was closed.
    third, to_third = Pipe()
    to_third.send("b")
    assert waiter.wait([first, third], 1) == [third]
    to_first.send("c")
    assert set(waiter.wait([first, third], 1)) == {first, third}
    waiter.close()


def test_nothing_to_wait_for_is_no_error() -> None:
    waiter = Waiter()
    assert waiter.wait([], 0) == []
    waiter.close()


def test_who_stays_awake_hears_at_once_and_goes_to_sleep_in_the_end() -> None:
    waiter = Waiter()
    mine, theirs = Pipe()
    began_ns = monotonic_ns()
    a_minute_ns = began_ns + 60_000_000_000
    assert waiter.wait([mine], 0.002, awake_until_ns=began_ns + 1_000_000) == []
    assert monotonic_ns() >= began_ns + 2_000_000
    # Who is to wait no longer does not stay awake any longer, either.
    assert waiter.wait([mine], 0.001, awake_until_ns=a_minute_ns) == []
    assert monotonic_ns() < a_minute_ns
    theirs.send("a")
    assert waiter.wait([mine], 30, awake_until_ns=a_minute_ns) == [mine]
    waiter.close()
