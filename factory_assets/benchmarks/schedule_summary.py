"""What the rows of the scheduling benchmark say together: gaps, first schedules, and the comparison in pairs."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from factory_assets.benchmarks.schedule_engines import PEER, RULES
from factory_assets.benchmarks.schedule_jobs import Row

if TYPE_CHECKING:
    from factory_assets.benchmarks.schedule_runs import Outcome

DRAWS = 4000
NO_SCHEDULE_GAP = 10.0  # what a run of ours without a checked schedule counts as
NEVER_S = 1e6
LOST = 10.0  # the ratio where the peer alone has a schedule
CONFIDENCE = 0.95
SMALL = 300  # operations up to which a first schedule is wanted at once
FIRST = (
    "instance", "family", "engine", "seed", "makespan", "best_known", "lower_bound", "first_feasible_s", "cpu_s",
    "checked",
)  # fmt: skip
HIDDEN = ("path", "is_flexible")


@dataclass(frozen=True)
class Ratio:
    """Ours divided by the peer's, paired by instance and seed; below 1 ours is better.

    Attributes:
        mean: Geometric mean; `LOST` where anywhere the peer alone has a schedule, 0 where ours alone has any.
        low: Lower end of its 95 % interval, by bootstrap over instances and, within them, seeds.
        high: Upper end.
        pairs: In which both have a schedule.
        ours_only: In which ours alone has one; they are not in the mean.
        peer_only: In which the peer alone has one.
    """

    mean: float
    low: float
    high: float
    pairs: int
    ours_only: int
    peer_only: int

    def __str__(self) -> str:
        text = f"{self.mean:.4f} ({self.low:.4f} to {self.high:.4f}) in {self.pairs} pairs"
        text += f"; {self.ours_only} with a schedule of ours only" if self.ours_only else ""
        return text + (f"; {self.peer_only} with one of the peer only" if self.peer_only else "")


def mean(values: Iterable[float | None]) -> float | None:
    """Mean of those that are there; None of none."""
    known = [value for value in values if value is not None]
    return sum(known) / len(known) if known else None


def gap_mean(rows: Sequence[Row], engine: str) -> float | None:
    """Mean gap to the best known makespan; of the peer over its checked schedules, of ours over all runs."""
    own = [row for row in rows if row["engine"] == engine]
    without = NO_SCHEDULE_GAP if engine == "ours" else None
    return mean(row["gap"] if row["checked"] else without for row in own)


def first_feasible(rows: Sequence[Row], engine: str, fits: Callable[[Row], bool]) -> float | None:
    """The longest time to a first schedule among the runs that fit; `NEVER_S` if one had none."""
    own = [row for row in rows if row["engine"] == engine and fits(row)]
    return max((NEVER_S if row["first_feasible_s"] is None else row["first_feasible_s"] for row in own), default=None)


def share_checked(rows: Sequence[Row], engine: str) -> float | None:
    """The share of an engine's runs that ended with a schedule to which the checker has no objection."""
    own = [row for row in rows if row["engine"] == engine]
    return sum(row["checked"] for row in own) / len(own) if own else None


def compared(rows: Sequence[Row], value: str = "makespan", *, shift: float = 0.0) -> Ratio | None:
    """Ours against the peer in pairs of the same instance and seed; None without pairs.

    Args:
        rows: Of one group.
        value: `makespan` or `cost`.
        shift: Added to both, so that a cost of 0 can be divided.
    """
    by_run: dict[tuple[str, int], dict[str, float | None]] = defaultdict(dict)
    for row in rows:
        if row["engine"] in {"ours", PEER}:
            by_run[row["instance"], row["seed"]][row["engine"]] = row[value] if row["checked"] else None
    logs: dict[str, list[float]] = defaultdict(list)
    ours_only = peer_only = 0
    for (instance, _), both in by_run.items():
        if len(both) < 2:
            continue
        mine, other = both["ours"], both[PEER]
        if mine is not None and other is not None:
            logs[instance].append(math.log((mine + shift) / (other + shift)))
        else:
            ours_only += mine is not None
            peer_only += other is not None
    if peer_only:
        return Ratio(LOST, LOST, LOST, sum(map(len, logs.values())), ours_only, peer_only)
    if not logs:
        return Ratio(0.0, 0.0, 0.0, 0, ours_only, 0) if ours_only else None
    low, high = _interval(list(logs.values()))
    count = sum(map(len, logs.values()))
    middle = sum(map(sum, logs.values())) / count
    return Ratio(math.exp(middle), math.exp(low), math.exp(high), count, ours_only, 0)


def _interval(logs: Sequence[Sequence[float]]) -> tuple[float, float]:
    """Bootstrap: instances are drawn, then seeds within each."""
    random = np.random.default_rng(0)
    drawn = random.integers(len(logs), size=(DRAWS, len(logs))).tolist()
    means = [np.mean(np.concatenate([random.choice(logs[at], len(logs[at])) for at in draw])) for draw in drawn]
    edge = (1 - CONFIDENCE) / 2
    return float(np.quantile(means, edge)), float(np.quantile(means, 1 - edge))


def faults(rows: Sequence[Row]) -> list[str]:
    """Rows that cannot be true: a proven bound above a known makespan, or a makespan below a proven optimum."""
    found = []
    for row in rows:
        if row["best_known"] is None:
            continue
        who = f"{row['engine']} on {row['instance']}, seed {row['seed']}"
        bound, makespan = row["lower_bound"], row["makespan"]
        if bound is not None and bound > row["best_known"] + 1e-6:
            found.append(f"{who}: claims the bound {bound}, but a makespan of {row['best_known']} is known")
        if makespan is not None and row["checked"] and row["optimal_known"] and makespan < row["best_known"]:
            found.append(f"{who}: makespan {makespan} is below the proven optimum {row['best_known']}")
    return found


