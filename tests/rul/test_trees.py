"""Boosted trees: they find a known truth, repeat, take lower bounds for what they are, and are a text on the way."""

from __future__ import annotations

import numpy as np
import pytest

from factory_assets.rul.contestants import Examples
from factory_assets.rul.evaluation import rmse
from factory_assets.rul.trees import TooFewWindowsError, TreeMember, Trees


def examples(target: np.ndarray, figures: np.ndarray, is_least: np.ndarray | None = None) -> Examples:
    nothing = np.zeros(len(target), bool) if is_least is None else is_least
    return Examples(np.zeros((len(target), 1, 1), np.float32), figures, target.astype(np.float32), nothing)


def worn(count: int = 400) -> Examples:
    """The first figure tells the remaining life, the others are noise."""
    rng = np.random.default_rng(3)
    figures = rng.normal(size=(count, 4)).astype(np.float32)
    return examples(20 + 8 * figures[:, 0], figures)


def nothing_told(count: int) -> np.ndarray:
    """A figure of two values, drawn."""
    return np.random.default_rng(6).integers(2, size=(count, 1)).astype(np.float32)


def test_they_find_what_the_figures_tell() -> None:
    given = worn()
    found = Trees(trees=120).fit(given, seed=1).predict(given)
    assert found.shape == given.target_cycles.shape
    assert rmse(given.target_cycles, found) < 0.4 * given.target_cycles.std()


def test_the_same_seed_gives_the_same_trees_and_another_gives_others() -> None:
    given = worn()
    first, again, other = (Trees(trees=5).fit(given, seed=seed).as_text() for seed in (1, 1, 2))
    assert first == again != other


def test_trees_come_back_from_their_text_and_name_their_objective() -> None:
    given = worn()
    member = Trees(trees=5).fit(given, seed=1)
    text = member.as_text()
    assert "\nobjective=regression\n" in text
    back = TreeMember.from_text(text)
    assert back.mean_cycles == member.mean_cycles
    assert np.array_equal(back.predict(given), member.predict(given))
    assert back.as_text() == text


def test_a_lower_bound_pulls_up_and_never_down() -> None:
    rng = np.random.default_rng(6)
    figures, is_least = rng.normal(size=(400, 5)).astype(np.float32), np.arange(400) % 2 == 0

    def learnt(bound: float, is_least: np.ndarray) -> float:
        """What is said of windows that tell nothing: half of the lives lasted 20 cycles more, of the others `bound`."""
        given = examples(np.where(np.arange(400) % 2 == 0, bound, 20.0), figures, is_least)
        return float(Trees(trees=150).fit(given, seed=1).predict(given).mean())

    assert learnt(5, np.zeros(400, bool)) == pytest.approx(12.5, abs=0.5)
    assert learnt(5, is_least) == pytest.approx(20, abs=1.5)
    assert learnt(30, is_least) == pytest.approx(25, abs=0.5)


def test_the_phm08_cost_trains_earlier_predictions() -> None:
    rng = np.random.default_rng(4)
    given = examples(50 + rng.normal(0, 12, 600), nothing_told(600))
    squared, phm08 = (
        Trees(trees=300, loss=loss).fit(given, seed=1).predict(given).mean() for loss in ("squared", "phm08")
    )
    assert squared == pytest.approx(given.target_cycles.mean(), abs=0.3)
    # The best constant for the score, found by trying all of them.
    late = np.arange(30, 60, 0.1)[:, None] - given.target_cycles
    best = np.arange(30, 60, 0.1)[np.expm1(np.where(late < 0, -late / 13, late / 10)).mean(axis=1).argmin()]
    assert phm08 < squared - 1
    assert phm08 == pytest.approx(best, abs=1)


@pytest.mark.parametrize("count", [20, 79, 81])
def test_a_small_fleet_is_learnt_from(count: int) -> None:
    given = worn(count)
    assert Trees(trees=60).fit(given, seed=1).predict(given).std() > 1


def test_too_few_windows_are_refused_with_a_way_out() -> None:
    with pytest.raises(TooFewWindowsError, match=r"have 19: lower rul\.window_stride"):
        Trees(trees=5).fit(worn(19), seed=1)
