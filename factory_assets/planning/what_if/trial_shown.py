"""A what-if for a terminal: what was asked, what it costs, and what moves."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from factory_assets.planning.problem import Schedule, Task
from factory_assets.planning.solving import gap_of
from factory_assets.planning.what_if.difference import Difference, OrderDifference
from factory_assets.planning.what_if.tables import (
    HALF_CENT,
    PART_NAMES,
    cost_parts,
    late_words,
    money,
    new_table,
    shift_words,
)
from factory_assets.planning.what_if.trial import Trial

if TYPE_CHECKING:
    from rich.table import Table
    from rich.text import Text

SHOWN = 20


def asked(trial: Trial) -> str:
    """What was asked, of which schedule, from when on."""
    clock = trial.base.clock
    first = f"What if, against the schedule of {trial.base.day}, from {clock.words(trial.now_min)} on "
    first += f"(times in {clock.time_zone}; until then all is taken to have gone as planned):"
    lines = [first, *(f"  - {change.words(clock)}" for change in trial.changes)]
    if not trial.changes:
        lines.append("  - nothing changes")
    lines += [f"  note: {note}" for note in trial.notes]
    return "\n".join(lines)


def answer(trial: Trial, currency: str) -> str:
    """The answer in a sentence or two; or why it cannot be."""
    if trial.after is None or trial.difference is None:
        lines = ["It cannot be: no schedule keeps to everything.", *(f"  {words}" for words in trial.clashes)]
        return "\n".join([*lines, "Nothing was changed; the schedule in force stays."])
    more = trial.after.cost.total - trial.before.cost.total
    cost = f"It costs {money(abs(more))} {currency} {'more' if more > 0 else 'less'}"
    if abs(more) < HALF_CENT:
        cost = "It costs the same"
    sentences = [f"{cost}.", *_new_orders(trial, trial.difference), _dates(trial.difference.orders)]
    if trial.anew and trial.changes:
        sentences.append("Part of that may come from placing everything anew: --anew alone shows how much.")
    return " ".join([*sentences, "Nothing was changed; the schedule in force stays."])


def tables(trial: Trial, currency: str) -> Iterator[Table | Text]:
    """Cost, orders, tasks, maintenance and machines that are different; none if it cannot be."""
    if trial.after is None or trial.difference is None:
        return
    yield _costs(trial.before, trial.after, currency)
    found = trial.difference
    if found.orders:
        yield _orders(trial, found, currency)
    yield _moved(trial, found)
    if found.maintenance:
        yield _maintenance(trial, found)
    if found.loads:
        yield _loads(found)


def _new_orders(trial: Trial, found: Difference) -> list[str]:
    ends = [(one, one.end_after_min) for one in found.orders if one.end_before_min is None]
    return [
        f"{one.order} ends {trial.base.clock.words(end)}, {late_words(one.late_after_min)}."
        for one, end in ends
        if end is not None
    ]


def _dates(orders: tuple[OrderDifference, ...]) -> str:
    both = [one for one in orders if one.end_before_min is not None and one.end_after_min is not None]
    later = sum(one.end_after_min > one.end_before_min for one in both)  # type: ignore[operator]
    earlier = sum(one.end_after_min < one.end_before_min for one in both)  # type: ignore[operator]
    newly = [one.order for one in both if one.late_after_min and not one.late_before_min]
    saved = [one.order for one in both if one.late_before_min and not one.late_after_min]
    if not (later or earlier or newly or saved):
        return "No other order ends at another time." if len(both) < len(orders) else "No order ends at another time."
    words = [f"{later} {'order ends' if later == 1 else 'orders end'} later, {earlier} earlier"]
    words += [f"late now: {_names(newly)}"] * bool(newly)
    words += [f"no longer late: {_names(saved)}"] * bool(saved)
    return "; ".join(words) + "."


def _names(names: list[str], shown: int = 5) -> str:
    return ", ".join(names[:shown]) + (f" and {len(names) - shown} more" if len(names) > shown else "")


def _costs(before: Schedule, after: Schedule, currency: str) -> Table:
    numbers = ("before", "after", "difference")
    table = new_table(f"Cost ({currency})", "part", *numbers, right=numbers)
    old, new = cost_parts(before.cost), cost_parts(after.cost)
    for part, value in old.items():
        if part == "total":
            table.add_section()
        table.add_row(
            PART_NAMES.get(part, part), money(value), money(new[part]), money(new[part] - value, is_signed=True)
        )
    both = (before, after)
    bounds = ("nothing proven" if one.lower_bound is None else money(one.lower_bound) for one in both)
    gaps = ("nothing proven" if (gap := gap_of(one, "cost")) is None else f"{gap:.1%}" for one in both)
    table.add_row("proven: no schedule costs less than", *bounds, "")
    table.add_row("gap", *gaps, "")
    return table


def _orders(trial: Trial, found: Difference, currency: str) -> Table:
    clock = trial.base.clock
    cost = f"cost of lateness ({currency})"
    table = new_table(
        f"Orders that are different, {len(found.orders)} of {len(trial.problem.orders)}",
        "order", "end before", "end after", "moved", "due", "late before", "late after", cost, right=(cost,),
    )  # fmt: skip
    for one in found.orders[:SHOWN]:
        ends = [None if end is None else clock.words(end) for end in (one.end_before_min, one.end_after_min)]
        moved = "new" if one.end_before_min is None else "called off"
        if one.end_before_min is not None and one.end_after_min is not None:
            moved = shift_words(one.end_after_min - one.end_before_min)
        table.add_row(
            one.order,
            ends[0] or "-",
            ends[1] or "-",
            moved,
            "-" if one.due_min is None else clock.words(one.due_min),
            "-" if one.end_before_min is None else late_words(one.late_before_min),
            "-" if one.end_after_min is None else late_words(one.late_after_min),
            money(one.cost_after - one.cost_before, is_signed=True),
        )
    _say_more(table, len(found.orders))
    return table


def _moved(trial: Trial, found: Difference) -> Table | Text:
    from rich.text import Text

    title = f"Tasks moved: {found.moved_count} of {found.movable} that could be ({found.share_moved:.0%})"
    if found.longer:
        title += f"; where they are, but with another end: {_names(list(found.longer))}"
    if not found.moved:
        return Text(title, style="bold")
    table = new_table(title, "task", "machine", "begin before", "begin after", "moved")
    for one in found.moved[:SHOWN]:
        old, new = one.before, one.after
        if old is None or new is None:
            continue
        machine = new.machine if old.machine == new.machine else f"{old.machine} -> {new.machine}"
        table.add_row(
            one.name, machine, *_begins(trial, old, new), shift_words(new.start_min - old.start_min, none="same time")
        )
    _say_more(table, len(found.moved))
    return table


def _begins(trial: Trial, *tasks: Task) -> list[str]:
    return [trial.base.clock.words(task.start_min) for task in tasks]


def _maintenance(trial: Trial, found: Difference) -> Table:
    table = new_table("Maintenance that is different", "task", "machine", "begin before", "begin after", "moved")
    for one in found.maintenance:
        there = one.after or one.before
        if there is None:
            continue
        times = ["not placed" if task is None else _begins(trial, task)[0] for task in (one.before, one.after)]
        moved = "placed" if one.before is None else "left out"
        if one.before is not None and one.after is not None:
            moved = shift_words(one.after.start_min - one.before.start_min)
        table.add_row(one.name, there.machine, *times, moved)
    return table


def _loads(found: Difference) -> Table:
    numbers = ("load before", "load after", "busy before", "busy after", "open before", "open after")
    table = new_table("Machines that do more or less", "machine", *numbers, right=numbers)
    for one in found.loads[:SHOWN]:
        spans = (one.busy_before_min, one.busy_after_min, one.open_before_min, one.open_after_min)
        loads = (f"{one.load_before:.0%}", f"{one.load_after:.0%}")
        table.add_row(one.machine, *loads, *(f"{span / 60:,.1f} h" for span in spans))
    _say_more(table, len(found.loads))
    return table


def _say_more(table: Table, count: int) -> None:
    if count > SHOWN:
        table.caption = f"and {count - SHOWN} more; --json FILE has all of them"
        table.caption_justify = "left"
