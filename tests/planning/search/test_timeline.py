from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from factory_assets.planning.problem import Interval, Machine
from factory_assets.planning.search.timeline import Clock, inside, start_pieces, without

HORIZON = 60


@st.composite
def shifts(draw: st.DrawFn) -> tuple[Interval, ...]:
    edges = sorted(draw(st.sets(st.integers(0, HORIZON), min_size=2, max_size=12)))
    return tuple((edges[at], edges[at + 1]) for at in range(0, len(edges) - 1, 2))


@st.composite
def clocks(draw: st.DrawFn) -> tuple[Clock, tuple[Interval, ...] | None]:
    own = draw(st.none() | shifts())
    return Clock(Machine("m", own, may_pause=draw(st.booleans()))), own


def _works(own: tuple[Interval, ...] | None, minute: int) -> bool:
    return own is None or any(begin <= minute < end for begin, end in own)


def _end(clock: Clock, own: tuple[Interval, ...] | None, start: int, work: int) -> int | None:
    """Minute by minute, what `Clock` reckons at once."""
    if not _works(own, start):
        return None
    if clock.may_pause:
        minute = start
        while work and minute <= HORIZON:
            work -= _works(own, minute)
            minute += 1
        return None if work else minute
    whole = all(_works(own, minute) for minute in range(start, start + work))
    return start + work if whole else None


@given(clocks(), st.integers(1, 14), st.none() | shifts())
def test_start_pieces_are_all_starts_and_no_others(
    made: tuple[Clock, tuple[Interval, ...] | None], work: int, there: tuple[Interval, ...] | None
) -> None:
    clock, own = made
    pieces = start_pieces(clock, work, HORIZON, there)
    found = {start: pause for pause, runs in pieces.items() for low, high in runs for start in range(low, high + 1)}
    wanted = {}
    for start in range(HORIZON):
        end = _end(clock, own, start, work)
        if end is not None and end <= HORIZON and inside(clock.parts(start, end), there):
            wanted[start] = end - start - work
    assert found == wanted


@given(clocks(), st.integers(0, 30), st.integers(0, 5), st.integers(0, 40), st.integers(1, 14))
def test_block_is_the_earliest(
    made: tuple[Clock, tuple[Interval, ...] | None], free: int, setup: int, ready: int, work: int
) -> None:
    clock, own = made
    block = clock.block(free, setup, ready, work)
    fitting = []
    for start in range(max(free, ready), HORIZON):
        end = _end(clock, own, start, work)
        if end is None or end > HORIZON or clock.worked(start) - clock.worked(free) < setup:
            continue
        if clock.may_pause or all(_works(own, minute) for minute in range(start - setup, start)):
            fitting.append((start, end))
    if block is None or block.end > HORIZON:
        assert not fitting
        return
    assert (block.start, block.end) == fitting[0]
    assert free <= block.setup_start
    assert clock.worked(block.start) - clock.worked(block.setup_start) == setup
    assert clock.end(block.start, work) == block.end


def test_without_cuts_shifts_and_ends_always() -> None:
    assert without(((0, 10), (20, 30)), (5, 22), 100) == ((0, 5), (22, 30))
    assert without(((0, 10),), (0, 10), 100) == ()
    assert without(None, (5, 7), 100) == ((0, 5), (7, 100))