@dataclass(frozen=True)
class Savings:
    """Cost of ours on derived instances in terms of another's.

    Attributes:
        summed: Ratio of the sums.
        geometric: Geometric mean of the ratios, 1 added to each cost.
        runs: How many are in it.
        without: In how many the other had no checked schedule; they are not in it.
    """

    summed: float
    geometric: float
    runs: int
    without: int


def savings(rows: Sequence[Row], other: str) -> Savings | None:
    """Ours against PyJobShop by seed, or (`rules`) against the best dispatching rule of each instance."""
    costs = {(row["instance"], row["engine"], row["seed"]): row["cost"] for row in rows if row["checked"]}
    pairs, without = [], 0
    for row in rows:
        if row["engine"] != "ours":
            continue
        name, seed = row["instance"], row["seed"]
        if other == "rules":
            theirs = min((costs[name, rule, 0] for rule in RULES if (name, rule, 0) in costs), default=None)
        else:
            theirs = costs.get((name, other, seed))
        if theirs is None:
            without += 1
        else:
            pairs.append((row["cost"] if row["checked"] else LOST * theirs, theirs))
    if not pairs:
        return None
    total = sum(theirs for _, theirs in pairs)
    summed = sum(mine for mine, _ in pairs) / total if total else math.nan
    logs = [math.log((mine + 1) / (theirs + 1)) for mine, theirs in pairs]
    return Savings(summed, math.exp(sum(logs) / len(logs)), len(pairs), without)


def groups(rows: Sequence[Row]) -> dict[str, list[Row]]:
    """The rows of each group."""
    found: dict[str, list[Row]] = defaultdict(list)
    for row in rows:
        found[row["group"]].append(row)
    return found


def results(outcome: Outcome) -> dict[str, Any]:
    """Everything for programs: settings, a row for each run, and the summary."""
    plan = outcome.plan
    return {
        "settings": {
            "seconds": plan.seconds, "workers": plan.workers, "seeds": plan.seeds, "engines": list(plan.engines),
            "jobs": plan.jobs, "parts": list(plan.parts), "not_run": outcome.left,
        },
        "rows": [shown(row) for row in outcome.of("makespan")],
        "derived": [shown(row) for row in outcome.of("derived")],
        "breakdowns": [shown(row) for row in outcome.of("breakdown")],
        "summary": summary(outcome),
    }  # fmt: skip


def shown(row: Row) -> Row:
    """A row as it is written down: what was asked for first, no paths."""
    rest = {name: value for name, value in row.items() if name not in {*FIRST, *HIDDEN}}
    return {**{name: row.get(name) for name in FIRST}, **rest}


def summary(outcome: Outcome) -> dict[str, Any]:
    """Means and comparisons as plain values; what cannot be said is None."""
    rows, derived = outcome.of("makespan"), outcome.of("derived")
    by_group = {
        group: {
            **{f"gap_{engine}": _plain(gap_mean(own, engine)) for engine in outcome.plan.engines},
            "ratio": _fields(compared(own)),
        }
        for group, own in groups(rows).items()
    }
    return {
        "groups": by_group,
        "first_feasible_s": {
            engine: {
                f"up_to_{SMALL}_operations": _plain(first_feasible(rows, engine, is_small)),
                "bel": _plain(first_feasible(rows, engine, is_bel)),
            }
            for engine in outcome.plan.engines
        },
        "share_checked": {engine: share_checked(rows, engine) for engine in outcome.plan.engines},
        "derived": {other: _fields(savings(derived, other)) for other in (PEER, "rules")},
        "faults": faults(rows),
    }


def is_small(row: Row) -> bool:
    """Whether a first schedule is wanted at once."""
    return bool(row["operations"] <= SMALL)


def is_bel(row: Row) -> bool:
    """Whether it is one of the large shops of a real plant."""
    return bool(row["group"] == "bel")


def _plain(value: float | None) -> float | None:
    return value if value is not None and math.isfinite(value) else None


def _fields(value: Ratio | Savings | None) -> dict[str, float | None] | None:
    return None if value is None else {name: _plain(one) for name, one in vars(value).items()}


def summary_lines(outcome: Outcome) -> list[str]:
    """The summary for people, in the terminal of the light runner."""
    lines = [f"{len(outcome.rows)} runs are there, {outcome.left} were not begun"]
    rows = outcome.of("makespan")
    for group, own in groups(rows).items():
        means = [f"{engine} {_percent(gap_mean(own, engine))}" for engine in outcome.plan.engines]
        lines.append(f"{group}: mean gap {', '.join(means)}; ratio {compared(own)}")
    for engine in outcome.plan.engines:
        small, bel = (first_feasible(rows, engine, fits) for fits in (is_small, is_bel))
        checked = share_checked(rows, engine)
        lines.append(f"{engine}: first schedule up to {SMALL} operations {small}, bel {bel} s; checked {checked}")
    lines += [f"derived: {other} {savings(outcome.of('derived'), other)}" for other in (PEER, "rules")]
    return lines + [f"CANNOT BE TRUE: {fault}" for fault in faults(rows)]


def _percent(value: float | None) -> str:
    return "-" if value is None else f"{100 * value:.2f} %"
