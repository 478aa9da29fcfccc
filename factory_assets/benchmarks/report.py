"""What a benchmark hands back: figures with their goals, and tables that show where they come from."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any


@dataclass(frozen=True)
class Options:
    """How a benchmark is to be run.

    Attributes:
        folder: An empty folder to work in; the caller removes it.
        is_quick: Small sizes that show that it works; the figures mean little.
        sizes: Sizes asked for by name, instead of those of the benchmark.
    """

    folder: Path
    is_quick: bool = False
    sizes: Mapping[str, int] = field(default_factory=dict)

    def size(self, name: str, *, full: int, quick: int) -> int:
        """The size to use under this name."""
        return self.sizes.get(name, quick if self.is_quick else full)


@dataclass(frozen=True)
class Goal:
    """Bounds that a figure is to keep, both of them included."""

    least: float | None = None
    most: float | None = None

    def is_reached(self, value: float) -> bool:
        """Whether a value keeps the bounds; one that is not a number does not."""
        above = self.least is None or value >= self.least
        below = self.most is None or value <= self.most
        return above and below and value == value  # noqa: PLR0124 (NaN differs from itself)

    def __str__(self) -> str:
        if self.least is not None and self.least == self.most:
            return f"= {number(self.least)}"
        bounds = [(">=", self.least), ("<=", self.most)]
        return " and ".join(f"{sign} {number(bound)}" for sign, bound in bounds if bound is not None)


@dataclass(frozen=True)
class Figure:
    """One measured value.

    Attributes:
        name: What was measured, with its unit.
        ours: The value.
        baseline: The same for what it is compared with, or the count that the truth asks for.
        ratio: Ours in terms of the baseline, so that more is better; None where there is nothing to divide.
        goal: What the ratio (without one: the value) is to keep; None for a figure that only informs.
        held_equal: What was the same on both sides, or what the truth is.
    """

    name: str
    ours: float
    baseline: float | None = None
    ratio: float | None = None
    goal: Goal | None = None
    held_equal: str = ""

    @property
    def is_reached(self) -> bool | None:
        """Whether the goal is reached; None without a goal."""
        if self.goal is None:
            return None
        return self.goal.is_reached(self.ours if self.ratio is None else self.ratio)

    @property
    def verdict(self) -> str:
        """The same in a word."""
        return {None: "-", True: "yes", False: "MISSED"}[self.is_reached]

    def cells(self) -> list[str]:
        """The figure as a row of a table: name, ours, baseline, ratio, goal, verdict, what was held equal."""
        numbers = ["-" if value is None else number(value) for value in (self.ours, self.baseline, self.ratio)]
        return [self.name, *numbers, str(self.goal or "-"), self.verdict, self.held_equal]

    def as_json(self) -> dict[str, Any]:
        """Plain JSON values."""
        bounds = None if self.goal is None else {"least": self.goal.least, "most": self.goal.most}
        return {
            "figure": self.name, "ours": self.ours, "baseline": self.baseline, "ratio": self.ratio,
            "goal": bounds, "is_reached": self.is_reached, "held_equal": self.held_equal,
        }  # fmt: skip

    @classmethod
    def from_json(cls, value: Mapping[str, Any]) -> Figure:
        """The figure that `as_json` wrote."""
        bounds = value["goal"]
        return cls(
            name=value["figure"],
            ours=value["ours"],
            baseline=value["baseline"],
            ratio=value["ratio"],
            goal=None if bounds is None else Goal(**bounds),
            held_equal=value["held_equal"],
        )


HEADER = ["figure", "ours", "baseline", "ratio", "goal", "reached", "held equal"]


@dataclass(frozen=True)
class Details:
    """A table behind the figures."""

    title: str
    columns: Sequence[str]
    rows: Sequence[Sequence[str]]

    def as_json(self) -> dict[str, Any]:
        """Plain JSON values."""
        rows = [dict(zip(self.columns, row, strict=True)) for row in self.rows]
        return {"title": self.title, "columns": list(self.columns), "rows": rows}

    @classmethod
    def from_json(cls, value: Mapping[str, Any]) -> Details:
        """The table that `as_json` wrote."""
        columns = value["columns"]
        return cls(value["title"], columns, [[row[name] for name in columns] for row in value["rows"]])


@dataclass(frozen=True)
class Report:
    """What a benchmark found.

    Attributes:
        name: The benchmark, as it is called on the command line.
        title: What it asks, in a line.
        figures: What came out.
        details: Where it comes from.
        notes: What a reader must know to judge the figures.
        results: Values for programs, by name, beside the figures; they do not go onto the page.
    """

    name: str
    title: str
    figures: Sequence[Figure]
    details: Sequence[Details] = field(default=())
    notes: Sequence[str] = field(default=())
    results: Mapping[str, Any] = field(default_factory=dict)

    @property
    def missed(self) -> list[Figure]:
        """Figures whose goal is not reached."""
        return [figure for figure in self.figures if figure.is_reached is False]

    def as_json(self) -> dict[str, Any]:
        """Plain JSON values."""
        return {
            "benchmark": self.name, "title": self.title, "figures": [figure.as_json() for figure in self.figures],
            "details": [table.as_json() for table in self.details], "notes": list(self.notes),
        }  # fmt: skip

    @classmethod
    def from_json(cls, value: Mapping[str, Any]) -> Report:
        """The report that `as_json` wrote."""
        return cls(
            name=value["benchmark"],
            title=value["title"],
            figures=[Figure.from_json(figure) for figure in value["figures"]],
            details=[Details.from_json(table) for table in value["details"]],
            notes=value["notes"],
        )


def number(value: float) -> str:
    """A number for people: whole ones with separators, others with three digits that count."""
    if float(value).is_integer():
        return f"{int(value):,}"
    return f"{value:,.0f}" if abs(value) >= 1000 else f"{value:.3g}"
