"""A schedule to look at: an interactive page that needs no network, and a picture."""

from __future__ import annotations

import datetime as dt
import html
import io
import json
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from factory_assets.planning.problem import Interval, Problem, Schedule, Task
from factory_assets.planning.showing.gantt_data import Window, chart_data, days_of, window_of
from factory_assets.planning.showing.reports import late_orders
from factory_assets.planning.spans import common, joined

if TYPE_CHECKING:
    from matplotlib.axes import Axes

PAGE = Path(__file__).parent / "page"
# As on the page: set-up families in order of their names.
PALETTE = ("#1f6fb4", "#c8690b", "#0b8768", "#b3528d", "#6a51a3", "#8a6d00", "#3b8ea5", "#a8323e")
UPKEEP, CLOSED, LATE, GREY, INK = "#333b49", "#e6eaf0", "#c01f2e", "#7b8794", "#1c2430"
LEGEND_SHOWN = 8


def gantt_page(
    problem: Problem, schedule: Schedule, *, title: str, time_zone: str = "UTC", now_utc: dt.datetime | None = None
) -> str:
    """An HTML page with everything in it: style, script and data; it asks nothing of a network.

    Args:
        problem: What was scheduled.
        schedule: What to show.
        title: Stands above it.
        time_zone: IANA name of the plant's zone, in which clock times are shown.
        now_utc: Where the line of the present is drawn; nowhere if None.
    """
    data = chart_data(problem, schedule, time_zone=time_zone, now_utc=now_utc)
    # "<" could end the script element from within a name.
    text = json.dumps(data, separators=(",", ":"), ensure_ascii=False).replace("<", "\\u003c")
    page = (PAGE / "gantt.html").read_text(encoding="utf-8")
    parts = {
        "@TITLE@": html.escape(title),
        "@STYLE@": (PAGE / "gantt.css").read_text(encoding="utf-8"),
        "@SCRIPT@": (PAGE / "gantt.js").read_text(encoding="utf-8"),
        "@DATA@": text,
    }
    pieces = page.split("@DATA@")
    for name in ("@TITLE@", "@STYLE@", "@SCRIPT@"):
        pieces = [piece.replace(name, parts[name]) for piece in pieces]
    return parts["@DATA@"].join(pieces)


def gantt_picture(problem: Problem, schedule: Schedule, *, title: str, time_zone: str = "UTC") -> bytes:
    """The same as a PNG: rows are machines, colours set-up families, set-ups hatched, late orders framed in red."""
    from matplotlib.figure import Figure

    window = window_of(schedule)
    rows = {machine.name: row for row, machine in enumerate(problem.machines)}
    figure = Figure(figsize=(12, 1.4 + 0.24 * max(4, len(rows))), layout="constrained")
    axes = figure.add_subplot()
    for machine, row in zip(problem.machines, rows.values(), strict=True):
        closed = [(begin, end - begin) for begin, end in window.closed(machine)]
        axes.broken_barh(closed, (row - 0.5, 1), facecolors=CLOSED, zorder=0)
    families = sorted({one.family for one in problem.operations.values() if one.family is not None})
    colours = {family: PALETTE[place % len(PALETTE)] for place, family in enumerate(families)}
    late = {one.order for one in late_orders(problem, schedule)}
    painter = _Painter(axes, problem, colours, late)
    for task in schedule.tasks:
        painter.draw(task, rows[task.machine])
    _finish(axes, problem, window, time_zone)
    axes.set_title(title, loc="left", fontsize=11)
    _legend(axes, colours, has_upkeep=any(task.name not in problem.operations for task in schedule.tasks))
    buffer = io.BytesIO()
    figure.savefig(buffer, format="png", dpi=110)
    return buffer.getvalue()


@dataclass(frozen=True)
class _Painter:
    axes: Axes
    problem: Problem
    colours: dict[str, str]
    late: set[str]

    def draw(self, task: Task, row: int) -> None:
        """Set-up, work in shifts, pauses paler, and a frame."""
        axes, operation = self.axes, self.problem.operations.get(task.name)
        span = (row - 0.38, 0.76)
        whole = [(task.start_min, task.end_min - task.start_min)]
        if operation is None:
            axes.broken_barh(whole, span, facecolors=UPKEEP, hatch="//", edgecolor="#8b93a1", linewidth=0, zorder=2)
            return
        colour = self.colours.get(operation.family or "", GREY)
        if task.setup_start_min < task.start_min:
            setup = [(begin, end - begin) for begin, end in self._worked(task, task.setup_start_min, task.start_min)]
            axes.broken_barh(setup, span, facecolors="white", hatch="////", edgecolor=colour, linewidth=0, zorder=2)
        worked = self._worked(task, task.start_min, task.end_min)
        axes.broken_barh(whole, span, facecolors=colour, alpha=0.4, zorder=2)
        axes.broken_barh([(begin, end - begin) for begin, end in worked], span, facecolors=colour, zorder=3)
        is_late = self.problem.order_of[task.name].name in self.late
        edge, width = (LATE, 1.3) if is_late else ("white", 0.5)
        axes.broken_barh(whole, span, facecolors="none", edgecolor=edge, linewidth=width, zorder=4)

    def _worked(self, task: Task, begin: int, end: int) -> list[Interval]:
        shifts = self.problem.machine[task.machine].shifts
        return [(begin, end)] if shifts is None else common([(begin, end)], joined(shifts))


def _finish(axes: Axes, problem: Problem, window: Window, time_zone: str) -> None:
    days = days_of(problem, window, time_zone)
    axes.set_xticks([max(day["at"], window.low) for day in days], [day["long"] for day in days], fontsize=8, ha="left")
    axes.set_yticks(range(len(problem.machines)), [machine.name for machine in problem.machines], fontsize=7)
    axes.grid(axis="x", color=GREY, alpha=0.5, linewidth=0.6)
    axes.set_axisbelow(True)
    axes.set(xlim=(window.low, window.high), ylim=(len(problem.machines) - 0.5, -0.5))
    axes.tick_params(length=0)
    axes.spines[["top", "right", "left"]].set_visible(False)


def _legend(axes: Axes, colours: dict[str, str], *, has_upkeep: bool) -> None:
    from matplotlib.patches import Patch

    patches = [Patch(facecolor=colour, label=family) for family, colour in list(colours.items())[:LEGEND_SHOWN]]
    patches.append(Patch(facecolor="white", hatch="////", edgecolor=INK, linewidth=0, label="set-up"))
    if has_upkeep:
        patches.append(Patch(facecolor=UPKEEP, label="maintenance"))
    patches += [Patch(facecolor="none", edgecolor=LATE, label="late order"), Patch(facecolor=CLOSED, label="closed")]
    axes.legend(
        handles=patches, ncols=len(patches), loc="lower right", bbox_to_anchor=(1, 1), frameon=False, fontsize=8,
        handlelength=1.4, columnspacing=1.2, borderaxespad=0.2,
    )  # fmt: skip
