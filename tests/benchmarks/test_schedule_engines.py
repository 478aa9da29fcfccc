"""Both engines are given the same problem, and what they find is checked alike."""

from __future__ import annotations

from dataclasses import replace

import pytest

from factory_assets.benchmarks import schedule_engines
from factory_assets.benchmarks.schedule_derived import FAMILIES, derived
from factory_assets.benchmarks.schedule_engines import ENGINES, PEER, RULES, Limits
from factory_assets.benchmarks.schedule_pyjobshop import NotModelledError, breaks_of, model_of
from factory_assets.planning.checking.checker import violations
from factory_assets.planning.problem import Machine, Operator, Problem
from tests.benchmarks.schedule_made import job_shop

LIMITS = Limits(seconds=20.0, workers=1, seed=0)  # all are proved long before


def small(seed: int, name: str) -> Problem:
    return derived(job_shop(seed), name, seed)


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize("name", ["mk01", "mk02"])  # odd: machines pause
def test_the_two_prove_the_same_cost(seed: int, name: str) -> None:
    problem = small(seed, name)
    ours, theirs = (ENGINES[engine](problem, "cost", LIMITS) for engine in ("ours", PEER))
    assert ours.schedule is not None
    assert theirs.schedule is not None
    for found in (ours, theirs):
        assert violations(problem, found.schedule, objective="cost") == []
        assert found.lower_bound == pytest.approx(found.schedule.cost.total, abs=0.51), "it is proved"
    assert ours.schedule.cost.total == theirs.schedule.cost.total == pytest.approx(ours.schedule.cost.lateness)


def test_the_two_prove_the_same_makespan() -> None:
    problem = job_shop(3, 4, 4)
    ours, theirs = (ENGINES[engine](problem, "makespan", LIMITS) for engine in ("ours", PEER))
    assert ours.schedule is not None
    assert theirs.schedule is not None
    assert ours.schedule.makespan_min == theirs.schedule.makespan_min == theirs.lower_bound
    assert violations(problem, theirs.schedule, objective="makespan") == []
    for found in (ours, theirs):
        assert found.first_feasible_s is not None
        assert 0 < found.first_feasible_s <= found.wall_s
        assert found.cpu_s > 0


@pytest.mark.parametrize("rule", RULES)
def test_rules_keep_to_everything(rule: str) -> None:
    problem = small(5, "la02")
    found = ENGINES[rule](problem, "cost", LIMITS)
    assert found.schedule is not None
    assert violations(problem, found.schedule, objective="cost") == []


def test_what_the_peer_would_mean_otherwise_is_refused() -> None:
    problem = small(0, "mk01")
    with_people = replace(problem, operators=(Operator("ann", frozenset()),))
    with_rates = replace(problem, machines=tuple(replace(one, cost_per_min=1.0) for one in problem.machines))
    with_both = replace(
        problem,
        machines=tuple(
            replace(one, setup_min={("A", "B"): 10}) if one.shifts is not None else one for one in problem.machines
        ),
    )
    for refused, words in (
        (with_people, "operators"),
        (with_rates, "costs of machines"),
        (with_both, "set-ups on a machine with shifts"),
        (replace(problem, horizon_min=None), "shifts without a horizon"),
    ):
        with pytest.raises(NotModelledError, match=words):
            model_of(refused, "cost")


def test_breaks_are_what_lies_between_shifts() -> None:
    assert breaks_of(Machine("m", ((0, 10), (20, 30))), 40) == [(10, 20), (30, 40)]
    assert breaks_of(Machine("m", ((5, 10), (10, 30))), 30) == [(0, 5)]
    assert breaks_of(Machine("m"), 40) == []


def test_derived_instances_are_the_same_each_time() -> None:
    plain = job_shop(1, 6, 4)
    problem = derived(plain, "la77")
    assert problem == derived(plain, "la77")
    assert problem != derived(plain, "la79")
    assert {one.family for one in problem.operations.values()} <= set(FAMILIES)
    assert sum(bool(one.setup_min) for one in problem.machines) == 2
    assert all((one.shifts is None) == bool(one.setup_min) for one in problem.machines)
    assert {one.may_pause for one in problem.machines if one.shifts} == {True}
    assert {one.may_pause for one in derived(plain, "la78").machines if one.shifts} == {False}
    assert all(order.due_min is not None and order.due_min > order.release_min for order in problem.orders)


def test_a_version_is_of_code_and_not_of_comments(tmp_path) -> None:
    file = tmp_path / "one.py"

    def digest(text: str) -> str:
        file.write_text(text)
        return schedule_engines.digest_of([file])

    first = digest('"""Says."""\n\ndef f():\n    """Does."""\n    return 1\n')
    assert digest('"""Says more."""\n\n# why\ndef f():\n    """Does it."""\n    return 1\n') == first
    assert digest('"""Says."""\n\ndef f():\n    """Does."""\n    return 2\n') != first
