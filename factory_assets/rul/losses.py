"""What an error costs in training: its slope and curvature, for trees and networks alike.

`squared` makes no difference between late and early predictions. In `phm08`, the score of the PHM 2008 challenge, a
late one costs more (Saxena, Goebel, Simon, Eklund, "Damage Propagation Modeling", PHM 2008).
Where only the least is known of the truth (a life that was cut off), a prediction above it costs nothing (Tobin 1958).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Literal

import numpy as np

Loss = Literal["squared", "phm08"]
EARLY_CYCLES, LATE_CYCLES = 13.0, 10.0
# Beyond so many cycles the exponential goes on as a straight line, or a single window would rule the training.
STRAIGHT_FROM_CYCLES = 40.0
# Brings the curvature of the score near 1, which is what regularisation of trees is made for.
PHM08_SCALE = EARLY_CYCLES * LATE_CYCLES


def slope_and_curvature(
    loss: Loss, predicted: np.ndarray, target: np.ndarray, is_least: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """First and second derivative of the cost of each prediction, all in cycles; curvature is never 0."""
    late = predicted - target
    if loss == "squared":
        slope, curvature = late, np.ones_like(late)
    else:
        per = np.where(late < 0, -EARLY_CYCLES, LATE_CYCLES)
        grown = np.exp(np.clip(np.abs(late), 0, STRAIGHT_FROM_CYCLES) / np.abs(per))
        slope, curvature = PHM08_SCALE * grown / per, PHM08_SCALE * grown / per**2
    costs_nothing = is_least & (late > 0)
    return np.where(costs_nothing, 0.0, slope), np.where(costs_nothing, 1.0, curvature)


def keras_loss(loss: Loss, cap_cycles: int) -> Callable[[Any, Any], Any]:
    """The same cost for Keras: truth (B, 2) is the target as a share of the cap, and 1 where it is only the least."""

    def cost(truth: Any, predicted: Any) -> Any:
        from keras import ops

        late = predicted[:, 0] - truth[:, 0]
        late = ops.where((truth[:, 1] > 0) & (late > 0), 0.0, late)
        if loss == "squared":
            return ops.mean(ops.square(late))
        cycles = late * cap_cycles
        per = ops.where(cycles < 0, EARLY_CYCLES, LATE_CYCLES)
        size = ops.abs(cycles)
        bent = ops.minimum(size, STRAIGHT_FROM_CYCLES)
        beyond = (size - bent) / per * ops.exp(STRAIGHT_FROM_CYCLES / per)
        return ops.mean(ops.exp(bent / per) - 1 + beyond) * (PHM08_SCALE / cap_cycles**2)

    return cost
