"""When a machine's work ends, and when it can begin: shifts, pauses and set-ups, exact to the minute."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from itertools import accumulate
from typing import NamedTuple

from factory_assets.planning.problem import Interval, Machine


class Block(NamedTuple):
    """Set-up and work in one piece, in minutes since the problem's start."""

    setup_start: int
    start: int
    end: int


class Clock:
    """The working time of a machine.

    `worked(t)` counts the working minutes before t, so that work may be reckoned without shifts and turned back into
    clock minutes.
    """

    def __init__(self, machine: Machine) -> None:
        self.may_pause = machine.may_pause
        self.always = machine.shifts is None
        shifts = machine.shifts or ()
        self.begins = [begin for begin, _ in shifts]
        self.ends = [end for _, end in shifts]
        self.sums = list(accumulate((end - begin for begin, end in shifts), initial=0))

    def worked(self, minute: int) -> int:
        """How many working minutes lie before a minute."""
        if self.always:
            return minute
        shift = bisect_right(self.begins, minute) - 1
        if shift < 0:
            return 0
        return self.sums[shift] + min(minute, self.ends[shift]) - self.begins[shift]

    def begin_of(self, worked: int) -> int | None:
        """The clock minute in which the working minute of this number is worked; None after the last shift."""
        if self.always:
            return worked
        shift = bisect_right(self.sums, worked) - 1
        if shift >= len(self.begins):
            return None
        return self.begins[shift] + worked - self.sums[shift]

    def end_of(self, worked: int) -> int:
        """The clock minute at which so many working minutes have gone by."""
        if self.always:
            return worked
        shift = max(bisect_left(self.sums, worked) - 1, 0)
        return self.begins[shift] + worked - self.sums[shift]

    def next_minute(self, minute: int) -> int | None:
        """The first minute in a shift, not before the given one; None after the last shift."""
        if self.always:
            return minute
        shift = bisect_right(self.ends, minute)
        if shift >= len(self.begins):
            return None
        return max(minute, self.begins[shift])

    def end(self, start: int, work_min: int) -> int:
        """When work that begins at `start`, in a shift, ends."""
        if self.always or not self.may_pause or work_min == 0:
            return start + work_min
        return self.end_of(self.worked(start) + work_min)

    def block(self, free: int, setup_min: int, ready: int, work_min: int) -> Block | None:
        """The earliest set-up and work.

        Args:
            free: The set-up does not begin before.
            setup_min: Working minutes of set-up directly before the work.
            ready: The work does not begin before.
            work_min: Working minutes of work.

        Returns:
            The block, or None if no shift or no rest of the shifts is long enough.
        """
        if self.always:
            start = max(free + setup_min, ready)
            return Block(start - setup_min, start, start + work_min)
        if self.may_pause:
            return self._pausing_block(free, setup_min, ready, work_min)
        earliest, length = max(free, ready - setup_min), setup_min + work_min
        for shift in range(bisect_right(self.ends, earliest), len(self.begins)):
            begin = max(earliest, self.begins[shift])
            if begin + length <= self.ends[shift]:
                return Block(begin, begin + setup_min, begin + length)
        return None

    def _pausing_block(self, free: int, setup_min: int, ready: int, work_min: int) -> Block | None:
        """`block` on a machine whose work may wait for the next shift."""
        start_work = max(self.worked(free) + setup_min, self.worked(ready))
        start = self.begin_of(start_work)
        if start is None or start_work + work_min > self.sums[-1]:
            return None
        setup_start = start if setup_min == 0 else self.begin_of(start_work - setup_min)
        if setup_start is None:
            return None
        return Block(setup_start, start, self.end_of(start_work + work_min) if work_min else start)

    def parts(self, start: int, end: int) -> list[Interval]:
        """The pieces of an interval that lie in shifts."""
        if self.always:
            return [(start, end)]
        found = []
        for shift in range(bisect_right(self.ends, start), len(self.begins)):
            if self.begins[shift] >= end:
                break
            found.append((max(start, self.begins[shift]), min(end, self.ends[shift])))
        return found


def inside(parts: list[Interval], shifts: tuple[Interval, ...] | None) -> bool:
    """Whether every part lies in one shift."""
    if shifts is None:
        return True
    return all(any(begin <= part[0] and part[1] <= end for begin, end in shifts) for part in parts)


def without(shifts: tuple[Interval, ...] | None, lost: Interval, horizon_min: int) -> tuple[Interval, ...]:
    """The shifts without an interval that is lost, for instance to a breakdown.

    Args:
        shifts: Intervals in order; None if always.
        lost: What is taken away.
        horizon_min: Where "always" ends.
    """
    kept: list[Interval] = []
    for begin, end in shifts if shifts is not None else ((0, max(horizon_min, lost[1] + 1)),):
        kept += [(a, b) for a, b in ((begin, min(end, lost[0])), (max(begin, lost[1]), end)) if a < b]
    return tuple(kept)


def start_pieces(
    clock: Clock, work_min: int, horizon_min: int, there: tuple[Interval, ...] | None = None
) -> dict[int, list[Interval]]:
    """All minutes at which work can begin, sorted by how long it pauses.

    Args:
        clock: The machine.
        work_min: Minutes of work.
        horizon_min: The work ends by then.
        there: When the operator is there; the parts of the work in shifts must each lie in one of these.

    Returns:
        For each number of pausing minutes the intervals [first, last] of possible starts.
    """
    if clock.always:
        pieces = [(0, horizon_min - work_min, 0)]
    elif not clock.may_pause or work_min == 0:
        edge = 1 if work_min == 0 else work_min
        pieces = [(begin, end - edge, 0) for begin, end in zip(clock.begins, clock.ends, strict=True)]
    else:
        pieces = _pausing_pieces(clock, work_min)
    found: dict[int, list[Interval]] = {}
    for first, last, pause in pieces:
        latest = min(last, horizon_min - work_min - pause)
        for low, high in _attended(clock, first, latest, work_min + pause, there):
            found.setdefault(pause, []).append((low, high))
    return found


def _pausing_pieces(clock: Clock, work_min: int) -> list[tuple[int, int, int]]:
    """(first start, last start, pausing minutes), each within one shift and ending within one shift."""
    pieces = []
    for shift, (begin, end) in enumerate(zip(clock.begins, clock.ends, strict=True)):
        for last in range(shift, len(clock.begins)):
            # Working minutes from the beginning of the first shift to the beginning and end of the last one.
            to_begin, to_end = (clock.sums[at] - clock.sums[shift] for at in (last, last + 1))
            low = begin + max(0, to_begin + (last > shift) - work_min)
            high = min(end - 1, begin + to_end - work_min)
            if to_begin >= end - begin + work_min:
                break
            if low <= high:
                pause = clock.begins[last] - begin - to_begin
                pieces.append((low, high, pause))
    return pieces


def _attended(clock: Clock, first: int, last: int, length: int, there: tuple[Interval, ...] | None) -> list[Interval]:
    """The starts of [first, last] for which an operator is there in all parts of [start, start + length)."""
    if first > last:
        return []
    if there is None:
        return [(first, last)]
    found = []
    for begin, end in there:
        low, high = max(first, begin), last
        parts = clock.parts(low, low + length) if low <= high else []
        if not parts or (parts[0][1] > end and len(parts) > 1):
            continue
        if len(parts) == 1:
            high = min(high, end - length)
        else:
            if not inside(parts[1:-1], there):
                continue
            closing = [stop for start, stop in there if start <= parts[-1][0] < stop]
            high = min(high, max(closing, default=-1) - length)
        if low <= high:
            found.append((low, high))
    return found
