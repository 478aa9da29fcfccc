from __future__ import annotations

from multiprocessing import Pipe

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
