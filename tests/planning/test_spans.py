"""Sets of minutes, against sets."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from factory_assets.planning.spans import common, crowded, joined, minutes, within, without

SPANS = st.lists(st.tuples(st.integers(0, 30), st.integers(0, 30)), max_size=6)


def members(spans: list[tuple[int, int]]) -> set[int]:
    return {minute for begin, end in spans for minute in range(begin, end)}


@given(SPANS, SPANS, st.integers(1, 4))
def test_they_do_what_sets_do(left: list[tuple[int, int]], right: list[tuple[int, int]], count: int) -> None:
    a, b = joined(left), joined(right)
    assert members(a) == members(left)
    assert minutes(a) == len(members(left))
    assert members(common(a, b)) == members(left) & members(right)
    assert members(without(a, b)) == members(left) - members(right)
    begin, end = right[0] if right else (0, 0)
    assert members(within(a, begin, end)) == members(left) & set(range(begin, end))
    going = {minute for minute in range(31) if sum(begin <= minute < end for begin, end in left) >= count}
    assert members(crowded(left, count)) == going
