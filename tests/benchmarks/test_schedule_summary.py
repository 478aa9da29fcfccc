"""What is said of rows: means, comparison in pairs, what cannot be true, goals."""

from __future__ import annotations

from pathlib import Path

import pytest

from factory_assets.benchmarks.report import Figure
from factory_assets.benchmarks.schedule_contradictions import Explained
from factory_assets.benchmarks.schedule_figures import details, figures, notes
from factory_assets.benchmarks.schedule_runs import Outcome, Plan
from factory_assets.benchmarks.schedule_summary import (
    LOST,
    NEVER_S,
    NO_SCHEDULE_GAP,
    compared,
    faults,
    first_feasible,
    gap_mean,
    results,
    savings,
    summary_lines,
)
from tests.benchmarks.schedule_made import row

PAIRS = [
    row("mk01", "ours", 0, 100), row("mk01", "pyjobshop", 0, 110), row("mk01", "ours", 1, 102),
    row("mk01", "pyjobshop", 1, 104), row("mk02", "ours", 0, 101), row("mk02", "pyjobshop", 0, 103),
]  # fmt: skip


def outcome_of(rows: list[dict]) -> Outcome:
    return Outcome(Plan(Path(), Path()), rows)


def named(found: list[Figure], words: str) -> Figure:
    return next(one for one in found if words in one.name)


def test_gaps_are_means_over_runs() -> None:
    assert gap_mean(PAIRS, "ours") == pytest.approx(0.01)
    assert gap_mean(PAIRS, "pyjobshop") == pytest.approx(0.17 / 3)
    assert gap_mean(PAIRS, "nobody") is None


def test_a_run_of_ours_without_a_checked_schedule_is_not_passed_over() -> None:
    for bad in (row("mk03", "ours", 0, None), row("mk03", "ours", 0, 100, checked=False)):
        assert gap_mean([*PAIRS, bad], "ours") == pytest.approx((0.03 + NO_SCHEDULE_GAP) / 4)
    late = row("mk03", "ours", 0, None, first_feasible_s=None)
    assert first_feasible([*PAIRS, late], "ours", lambda _: True) == NEVER_S


def test_the_comparison_is_in_pairs() -> None:
    found = compared(PAIRS)
    assert found is not None
    assert found.pairs == 3
    assert found.mean == pytest.approx((100 / 110 * 102 / 104 * 101 / 103) ** (1 / 3))
    assert found.low < found.mean < found.high < 1
    assert compared(PAIRS) == found, "the draws are seeded"
    assert compared([one for one in PAIRS if one["engine"] == "ours"]) is None


def test_a_schedule_that_one_alone_has_is_told() -> None:
    ours_alone = [row("mk03", "ours", 0, 100), row("mk03", "pyjobshop", 0, None)]
    found = compared([*PAIRS, *ours_alone])
    assert found is not None
    assert (found.pairs, found.ours_only, found.peer_only) == (3, 1, 0)
    assert "1 with a schedule of ours only" in str(found)
    alone = compared(ours_alone)
    assert alone is not None
    assert (alone.high, alone.pairs) == (0.0, 0)
    lost = compared([*PAIRS, row("mk03", "ours", 0, None), row("mk03", "pyjobshop", 0, 100)])
    assert lost is not None
    assert (lost.low, lost.high) == (LOST, LOST)


def test_what_cannot_be_true_is_told() -> None:
    assert faults(PAIRS) == []
    rows = [
        row("mk01", "ours", 0, 100, lower_bound=101.0), row("mk02", "pyjobshop", 1, 99),
        row("mk03", "ours", 0, 99, optimal_known=False), row("mk04", "ours", 0, 100, best_known=None),
    ]  # fmt: skip
    first, second = faults(rows)
    assert "ours on mk01, seed 0: claims the bound 101.0" in first
    assert "pyjobshop on mk02, seed 1: makespan 99 is below the proven optimum 100" in second
    found = named(figures(outcome_of(rows[:3]), ()), "cannot be true")
    assert (found.ours, found.is_reached) == (2, False)
    assert any("claims the bound" in line for line in summary_lines(outcome_of(rows[:3])))


