"""Pictures of the verdicts that came in, as PNG."""

from __future__ import annotations

import io

import polars as pl

DPI = 90
COLOURS = {"ok": "#4c72b0", "classified": "#8172b3", "nok": "#c44e52", "not judged": "#999999"}
THRESHOLD_COLOUR = "#333333"
SCORE_BINS = 40


def verdicts_by_hour(verdicts: pl.DataFrame) -> bytes:
    """Stacked counts by hour and verdict; parts that were not judged stand apart."""
    from matplotlib.dates import AutoDateLocator, ConciseDateFormatter
    from matplotlib.figure import Figure

    kind = pl.when(pl.col("failure").is_null()).then("verdict").otherwise(pl.lit("not judged"))
    hour = pl.col("concluded_ts_utc").dt.truncate("1h").dt.replace_time_zone(None)
    counted = verdicts.group_by(hour=hour, kind=kind).len("count")
    hours = counted["hour"].unique().sort()
    figure = Figure(figsize=(7, 2.8), dpi=DPI, layout="constrained")
    axes = figure.subplots()
    below = pl.Series([0] * hours.len(), dtype=pl.Int64)
    for name, colour in COLOURS.items():
        of_kind = dict(counted.filter(pl.col("kind") == name).select("hour", "count").iter_rows())
        counts = pl.Series([of_kind.get(at, 0) for at in hours], dtype=pl.Int64)
        if counts.sum():
            axes.bar(hours.to_list(), counts, bottom=below, width=0.9 / 24, align="edge", color=colour, label=name)
        below = below + counts
    axes.set(xlabel="UTC, by the stations' clocks", ylabel="verdicts an hour")
    if counted.height:
        locator = AutoDateLocator()
        axes.xaxis.set_major_locator(locator)
        axes.xaxis.set_major_formatter(ConciseDateFormatter(locator))
        axes.legend(frameon=False, ncols=len(COLOURS), loc="lower right", bbox_to_anchor=(1, 1))
    return _png(figure)


def scores(verdicts: pl.DataFrame) -> bytes:
    """Scores of judged parts, with the newest threshold."""
    from matplotlib.figure import Figure

    judged = verdicts.drop_nulls("score").sort("concluded_ts_utc")
    figure = Figure(figsize=(7, 2.8), dpi=DPI, layout="constrained")
    axes = figure.subplots()
    for name, colour in COLOURS.items():
        of_kind = judged.filter(pl.col("verdict") == name)["score"]
        if of_kind.len():
            axes.hist(of_kind, bins=SCORE_BINS, range=(0, 1), color=colour, alpha=0.7, label=name, log=True)
    thresholds = judged["threshold"].drop_nulls()
    if thresholds.len():
        axes.axvline(thresholds[-1], color=THRESHOLD_COLOUR, linestyle=":", label=f"threshold {thresholds[-1]:.3g}")
    axes.set(xlabel="score", ylabel="verdicts")
    if axes.has_data():
        axes.legend(frameon=False)
    return _png(figure)


def _png(figure: object) -> bytes:
    buffer = io.BytesIO()
    figure.savefig(buffer, format="png")  # type: ignore[attr-defined]
    return buffer.getvalue()
