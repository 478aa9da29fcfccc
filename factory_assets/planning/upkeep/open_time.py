"""When a machine is open: minutes of its shifts, by which it runs and which a standing machine loses."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from factory_assets.planning.problem import Interval

Floats = npt.NDArray[np.float64]
STEP_MIN, FIRST_STEPS_MIN = 240, 60
MINUTES = 60.0


class OpenTime:
    """A machine's shifts within a horizon.

    After the horizon nobody has said when it is open: then every hour counts with the open share of the horizon.
    """

    def __init__(self, shifts: Sequence[Interval] | None, horizon_min: int) -> None:
        """Take the shifts.

        Args:
            shifts: Intervals [begin, end) in minutes, in order; None if the machine is always open.
            horizon_min: How far is planned; what lies after is cut off.
        """
        whole = [(0, horizon_min)] if shifts is None else shifts
        cut = [(max(begin, 0), min(end, horizon_min)) for begin, end in whole]
        self.shifts = [(begin, end) for begin, end in cut if begin < end]
        self.horizon_min = horizon_min
        edges = np.array([edge for shift in self.shifts for edge in shift], np.float64)
        lengths = np.array([end - begin for begin, end in self.shifts], np.float64)
        sums = np.concatenate([[0.0], np.cumsum(lengths)])
        self._minutes = np.concatenate([[0.0], edges, [horizon_min]])
        self._worked = np.concatenate([np.repeat(sums, 2)[:-1], sums[-1:]])

    @property
    def share(self) -> float:
        """Open share of the horizon."""
        return float(self._worked[-1] / self.horizon_min)

    def open_min(self, minute: npt.ArrayLike) -> Floats:
        """Open minutes before a minute, which is not negative."""
        at = np.asarray(minute, np.float64)
        inside = np.interp(at, self._minutes, self._worked)
        found: Floats = inside + np.maximum(at - self.horizon_min, 0) * self.share
        return found

    def lost_h(self, start_min: npt.ArrayLike, duration_min: float) -> Floats:
        """Open hours that a machine loses that stands from each start for the duration."""
        at = np.asarray(start_min, np.float64)
        return (self.open_min(at + duration_min) - self.open_min(at)) / MINUTES

    def starts(self, duration_min: int) -> npt.NDArray[np.int64]:
        """Minutes at which maintenance may begin and end within the horizon; costs run nearly straight between."""
        edges = np.array([edge for shift in self.shifts for edge in shift], np.int64)
        last = max(0, self.horizon_min - duration_min)
        steps = [np.arange(0, STEP_MIN, FIRST_STEPS_MIN), np.arange(0, self.horizon_min, STEP_MIN)]
        found = np.concatenate([*steps, edges, edges - duration_min, [last]]).astype(np.int64)
        return np.unique(found[(found >= 0) & (found <= last)])
