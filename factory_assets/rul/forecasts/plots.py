"""Pictures of forecasts and intervals for the Dagster UI and MLflow, as PNG."""

from __future__ import annotations

import io
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import polars as pl

from factory_assets.rul.intervals import IntervalCoverage
from factory_assets.rul.plots import BLUE, GREY, ORANGE

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

UNITS_SHOWN, EXPLAINED_SHOWN, PLAYERS_SHOWN = 40, 6, 6
GREEN = "#3a8f5c"
OTHERS = " others"


def fleet_overview(units: pl.DataFrame, *, alert_below_cycles: float, cap_cycles: float) -> bytes:
    """Every running unit by urgency: predicted life with its 80 and 90 % intervals, or that it was refused.

    Args:
        units: RUL_FORECAST.
        alert_below_cycles: Planning threshold of the fleet.
        cap_cycles: Cap of the model.
    """
    shown = units.sort("rank", "unit_id", nulls_last=True).head(UNITS_SHOWN)
    figure = _figure(8, 1.6 + 0.24 * max(shown.height, 4))
    axes = _axes(figure)
    axes.axvspan(0, alert_below_cycles, color=ORANGE, alpha=0.08, linewidth=0)
    axes.axvline(alert_below_cycles, color=ORANGE, linewidth=1, label=f"alert below {alert_below_cycles:g}")
    axes.axvline(
        cap_cycles, color=GREY, linewidth=1, linestyle="--", label=f"cap {cap_cycles:g}: the model sees no further"
    )
    for place, row in enumerate(shown.iter_rows(named=True)):
        if row["refused"] is not None:
            kind = row["refused"].split(":")[0].replace("_", " ")
            told = axes.text(cap_cycles * 0.01, place, f"not forecast: {kind}", va="center", fontsize=8, color=GREY)
            told.set_bbox({"facecolor": "white", "edgecolor": "none", "pad": 1.5})
            continue
        colour = ORANGE if row["is_alert"] else BLUE
        axes.hlines(place, row["rul_low_90_cycles"], row["rul_high_90_cycles"], color=colour, linewidth=1.2)
        axes.hlines(place, row["rul_low_80_cycles"], row["rul_high_80_cycles"], color=colour, linewidth=5, alpha=0.35)
        axes.plot(row["rul_cycles"], place, "o", color=colour, markersize=5)
        text = f"> {cap_cycles:g}" if row["is_at_cap"] else f"{row['rul_cycles']:.0f}"
        axes.text(cap_cycles * 1.02, place, text, va="center", fontsize=8, color=colour)
    names = [f"{row['unit_id']}{' (new alert)' if row['is_new_alert'] else ''}" for row in shown.iter_rows(named=True)]
    axes.set_yticks(range(shown.height), names, fontsize=8)
    axes.set_ylim(max(shown.height, 1) - 0.4, -0.6)
    axes.set_xlim(0, cap_cycles * 1.1)
    hidden = units.sort("rank", "unit_id", nulls_last=True).slice(UNITS_SHOWN)
    refused = hidden["refused"].len() - hidden["refused"].null_count()
    more = f"\n{hidden.height} more units, {refused} of them not forecast, are not shown" if hidden.height else ""
    axes.set_xlabel(f"remaining life (operating cycles; bar 80 %, line 90 % interval){more}", fontsize=9)
    figure.legend(loc="outside upper right", ncols=2, frameon=False, fontsize=8)
    return _png(figure)


