"""Sets of minutes as sorted intervals [begin, end): what two have in common, and one without the other."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable

from factory_assets.planning.problem import Interval

Spans = list[Interval]


def joined(spans: Iterable[Interval]) -> Spans:
    """Sorted, and joined where they touch or overlap."""
    found: Spans = []
    for begin, end in sorted(spans):
        if begin >= end:
            continue
        if found and begin <= found[-1][1]:
            found[-1] = (found[-1][0], max(found[-1][1], end))
        else:
            found.append((begin, end))
    return found


def common(left: Spans, right: Spans) -> Spans:
    """Minutes in both; both sorted and joined."""
    found, i, j = [], 0, 0
    while i < len(left) and j < len(right):
        begin, end = max(left[i][0], right[j][0]), min(left[i][1], right[j][1])
        if begin < end:
            found.append((begin, end))
        if left[i][1] < right[j][1]:
            i += 1
        else:
            j += 1
    return found


def within(spans: Spans, begin: int, end: int) -> Spans:
    """The pieces of one interval that are in the others, which are sorted and joined; quick where they are many."""
    found = []
    for piece_begin, piece_end in spans[max(0, bisect_right(spans, (begin, begin)) - 1) :]:
        if piece_begin >= end:
            break
        if piece_end > begin:
            found.append((max(begin, piece_begin), min(end, piece_end)))
    return found if begin < end else []


def without(left: Spans, right: Spans) -> Spans:
    """Minutes of the left that are not in the right; both sorted and joined."""
    if not left:
        return []
    outside: Spans = []
    at = left[0][0]
    for begin, end in right:
        if begin > at:
            outside.append((at, begin))
        at = max(at, end)
    if at < left[-1][1]:
        outside.append((at, left[-1][1]))
    return common(left, outside)


def minutes(spans: Iterable[Interval]) -> int:
    """How many minutes there are."""
    return sum(end - begin for begin, end in spans)


def crowded(spans: Iterable[Interval], count: int) -> Spans:
    """Minutes at which at least so many (1 or more) of the intervals are going on."""
    kept = [(begin, end) for begin, end in spans if begin < end]
    changes = sorted([(begin, 1) for begin, _ in kept] + [(end, -1) for _, end in kept])
    found: Spans = []
    going, since = 0, 0
    for minute, change in changes:
        if going >= count and minute > since:
            found.append((since, minute))
        going += change
        since = minute
    return joined(found)
