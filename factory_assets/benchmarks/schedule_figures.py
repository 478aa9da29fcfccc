"""The figures of the scheduling benchmark with their goals, and the tables behind them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from factory_assets.benchmarks import schedule_derived
from factory_assets.benchmarks.report import Details, Figure, Goal, number
from factory_assets.benchmarks.schedule_breakdowns import FROZEN_MIN, SEARCH_S
from factory_assets.benchmarks.schedule_engines import PEER, RULES
from factory_assets.benchmarks.schedule_jobs import Row
from factory_assets.benchmarks.schedule_summary import (
    SMALL,
    Ratio,
    compared,
    faults,
    first_feasible,
    gap_mean,
    groups,
    is_bel,
    is_small,
    mean,
    savings,
    share_checked,
)

if TYPE_CHECKING:
    from factory_assets.benchmarks.schedule_contradictions import Explained
    from factory_assets.benchmarks.schedule_runs import Outcome, Plan

GAP_PERCENT = {"la21-40": 0.5, "ta": 2.5, "mk": 2.0, "Hurink": 0.5, "dpp": 2.0}
BETTER_ON = ("ta", "mk", "dpp", "bel")
BETTER = Goal(most=0.9999)  # the upper end of the interval is below 1
NOT_WORSE = Goal(most=1.0)  # the lower end is not above 1
CHEAPER = Goal(most=0.8)
FIRST_SMALL_S, FIRST_BEL_S = 2.0, 10.0
RESCHEDULE_S, MOVED_PERCENT = 5.0, 20.0
EXPLAIN_S = 10.0


def figures(outcome: Outcome, explained: Sequence[Explained]) -> list[Figure]:
    """All figures of the parts that were run."""
    found = []
    if outcome.of("makespan"):
        found += _makespan_figures(outcome.plan, outcome.of("makespan"))
    if outcome.of("derived"):
        found += _derived_figures(outcome.plan, outcome.of("derived"))
    if outcome.of("breakdown"):
        found += _breakdown_figures(outcome.of("breakdown"))
    if explained:
        found += _contradiction_figures(explained)
    return found


def _equal(plan: Plan) -> str:
    return (
        f"instance, {number(plan.seconds)} s, {plan.workers} worker(s) on cores of their own, "
        f"seeds 0 to {plan.seeds - 1}; "
        "a process for each run, clock from handing over the problem, engines in turns; all schedules checked alike"
    )


def _makespan_figures(plan: Plan, rows: Sequence[Row]) -> list[Figure]:
    equal, by_group = _equal(plan), groups(rows)
    found = []
    for group, own in by_group.items():
        mine, other = gap_mean(own, "ours"), gap_mean(own, PEER)
        if mine is not None:
            goal = Goal(most=GAP_PERCENT[group]) if group in GAP_PERCENT else None
            baseline = None if other is None else 100 * other
            found.append(Figure(f"mean gap to best known, {group}, %", 100 * mine, baseline, None, goal, equal))
    for name, fits, most in (
        (f"longest time to a first schedule up to {SMALL} operations, s", is_small, FIRST_SMALL_S),
        ("the same on bel, s", is_bel, FIRST_BEL_S),
    ):
        mine = first_feasible(rows, "ours", fits)
        if mine is not None:
            found.append(Figure(name, mine, first_feasible(rows, PEER, fits), None, Goal(most=most), equal))
    share, theirs = share_checked(rows, "ours"), share_checked(rows, PEER)
    if share is not None:
        baseline = None if theirs is None else 100 * theirs
        found.append(
            Figure("runs that end with a checked schedule, %", 100 * share, baseline, None, Goal(least=100), equal)
        )
    for group, own in by_group.items():
        ratio = compared(own)
        if ratio is not None:
            found.append(_ratio_figure(group, ratio))
    return [*found, Figure("claims that cannot be true: bounds, makespans", len(faults(rows)), goal=Goal(0, 0))]


def _ratio_figure(group: str, ratio: Ratio) -> Figure:
    if group in BETTER_ON:
        return Figure(
            f"makespan / {PEER}'s on {group}, upper end of the interval", ratio.high, goal=BETTER, held_equal=str(ratio)
        )
    name = f"makespan / {PEER}'s on {group}, lower end of the interval"
    return Figure(name, ratio.low, goal=NOT_WORSE, held_equal=str(ratio))


def _derived_figures(plan: Plan, rows: Sequence[Row]) -> list[Figure]:
    equal = f"{_equal(plan)}; weighted tardiness, set-ups, shifts: the same in both models"
    found = []
    for other, name in ((PEER, PEER), ("rules", f"best of {', '.join(RULES)}")):
        saved = savings(rows, other)
        if saved is None:
            continue
        told = f"{equal}; {saved.runs} runs" + (f", {saved.without} without a schedule of it" if saved.without else "")
        found += [
            Figure(f"cost of late orders / {name}, of the sums", saved.summed, goal=CHEAPER, held_equal=told),
            Figure(f"cost of late orders / {name}, geometric mean", saved.geometric, held_equal=told),
        ]
    share = share_checked(rows, "ours")
    if share is not None:
        found.append(Figure("the same instances: checked schedules, %", 100 * share, goal=Goal(least=100)))
    return found


def _breakdown_figures(rows: Sequence[Row]) -> list[Figure]:
    done = [row for row in rows if not row.get("error")]
    if not done:
        return [Figure("breakdowns after which a checked schedule is there, %", 0.0, goal=Goal(least=100))]
    told = f"{len(rows)} breakdowns half-way, {FROZEN_MIN} min frozen, {number(SEARCH_S)} s of search"
    shares = [100 * row["moved"] / max(1, row["others"]) for row in done]
    checked = 100 * sum(row["checked"] for row in rows) / len(rows)
    worst = max(row["wall_s"] for row in done)
    changed = sum(row["frozen_changed"] for row in done)
    moves, none, all_checked = Goal(most=MOVED_PERCENT), Goal(0, 0), Goal(least=100)
    return [
        Figure("new schedule after a breakdown, longest, s", worst, goal=Goal(most=RESCHEDULE_S), held_equal=told),
        Figure("frozen tasks that changed though nothing forced them", changed, goal=none, held_equal=told),
        Figure("other tasks that moved, mean, %", mean(shares) or 0.0, goal=moves, held_equal=told),
        Figure("other tasks that moved, most, %", max(shares), held_equal=told),
        Figure("breakdowns after which a checked schedule is there, %", checked, goal=all_checked, held_equal=told),
    ]


def _contradiction_figures(explained: Sequence[Explained]) -> list[Figure]:
    told = "planted into seeded shops that can be planned; without any one of the named demands the others are solved"
    good, worst = sum(one.is_explained for one in explained), max(one.seconds for one in explained)
    return [
        Figure("contradictions explained", good, len(explained), good / len(explained), Goal(least=1.0), told),
        Figure("longest explanation, s", worst, goal=Goal(most=EXPLAIN_S), held_equal=told),
    ]


def details(outcome: Outcome, explained: Sequence[Explained]) -> list[Details]:
    """A table for each part."""
    tables = []
    if outcome.of("makespan"):
        columns = ["instance", "best known", "engine", "makespans by seed", "bound", "first schedule, s", "CPU, s"]
        tables.append(Details("Makespans", columns, _by_instance(outcome.of("makespan"), "makespan")))
    if outcome.of("derived"):
        columns = ["instance", "engine", "costs by seed", "bound", "first schedule, s", "CPU, s"]
        rows = [[line[0], *line[2:]] for line in _by_instance(outcome.of("derived"), "cost")]
        tables.append(Details("Cost of late orders", columns, rows))
    if outcome.of("breakdown"):
        columns = ["instance", "seed", "machine", "s", "frozen", "others", "moved", "checked"]
        rows = [_breakdown_cells(row) for row in outcome.of("breakdown")]
        tables.append(Details("Breakdowns", columns, rows))
    if explained:
        rows = [
            [one.case, _yes(one.is_named), _yes(one.is_irreducible), f"{one.seconds:.2f}", " / ".join(one.words)]
            for one in explained
        ]
        tables.append(Details("Contradictions", ["planted", "named", "irreducible", "s", "explanation"], rows))
    return tables


def _breakdown_cells(row: Row) -> list[str]:
    names = ("instance", "seed", "machine_down", "wall_s", "frozen", "others", "moved", "checked")
    return ["-" if row.get(name) is None else _cell(row[name]) for name in names]


def _cell(value: object) -> str:
    if isinstance(value, bool):
        return _yes(value)
    return number(value) if isinstance(value, (int, float)) else str(value)


def _yes(value: bool) -> str:  # noqa: FBT001 (a cell)
    return "yes" if value else "NO"


def _by_instance(rows: Sequence[Row], value: str) -> list[list[str]]:
    """A line for each instance and engine."""
    together: dict[tuple[str, str], list[Row]] = {}
    for row in rows:
        together.setdefault((row["instance"], row["engine"]), []).append(row)
    lines = []
    for (instance, engine), own in sorted(together.items(), key=lambda item: _place(rows, item[0])):
        values = ", ".join(number(row[value]) if row["checked"] else "none" for row in own)
        bounds = [row["lower_bound"] for row in own if row["lower_bound"] is not None]
        firsts = [row["first_feasible_s"] for row in own if row["first_feasible_s"] is not None]
        cpu = mean(row["cpu_s"] for row in own)
        known = own[0]["best_known"]
        lines.append([
            instance, "-" if known is None else number(known), engine, values, number(max(bounds)) if bounds else "-",
            f"{max(firsts):.2f}" if firsts else "-", f"{cpu:.1f}" if cpu is not None else "-",
        ])  # fmt: skip
    return lines


def _place(rows: Sequence[Row], key: tuple[str, str]) -> tuple[int, str]:
    return next(at for at, row in enumerate(rows) if row["instance"] == key[0]), key[1]


def notes(outcome: Outcome) -> list[str]:
    """What a reader must know."""
    machines = sorted({row["machine"] for row in outcome.rows if row.get("machine")})
    errors = [
        f"{row['part']} {row['instance']} {row['engine']}: {row['error']}" for row in outcome.rows if row.get("error")
    ]
    found = [
        "Instances: four of each group at even distances in the order of names, or those that were asked for.",
        "PyJobShop is given the time that is left after its model is built; its first schedule is told by a callback.",
        "Intervals: 95 %, bootstrap over instances and, within them, seeds; pairs that it has no schedule for are out.",
        f"Derived instances: seed {schedule_derived.SEED}; {schedule_derived.LISTED_RULE}.",
        "Set-ups take time and cost nothing, since PyJobShop has no cost of machines.",
        *(f"Ran on: {machine}." for machine in machines),
        *(f"{fault}." for fault in faults(outcome.rows)),
        *errors,
    ]
    return [*found, f"{outcome.left} runs were not begun."] if outcome.left else found
