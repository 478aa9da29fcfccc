"""Windows over a unit's cycles: rows placed by cycle number, NaN where a cycle or a reading is missing.

Numpy only. The platform builds its training windows with this very code.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np


def windows_at(cycles: np.ndarray, values: np.ndarray, ends: np.ndarray, window_cycles: int) -> np.ndarray:
    """Windows of one unit that end at the given cycle numbers.

    Args:
        cycles: (n,) integer cycle numbers in any order, each once.
        values: (n, channels) readings in raw engineering units, NaN where missing.
        ends: (m,) cycle numbers of the windows' last rows; a cycle without readings gives a last row of NaN.
        window_cycles: Rows of a window.

    Returns:
        (m, window_cycles, channels) float32, oldest cycle first.

    Raises:
        ValueError: Shapes do not agree, a cycle comes twice, or the window has no rows.
    """
    cycles = np.asarray(cycles, dtype=np.int64)
    values = np.asarray(values, dtype=np.float32)
    if cycles.ndim != 1 or values.ndim != 2 or len(cycles) != len(values):
        msg = f"cycles {cycles.shape} and values {values.shape} must be (n,) and (n, channels)"
        raise ValueError(msg)
    if window_cycles < 1:
        msg = f"window_cycles is {window_cycles}, must be 1 or more"
        raise ValueError(msg)
    order = np.argsort(cycles, kind="stable")
    known = cycles[order]
    if np.any(known[1:] == known[:-1]):
        msg = f"cycle {known[1:][known[1:] == known[:-1]][0]} comes twice"
        raise ValueError(msg)
    # One more row, all NaN, is where every wanted cycle without readings points to.
    missing = len(known)
    rows = np.concatenate([values[order], np.full((1, values.shape[1]), np.nan, np.float32)])
    wanted = np.asarray(ends, dtype=np.int64).reshape(-1, 1) + np.arange(1 - window_cycles, 1)
    place = np.searchsorted(known, wanted)
    is_known = np.append(known, 0)[place] == wanted
    is_known &= place < missing
    return rows[np.where(is_known, place, missing)]


def last_windows(
    unit_ids: Sequence[str] | np.ndarray, cycles: np.ndarray, values: np.ndarray, window_cycles: int
) -> tuple[list[str], np.ndarray, np.ndarray, np.ndarray]:
    """The newest window of every unit.

    Args:
        unit_ids: (n,) the unit of each row; rows in any order.
        cycles: (n,) integer cycle numbers, each once for a unit.
        values: (n, channels) readings in raw engineering units, NaN where missing.
        window_cycles: Rows of a window.

    Returns:
        Units in order of first appearance, their last cycles (N,) int64, windows (N, window_cycles, channels)
        float32 and ages (N, 1) float32 in cycles: the cycle number of the last row.

    Raises:
        ValueError: As `windows_at`.
    """
    cycles = np.asarray(cycles, dtype=np.int64)
    values = np.asarray(values, dtype=np.float32)
    rows_of: dict[str, list[int]] = {}
    for row, unit in enumerate(unit_ids):
        rows_of.setdefault(str(unit), []).append(row)
    last = np.array([cycles[rows].max() for rows in rows_of.values()], dtype=np.int64)
    window = np.empty((len(rows_of), window_cycles, values.shape[1]), np.float32)
    for index, rows in enumerate(rows_of.values()):
        window[index] = windows_at(cycles[rows], values[rows], last[index : index + 1], window_cycles)[0]
    return list(rows_of), last, window, last.astype(np.float32).reshape(-1, 1)
