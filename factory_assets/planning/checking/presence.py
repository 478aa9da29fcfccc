"""Minutes at which a machine works or a person is there."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Sequence

from factory_assets.planning.problem import Interval


class Presence:
    """Intervals [begin, end) of minutes, joined where they touch; always there if they are None."""

    def __init__(self, intervals: Sequence[Interval] | None) -> None:
        self.is_always = intervals is None
        self._pieces: list[list[int]] = []
        for begin, end in sorted(intervals or ()):
            if self._pieces and begin <= self._pieces[-1][1]:
                self._pieces[-1][1] = max(self._pieces[-1][1], end)
            elif begin < end:
                self._pieces.append([begin, end])
        self._begins = [begin for begin, _ in self._pieces]

    def within(self, begin: int, end: int) -> list[Interval]:
        """The pieces of [begin, end) that lie in the intervals."""
        if begin >= end:
            return []
        if self.is_always:
            return [(begin, end)]
        found = []
        for piece_begin, piece_end in self._pieces[max(0, bisect_right(self._begins, begin) - 1) :]:
            if piece_begin >= end:
                break
            if piece_end > begin:
                found.append((max(piece_begin, begin), min(piece_end, end)))
        return found

    def minutes(self, begin: int, end: int) -> int:
        """How many minutes of [begin, end) lie in the intervals."""
        return sum(piece_end - piece_begin for piece_begin, piece_end in self.within(begin, end))

    def holds(self, begin: int, end: int) -> bool:
        """Whether all of [begin, end) lies in the intervals; an empty one does anywhere."""
        return self.minutes(begin, end) == end - begin

    def longest(self, begin: int, end: int) -> int:
        """Minutes of the longest piece of [begin, end) in the intervals."""
        return max((piece_end - piece_begin for piece_begin, piece_end in self.within(begin, end)), default=0)
