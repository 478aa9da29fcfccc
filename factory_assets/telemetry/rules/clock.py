"""Clocks that were wrong: found from the order in which a file tells its readings.

A logger whose clock is set forward and back again (or back and forward) leaves two jumps of the same size in the
order of telling; what stands between them has the wrong time. A jump back without its counterpart leaves a stretch of
time that is told twice; the second telling is uncertain. Both are set aside. Times are not repaired: a repaired reading
could belong to another day, and nobody could tell it from a measured one.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import polars as pl

from factory_assets.telemetry.block import Block

# A file in which more of the steps than this go back is not written in the order of telling.
MOST_STEPS_BACK = 0.1
SHORTEST_STRETCH = 2
MOST_REPEATS = 0.9
JITTER = 0.25


@dataclass(frozen=True)
class Stretch:
    """Rows `first` to `last` of a sequence in the order of telling; `is_matched` if bracketed by two equal jumps."""

    first: int
    last: int
    is_matched: bool


def clock_jumps(block: Block) -> pl.Series | None:
    """Readings told while the clock of their unit's logger was wrong, or told again after it was set back."""
    told = block.rows.with_row_index("place")
    same = (pl.col("series") == pl.col("series").shift(1)) & (pl.col("segment_id") == pl.col("segment_id").shift(1))
    is_back = same & (pl.col("row") < pl.col("row").shift(1))
    suspects = told.filter(is_back).select("unit_id", "segment_id").unique(maintain_order=True)
    if suspects.is_empty():
        return None
    wrong: list[int] = []
    of_suspects = told.join(suspects, on=["unit_id", "segment_id"], how="semi", maintain_order="left")
    for part in of_suspects.partition_by("unit_id", "segment_id", maintain_order=True):
        wrong += _wrong_places(part.sort("row", maintain_order=True), block.period)
    if not wrong:
        return None
    flags = pl.zeros(block.rows.height, dtype=pl.Boolean, eager=True)
    return flags.scatter(sorted(set(wrong)), values=True)


def _wrong_places(part: pl.DataFrame, period: int | None) -> Iterator[int]:
    """The places of wrong rows among those of one unit and file, in the order of telling."""
    counts = part.group_by("channel_no", maintain_order=True).agg(
        rows=pl.len(), span=pl.col("row").max() - pl.col("row").min() + 1
    )
    most = counts.sort("rows", descending=True, maintain_order=True).row(0, named=True)
    is_by_channel = counts.height > 1 and most["span"] < 2 * most["rows"]
    if is_by_channel:
        for channel in part.partition_by("channel_no", maintain_order=True):
            yield from _wrong_by(channel, channel, period)
    else:
        yield from _wrong_by(part.filter(pl.col("channel_no") == most["channel_no"]), part, period)


def _wrong_by(clock: pl.DataFrame, part: pl.DataFrame, period: int | None) -> Iterator[int]:
    """The rows of `part` that one channel's sequence shows to be wrong."""
    at, rows = clock["at"].to_numpy(), clock["row"].to_numpy()
    is_repeat = pl.struct("channel_no", "at", "raw").is_first_distinct().not_()
    told = part.with_columns(is_repeat=is_repeat)
    for stretch in stretches(at, period):
        if stretch.is_matched:
            within = told.filter(_within(stretch, at, rows))
            # A logger that sends its memory once more says the very same again: its clock is right.
            if within["is_repeat"].sum() < MOST_REPEATS * within.height:
                yield from within["place"]
        else:
            yield from _told_again(part, int(rows[stretch.first]), period)


def stretches(at: np.ndarray, period: int | None) -> list[Stretch]:
    """The stretches of a sequence of times, in the order of telling, that were told by a wrong clock.

    Args:
        at: (n,) times in any unit.
        period: The usual step between them; their median step if None.
    """
    steps = np.diff(at)
    back = np.flatnonzero(steps < 0) + 1
    if not back.size or back.size > MOST_STEPS_BACK * steps.size + 1:
        return []
    usual = period if period is not None else int(np.median(steps[steps > 0])) if (steps > 0).any() else 0
    jumps = np.concatenate(([0], steps - usual))
    found: list[Stretch] = []
    for place in back:
        match = _counterpart(jumps, int(place), usual)
        if match is None:
            found.append(Stretch(int(place), at.size - 1, is_matched=False))
        elif match not in found:
            found.append(match)
    return found


def _counterpart(jumps: np.ndarray, place: int, usual: int) -> Stretch | None:
    """What lies between a jump back and the nearest jump forward of the same size, before it or after it.

    Nothing between them goes back: swapped lines leave pairs of equal jumps as well, but many in a row.
    """
    is_equal = np.abs(jumps + jumps[place]) <= JITTER * usual
    is_back = jumps + usual < 0
    candidates = []
    for other in np.flatnonzero(is_equal & (jumps > 0)):
        first, last = sorted((int(other), place))
        if last - first >= SHORTEST_STRETCH and not is_back[first + 1 : last].any():
            candidates.append(Stretch(first, last - 1, is_matched=True))
    return min(candidates, key=lambda stretch: stretch.last - stretch.first, default=None)


def _within(stretch: Stretch, at: np.ndarray, rows: np.ndarray) -> pl.Expr:
    """Rows told between the stretch's first and last; at its edges, those nearer to its times than to the others'."""
    row, time = pl.col("row"), pl.col("at")
    first, last = stretch.first, stretch.last
    is_within = row.is_between(int(rows[first]), int(rows[last]))
    for inner, outer in ((first, first - 1), (last, last + 1)):
        if 0 <= outer < at.size:
            low, high = sorted((int(rows[inner]), int(rows[outer])))
            is_nearer = (time - int(at[inner])).abs() < (time - int(at[outer])).abs()
            is_within |= row.is_between(low, high, closed="none") & is_nearer
    return is_within


def _told_again(part: pl.DataFrame, since: int, period: int | None) -> list[int]:
    """Rows told after a jump back, at a time that their series had told before (within less than half a period).

    Not those that say the very same again.
    """
    reach = 0 if period is None else (period - 1) // 2
    ordered = part.sort("channel_no", "at", "row", maintain_order=True)
    is_again = pl.lit(value=False)
    for steps in (1, -1):
        near = (pl.col("channel_no") == pl.col("channel_no").shift(steps)) & (
            (pl.col("at") - pl.col("at").shift(steps)).abs() <= reach
        )
        near &= (pl.col("at") != pl.col("at").shift(steps)) | pl.col("raw").ne_missing(pl.col("raw").shift(steps))
        is_again |= (near & (pl.col("row").shift(steps) < since)).fill_null(value=False)
    return ordered.filter(is_again & (pl.col("row") >= since))["place"].to_list()
