from __future__ import annotations

import numpy as np
import pytest
from pydantic import ValidationError

from edge_runtime.bundle import Regimes
from edge_runtime.rul.regimes import why_unseen

REGIMES = Regimes(
    channels=("speed_rpm", "power_kw"), scale=(1000.0, 2.0), centres=((4000.0, 11.0), (8000.0, 8.0)), reach=(0.1, 0.0)
)
CHANNELS = ("temp_degc", "speed_rpm", "power_kw")


def window(*cycles: tuple[float, float]) -> np.ndarray:
    return np.array([[[50.0, speed, power] for speed, power in cycles]])


@pytest.mark.parametrize("cycle", [(4000, 11), (8000, 8), (4120, 11), (8040, 8)])
def test_a_cycle_as_in_training_is_seen(cycle: tuple[float, float]) -> None:
    assert why_unseen(REGIMES, CHANNELS, window((4000, 11), cycle)) == [None]


@pytest.mark.parametrize("cycle", [(12000, 5), (6000, 9.5), (4000, 8)])
def test_a_last_cycle_far_from_every_regime_is_told_with_its_settings(cycle: tuple[float, float]) -> None:
    (reason,) = why_unseen(REGIMES, CHANNELS, window(*[(4000, 11)] * 20, cycle))
    assert reason is not None
    assert reason.startswith(f"unseen_regime: speed_rpm = {cycle[0]:g}, power_kw = {cycle[1]:g} is none of the 2")


def test_one_odd_cycle_of_many_is_no_reason_three_are() -> None:
    seen, odd = [(4000.0, 11.0)] * 18, [(12000.0, 5.0)]
    assert why_unseen(REGIMES, CHANNELS, window(*odd, *seen)) == [None]
    assert why_unseen(REGIMES, CHANNELS, window(*odd * 3, *seen)) != [None]


def test_cycles_without_settings_say_nothing() -> None:
    unread = (float("nan"), 5.0)
    assert why_unseen(REGIMES, CHANNELS, window((4000, 11), unread)) == [None]
    assert why_unseen(REGIMES, CHANNELS, window(unread, unread)) == [None]


def test_regimes_whose_shapes_disagree_are_refused() -> None:
    with pytest.raises(ValidationError, match="2 channels and 2 centres"):
        Regimes(**{**REGIMES.model_dump(), "reach": (0.1,)})