def urgent_contributions(units: pl.DataFrame, contributions: pl.DataFrame) -> bytes:
    """What takes most from the life of each of the most urgent units, against healthy readings in its place.

    Args:
        units: RUL_FORECAST.
        contributions: RUL_CONTRIBUTION.
    """
    explained = units.filter(pl.col("life_id").is_in(contributions["life_id"].to_list())).sort("rank")
    shown = explained.head(EXPLAINED_SHOWN)
    columns = min(max(shown.height, 1), 2)
    lines = -(-max(shown.height, 1) // columns)
    figure = _figure(5 * columns, 0.5 + 1.7 * lines)
    if shown.is_empty():
        _axes(figure).text(0.5, 0.5, "no unit was explained", ha="center", va="center", color=GREY)
        return _png(figure)
    bars = {life: _strongest(contributions.filter(life_id=life)) for life in shown["life_id"]}
    values = [0.0, *(cycles for kept in bars.values() for _, cycles in kept)]
    margin = 0.15 * (max(values) - min(values) or 1.0)
    for number, unit in enumerate(shown.iter_rows(named=True)):
        axes = _axes(figure, (lines, columns, number + 1))
        _draw_bars(axes, bars[unit["life_id"]])
        axes.set_xlim(min(values) - margin, max(values) + margin)
        healthy = contributions.filter(life_id=unit["life_id"])["healthy_rul_cycles"][0]
        title = f"{unit['unit_id']}: {unit['rul_cycles']:.0f} cycles; with healthy readings {healthy:.0f}"
        axes.set_title(title, fontsize=9, loc="left")
    figure.supxlabel("what each channel adds to the remaining life of a healthy unit (cycles)", fontsize=9)
    return _png(figure)


def coverage_by_band(coverage: Mapping[str, IntervalCoverage]) -> bytes:
    """How often the intervals held the truth, by predicted life, against what they promise, with their widths.

    Args:
        coverage: As `intervals.cross_coverage` gives it.
    """
    figure = _figure(8, 4.6)
    upper, lower = _axes(figure, (2, 1, 1)), _axes(figure, (2, 1, 2))
    upper.sharex(lower)
    for colour, found in zip((GREEN, BLUE), coverage.values(), strict=False):
        name = f"{found.nominal:.0%}"
        middles = [(band.from_cycles + band.to_cycles) / 2 for band in found.by_band]
        upper.axhline(found.nominal, color=colour, linewidth=1, linestyle="--", alpha=0.7)
        upper.plot(
            middles, [band.coverage for band in found.by_band], "o-", color=colour, markersize=4, linewidth=1,
            label=f"{name} intervals:\n{found.coverage:.1%} over all",
        )  # fmt: skip
        label = f"{name} intervals:\n{found.mean_width_cycles:.0f} cycles on average"
        edges = [*(band.from_cycles for band in found.by_band), found.by_band[-1].to_cycles]
        lower.stairs([band.mean_width_cycles for band in found.by_band], edges, color=colour, label=label)
    lowest = min(0.6, *(band.coverage for one in coverage.values() for band in one.by_band))
    upper.set_ylim(lowest - 0.1, 1.02)
    counted = next(iter(coverage.values()))
    for band in counted.by_band:
        middle = (band.from_cycles + band.to_cycles) / 2
        upper.annotate(f"{band.units}", (middle, lowest - 0.09), ha="center", fontsize=7, color=GREY)
    upper.set_ylabel("truth inside", fontsize=9)
    upper.yaxis.set_major_formatter(lambda value, _: f"{value:.0%}")
    lower.set(ylim=(0, None))
    lower.set_ylabel("width (cycles)", fontsize=9)
    lower.set_xlabel("predicted remaining life (cycles)", fontsize=9)
    told = f"{counted.units} units out of fold, {counted.windows} windows; grey: units in a band; dashed: as promised"
    figure.suptitle(told, fontsize=9)
    for axes in (upper, lower):
        axes.legend(frameon=False, fontsize=8, loc="center left", bbox_to_anchor=(1.0, 0.5))
    return _png(figure)


def _strongest(own: pl.DataFrame) -> list[tuple[str, float]]:
    """The strongest contributions of a unit, and the sum of all others."""
    ordered = own.sort(pl.col("contribution_cycles").abs(), descending=True, maintain_order=True)
    kept = list(ordered.head(PLAYERS_SHOWN).select("channel", "contribution_cycles").iter_rows())
    rest = ordered.slice(PLAYERS_SHOWN)
    return [*kept, (f"{rest.height}{OTHERS}", float(rest["contribution_cycles"].sum()))] if rest.height else kept


def _draw_bars(axes: Axes, kept: Sequence[tuple[str, float]]) -> None:
    values = [cycles for _, cycles in kept]
    colours = [GREY if name.endswith(OTHERS) else ORANGE if value < 0 else BLUE for name, value in kept]
    axes.barh(range(len(kept)), values, color=colours, height=0.65)
    axes.axvline(0, color=GREY, linewidth=0.8)
    for place, value in enumerate(values):
        axes.annotate(
            f"{value:+.1f}", (value, place), (3 if value >= 0 else -3, 0), textcoords="offset points", va="center",
            ha="left" if value >= 0 else "right", fontsize=7,
        )  # fmt: skip
    axes.set_yticks(range(len(kept)), [name for name, _ in kept], fontsize=8)
    axes.set_ylim(len(kept) - 0.4, -0.6)


def _figure(width: float, height: float) -> Figure:
    from matplotlib.figure import Figure

    return Figure(figsize=(width, height), layout="constrained")


def _axes(figure: Figure, place: tuple[int, int, int] = (1, 1, 1)) -> Axes:
    axes = figure.add_subplot(*place)
    axes.spines[["top", "right"]].set_visible(False)
    axes.tick_params(labelsize=8)
    return axes


def _png(figure: Figure) -> bytes:
    buffer = io.BytesIO()
    figure.savefig(buffer, format="png", dpi=110)
    return buffer.getvalue()
