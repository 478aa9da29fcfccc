"""Plots of forecasts are PNG files of a readable size, whatever there is to show, and repeat."""

from __future__ import annotations

import struct

import numpy as np
import polars as pl
import pytest

from factory_assets.rul.forecasts.plots import UNITS_SHOWN, coverage_by_band, fleet_overview, urgent_contributions
from factory_assets.rul.forecasts.schema import RUL_CONTRIBUTION, RUL_FORECAST
from factory_assets.rul.intervals import cross_coverage

CAP = 125


def units(count: int, *, refused: int = 2) -> pl.DataFrame:
    rows = []
    for number in range(count):
        rul = CAP * (number + 1) / count
        is_refused = number >= count - refused
        scored = {
            "rank": number + 1, "rul_cycles": rul, "rul_low_80_cycles": 0.7 * rul, "rul_low_90_cycles": 0.6 * rul,
            "rul_high_80_cycles": min(CAP, 1.2 * rul), "rul_high_90_cycles": min(CAP, 1.4 * rul),
            "is_at_cap": rul > 100, "is_alert": rul < 30, "is_new_alert": rul < 10,
        }  # fmt: skip
        rows.append(
            {
                "plant": "mill", "fleet": "presses", "unit_id": f"press-{number:02d}",
                "life_id": f"press-{number:02d}#01", "cycle": 100,
                **({"refused": "unknown_age: it ran"} if is_refused else scored),
            }
        )  # fmt: skip
    return pl.DataFrame(rows, schema=RUL_FORECAST)


def contributions(count: int, channels: int = 9) -> pl.DataFrame:
    rng = np.random.default_rng(1)
    rows = [
        {
            "plant": "mill", "fleet": "presses", "unit_id": f"press-{unit:02d}", "life_id": f"press-{unit:02d}#01",
            "cycle": 100, "channel": f"bearing_{number}_temp_degc", "healthy_rul_cycles": 110.0,
            "contribution_cycles": float(rng.normal(-9, 12)),
        }
        for unit in range(count)
        for number in range(channels)
    ]  # fmt: skip
    return pl.DataFrame(rows, schema=RUL_CONTRIBUTION)


def coverage_picture(count: int) -> bytes:
    rng = np.random.default_rng(2)
    truth = np.tile(np.linspace(0, 150, 30), count)
    predicted = np.clip(truth * (1 + rng.normal(0, 0.2, len(truth))), 0, CAP)
    code = np.repeat(np.arange(count), 30)
    return coverage_by_band(cross_coverage(predicted, truth, code, code % 3, cap_cycles=CAP))


PICTURES = {
    "overview": lambda: fleet_overview(units(18), alert_below_cycles=30, cap_cycles=CAP),
    "overview of many": lambda: fleet_overview(units(UNITS_SHOWN + 30), alert_below_cycles=30, cap_cycles=CAP),
    "overview of none": lambda: fleet_overview(units(0), alert_below_cycles=30, cap_cycles=CAP),
    "overview of refused ones": lambda: fleet_overview(units(2), alert_below_cycles=30, cap_cycles=CAP),
    "contributions": lambda: urgent_contributions(units(18), contributions(8)),
    "contributions of one": lambda: urgent_contributions(units(4), contributions(1, channels=3)),
    "contributions of none": lambda: urgent_contributions(units(3), contributions(0)),
    "coverage": lambda: coverage_picture(40),
    "coverage of few": lambda: coverage_picture(3),
}


@pytest.mark.parametrize("name", PICTURES)
def test_a_plot_is_a_png_and_repeats(name: str) -> None:
    png = PICTURES[name]()
    assert png.startswith(b"\x89PNG\r\n\x1a\n")
    width, height = struct.unpack(">II", png[16:24])
    assert 500 <= width <= 2000
    assert 200 <= height <= 1500
    assert png == PICTURES[name]()
