"""A unit is told the past lives that wore as it does, each once, at the age where they were alike."""

from __future__ import annotations

import numpy as np
import polars as pl
import pytest

from edge_runtime.bundle import Regimes
from factory_assets.rul.forecasts.past_failures import PastFailuresError, nearest_past_failures, past_lives

CHANNELS = ("load_pct", "vibration_mm_s", "oil_temp_degc")
WINDOW = 12
REGIMES = Regimes(channels=("load_pct",), scale=(10.0,), centres=((20.0,), (80.0,)), reach=(0.5, 0.5))


def life(name: str, kind: str, length: int, seed: int) -> pl.DataFrame:
    """Fails by vibration or by heat; the load shifts both."""
    rng = np.random.default_rng(seed)
    share, load = np.arange(1, length + 1) / length, np.where(rng.random(length) < 0.5, 20.0, 80.0)
    worn = np.column_stack([share**2 * 8 * (kind == "vibration"), share**2 * 30 * (kind == "heat")])
    return pl.DataFrame(
        {
            "life_id": [name] * length,
            "cycle": np.arange(1, length + 1),
            "rul_cycles": np.arange(length - 1.0, -1, -1),
            "load_pct": load,
            "vibration_mm_s": 2 + load / 10 + worn[:, 0] + rng.normal(0, 0.3, length),
            "oil_temp_degc": 50 + load / 4 + worn[:, 1] + rng.normal(0, 1, length),
        }
    )


PAST = pl.concat([life(f"{kind}-{n:02d}#01", kind, 60 + 4 * n, n) for n in range(6) for kind in ("vibration", "heat")])


def window_of(rows: pl.DataFrame, until: int) -> np.ndarray:
    return rows.filter(pl.col("cycle") <= until).tail(WINDOW).select(CHANNELS).to_numpy()[None]


@pytest.mark.parametrize("kind", ["vibration", "heat"])
def test_the_nearest_failed_in_the_same_way_and_had_as_much_left(kind: str) -> None:
    past = past_lives(PAST, CHANNELS, REGIMES, window_cycles=WINDOW)
    (found,) = nearest_past_failures(past, window_of(life("now", kind, 70, 99), 60), count=4)
    assert [one.life_id.split("-")[0] for one in found] == [kind] * 4
    assert len({one.life_id for one in found}) == 4
    assert np.mean([one.rul_cycles for one in found]) == pytest.approx(10, abs=6)
    assert [one.distance for one in found] == sorted(one.distance for one in found)


def test_a_training_window_finds_itself() -> None:
    past = past_lives(PAST, CHANNELS, REGIMES, window_cycles=WINDOW)
    own = PAST.filter(life_id="heat-03#01")
    (found,) = nearest_past_failures(past, window_of(own, own.height - 8), count=1)
    assert (found[0].life_id, found[0].rul_cycles, found[0].cycle) == ("heat-03#01", 8, own.height - 8)
    assert found[0].distance == pytest.approx(0, abs=1e-6)


def test_with_fewer_lives_than_asked_all_are_told() -> None:
    past = past_lives(life("only#01", "heat", 30, 1), CHANNELS, None, window_cycles=WINDOW)
    (found,) = nearest_past_failures(past, window_of(life("now", "heat", 20, 2), 15), count=3)
    assert [one.life_id for one in found] == ["only#01"]


def test_lost_readings_do_not_break_it() -> None:
    past = past_lives(PAST, CHANNELS, REGIMES, window_cycles=WINDOW)
    window = window_of(life("now", "heat", 70, 99), 60)
    window[0, :, 1] = np.nan
    window[0, 3] = np.nan
    (found,) = nearest_past_failures(past, window)
    assert all(np.isfinite(one.distance) for one in found)
    assert found[0].life_id.startswith("heat")


def test_no_failure_is_said() -> None:
    with pytest.raises(PastFailuresError, match="no training life ended in failure"):
        past_lives(PAST.clear(), CHANNELS, None, window_cycles=WINDOW)
