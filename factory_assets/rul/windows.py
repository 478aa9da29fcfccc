"""Windows of training sets, cut by the very code of the edge."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, fields

import numpy as np
import polars as pl

from edge_runtime.rul.windows import windows_at
from factory_assets.rul.schema import AGE, CENSORED, RUL, WINDOW, model_inputs


@dataclass(frozen=True)
class Windows:
    """Model inputs with their truth; the first axis is the window.

    Attributes:
        window: (N, window_cycles, channels) float32, raw engineering units, NaN where nothing was read.
        age_cycles: (N, 1) float32, the cycle number of the last row.
        rul_cycles: (N, 1) float32, the truth after the last row, not capped.
        is_censored: (N,) bool, whether that is only the least that it may have been.
        life_ids: (N,) the life that each window belongs to.
        unit_ids: (N,) its unit.
        folds: (N,) int64, the unit's fold; -1 for test units.
    """

    window: np.ndarray
    age_cycles: np.ndarray
    rul_cycles: np.ndarray
    is_censored: np.ndarray
    life_ids: np.ndarray
    unit_ids: np.ndarray
    folds: np.ndarray

    @property
    def inputs(self) -> dict[str, np.ndarray]:
        """What the graph takes."""
        return {WINDOW: self.window, AGE: self.age_cycles}

    def of(self, chosen: np.ndarray) -> Windows:
        """Some of them. `chosen`: (N,) bool, or places."""
        return Windows(*(getattr(self, field.name)[chosen] for field in fields(self)))


def strided_windows(rows: pl.DataFrame, *, window_cycles: int, stride: int) -> Windows:
    """A window every `stride` cycles of each life, counted back from its last cycle, which is always one."""
    return _cut(rows, window_cycles, lambda length: np.arange(length - 1, -1, -stride)[::-1])


def final_windows(rows: pl.DataFrame, *, window_cycles: int) -> Windows:
    """The last window of each life."""
    return _cut(rows, window_cycles, lambda length: np.array([length - 1]))


def _cut(rows: pl.DataFrame, window_cycles: int, pick: Callable[[int], np.ndarray]) -> Windows:
    inputs = model_inputs(rows)
    parts: list[tuple[np.ndarray, ...]] = []
    for life in rows.sort("life_id", "cycle").partition_by("life_id", maintain_order=True):
        picked = pick(life.height)
        cycles = life["cycle"].to_numpy()
        values = life.select(inputs).to_numpy().astype(np.float32)
        parts.append(
            (
                windows_at(cycles, values, cycles[picked], window_cycles),
                cycles[picked].astype(np.float32).reshape(-1, 1),
                life[RUL].to_numpy()[picked].astype(np.float32).reshape(-1, 1),
                life[CENSORED].to_numpy()[picked],
                np.repeat(life.item(0, "life_id"), len(picked)),
                np.repeat(life.item(0, "unit_id"), len(picked)),
                life["fold"].fill_null(-1).to_numpy()[picked],
            )
        )
    return Windows(*(np.concatenate(arrays) for arrays in zip(*parts, strict=True)))
