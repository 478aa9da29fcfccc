"""Tables for a terminal: money with its currency, minutes as clock times of the plant."""

from __future__ import annotations

from typing import TYPE_CHECKING

from factory_assets.planning.problem import Cost
from factory_assets.planning.showing.reports import duration_words

if TYPE_CHECKING:
    from rich.table import Table

PARTS = ("lateness", "setup", "work", "risk", "moves")
PART_NAMES = {
    "lateness": "orders late",
    "setup": "set-ups",
    "work": "work",
    "risk": "risk of failures",
    "moves": "moving tasks",
}
HALF_CENT = 0.005


def new_table(title: str, *columns: str, right: tuple[str, ...] = ()) -> Table:
    """An empty table whose title stands at its left; columns in `right` hold numbers."""
    from rich.table import Table

    table = Table(title=title, title_justify="left", title_style="bold")
    for column in columns:
        table.add_column(column, justify="right" if column in right else "left")
    return table


def money(value: float, *, is_signed: bool = False) -> str:
    """Whole money, with thousands set apart; what is less than half a cent is nothing."""
    if abs(value) < HALF_CENT:
        return "0"
    digits = 0 if abs(value) >= 10 else 2
    return f"{value:+,.{digits}f}" if is_signed else f"{value:,.{digits}f}"


def shift_words(minutes: int, *, none: str = "-") -> str:
    """A difference of minutes: 2 h later, 45 min earlier."""
    if not minutes:
        return none
    return f"{duration_words(abs(minutes))} {'later' if minutes > 0 else 'earlier'}"


def late_words(minutes: int) -> str:
    """A lateness: 2 h late, or in time."""
    return f"{duration_words(minutes)} late" if minutes > 0 else "in time"


def cost_parts(cost: Cost) -> dict[str, float]:
    """The parts of a cost and their sum, by name."""
    return {**{part: float(getattr(cost, part)) for part in PARTS}, "total": cost.total}
