"""Plots are PNG files of a readable size, and repeat."""

from __future__ import annotations

import struct

import polars as pl
import pytest

from factory_assets.rul import plots
from factory_assets.rul.evaluation import evaluate
from tests.tiny_model import CAP_CYCLES, FLEET, archive, trained, training_set

SETTINGS = archive().rul_settings(FLEET)


def draw(which: str) -> bytes:
    if which == "whole_lives":
        return plots.whole_lives(trained().run, training_set(), SETTINGS)
    predictions = pl.DataFrame(evaluate(trained().run, training_set(), SETTINGS).predictions)
    return plots.predicted_and_true(predictions, cap_cycles=CAP_CYCLES)


@pytest.mark.parametrize("which", ["whole_lives", "predicted_and_true"])
def test_a_plot_is_a_png_and_repeats(which: str) -> None:
    png = draw(which)
    assert png.startswith(b"\x89PNG\r\n\x1a\n")
    width, height = struct.unpack(">II", png[16:24])
    assert 500 <= width <= 2000
    assert 200 <= height <= 1500
    assert png == draw(which)
