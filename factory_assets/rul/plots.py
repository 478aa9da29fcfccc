"""Pictures of models for the Dagster UI and MLflow, as PNG."""

from __future__ import annotations

import io
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING

import numpy as np
import polars as pl

from factory_assets.foundation.rul_settings import RulSettings
from factory_assets.rul.schema import RUL
from factory_assets.rul.windows import strided_windows

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

Run = Callable[[Mapping[str, np.ndarray]], Mapping[str, np.ndarray]]
BLUE, ORANGE, GREY = "#2f6db3", "#d9731a", "#8a8a8a"
LIVES_SHOWN = 6


def predicted_and_true(predictions: pl.DataFrame, *, cap_cycles: int) -> bytes:
    """Every test life at its last cycle, in order of its true remaining life."""
    ordered = predictions.sort("true_rul_cycles")
    place = np.arange(1, ordered.height + 1)
    figure, axes = _figure()
    axes.axhline(cap_cycles, color=GREY, linewidth=1, linestyle="--")
    axes.text(1, cap_cycles, f"cap {cap_cycles}", va="bottom", color=GREY, fontsize=8)
    axes.vlines(place, ordered["true_rul_cycles"], ordered["rul_cycles"], color=GREY, linewidth=0.7, alpha=0.6)
    axes.plot(place, ordered["true_rul_cycles"], ".", color=ORANGE, label="true")
    axes.plot(place, ordered["rul_cycles"], ".", color=BLUE, label="predicted")
    axes.set(xlabel="test lives, by true remaining life", ylabel="remaining life (cycles)", ylim=(0, None))
    axes.legend(frameon=False, loc="lower right")
    return _png(figure)


def whole_lives(run: Run, training_set: pl.DataFrame, settings: RulSettings) -> bytes:
    """The prediction along a few test lives, against the truth."""
    test = training_set.filter(pl.col("split") == "test")
    cuts = test.group_by("life_id", original=pl.col("life_id").str.split("@").list.first()).len()
    longest = cuts.sort("len", "life_id", descending=[True, False]).unique(
        "original", keep="first", maintain_order=True
    )
    lives = longest.head(LIVES_SHOWN)["life_id"].to_list()
    windows = strided_windows(
        test.filter(pl.col("life_id").is_in(lives)), window_cycles=settings.window_cycles, stride=2
    )
    found = np.asarray(run(windows.inputs)[RUL]).reshape(-1)
    figure, grid = _figures(len(lives))
    for axes, life in zip(grid, lives, strict=False):
        of_life = windows.life_ids == life
        age = windows.age_cycles[of_life, 0]
        axes.plot(
            age, np.minimum(windows.rul_cycles[of_life, 0], settings.cap_cycles), color=ORANGE, label="true, capped"
        )
        axes.plot(age, found[of_life], color=BLUE, linewidth=1, label="predicted")
        axes.set_title(life, fontsize=9)
        axes.set_ylim(0, settings.cap_cycles * 1.08)
    grid[0].legend(frameon=False, fontsize=8)
    figure.supxlabel("operating cycles since new or overhaul", fontsize=9)
    figure.supylabel("remaining life (cycles)", fontsize=9)
    return _png(figure)


def _figure() -> tuple[Figure, Axes]:
    from matplotlib.figure import Figure

    figure = Figure(figsize=(7, 3.6), layout="constrained")
    axes = figure.add_subplot()
    axes.spines[["top", "right"]].set_visible(False)
    return figure, axes


def _figures(count: int) -> tuple[Figure, list[Axes]]:
    from matplotlib.figure import Figure

    figure = Figure(figsize=(8, 2.2 * -(-count // 3)), layout="constrained")
    axes = [figure.add_subplot(-(-count // 3), min(count, 3), number + 1) for number in range(count)]
    for one in axes:
        one.spines[["top", "right"]].set_visible(False)
        one.tick_params(labelsize=8)
    return figure, axes


def _png(figure: Figure) -> bytes:
    buffer = io.BytesIO()
    figure.savefig(buffer, format="png", dpi=110)
    return buffer.getvalue()