def derived_rows() -> list[dict]:
    costs = {"ours": (60.0, 80.0), "pyjobshop": (100.0, 120.0), "ATC": (90.0,), "EDD": (70.0,), "SPT": (200.0,)}
    return [
        row("la21", engine, seed, 500, part="derived", cost=cost, best_known=None)
        for engine, own in costs.items()
        for seed, cost in enumerate(own)
    ]


def test_costs_are_compared_with_the_peer_and_the_best_rule() -> None:
    peer, rules = savings(derived_rows(), "pyjobshop"), savings(derived_rows(), "rules")
    assert peer is not None
    assert rules is not None
    assert peer.summed == pytest.approx(140 / 220)
    assert rules.summed == pytest.approx(140 / 140)
    assert rules.geometric == pytest.approx((61 * 81) ** 0.5 / 71)
    without = [one for one in derived_rows() if (one["engine"], one["seed"]) != ("pyjobshop", 1)]
    again = savings(without, "pyjobshop")
    assert again is not None
    assert (again.summed, again.runs, again.without) == (pytest.approx(0.6), 1, 1)
    found = figures(outcome_of(derived_rows()), ())
    assert named(found, "/ pyjobshop, of the sums").is_reached is True
    assert named(found, "best of ATC, EDD, SPT, of the sums").is_reached is False


def test_goals_are_those_of_the_groups() -> None:
    found = figures(outcome_of(PAIRS), ())
    assert named(found, "mean gap to best known, mk").is_reached is True
    assert named(found, "on mk, upper end").is_reached is True
    assert named(found, "first schedule up to 300").is_reached is True
    worse = [dict(one, engine={"ours": "pyjobshop", "pyjobshop": "ours"}[one["engine"]]) for one in PAIRS]
    found = figures(outcome_of(worse), ())
    assert named(found, "mean gap to best known, mk").is_reached is False
    assert named(found, "on mk, upper end").is_reached is False
    hurink = [dict(one, group="Hurink") for one in worse]
    assert named(figures(outcome_of(hurink), ()), "on Hurink, lower end").is_reached is False


def broken_down(**values: object) -> dict:
    made = {"machine_down": "m1", "frozen": 10, "frozen_changed": 0, "others": 20, "moved": 3}
    return row("la21", "ours", 0, 500, part="breakdown", best_known=None, **{**made, **values})


@pytest.mark.parametrize(
    ("values", "words"),
    [
        ({"wall_s": 5.1}, "longest, s"), ({"frozen_changed": 1}, "frozen tasks"), ({"moved": 5}, "moved, mean"),
        ({"checked": False}, "a checked schedule is there"),
    ],
)  # fmt: skip
def test_breakdowns_have_goals(values: dict, words: str) -> None:
    good = figures(outcome_of([broken_down()]), ())
    assert all(one.is_reached is not False for one in good)
    assert named(figures(outcome_of([broken_down(**values)]), ()), words).is_reached is False


def test_an_explanation_that_is_wrong_is_missed() -> None:
    good, bad = (Explained("c", True, named, True, 0.5, ("words",)) for named in (True, False))
    assert all(one.is_reached for one in figures(outcome_of([]), [good]))
    found = figures(outcome_of([]), [good, bad])
    assert named(found, "contradictions explained").is_reached is False


def test_tables_and_values_for_programs() -> None:
    outcome = outcome_of([*PAIRS, *derived_rows(), broken_down()])
    tables = details(outcome, [Explained("c", True, True, True, 0.5, ("words",))])
    assert [table.title for table in tables] == ["Makespans", "Cost of late orders", "Breakdowns", "Contradictions"]
    assert tables[0].rows[0] == ["mk01", "100", "ours", "100, 102", "90", "0.10", "1.0"]
    written = results(outcome)
    assert len(written["rows"]) == 6
    assert "path" not in written["rows"][0]
    assert written["summary"]["groups"]["mk"]["gap_ours"] == pytest.approx(0.01)
    assert notes(outcome)[0].startswith("Instances: ")
