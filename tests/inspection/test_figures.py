"""Figures against slow references and known values, and none where there is none."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from factory_assets.inspection.figures import auroc, confusion, interval_over_groups, recall_at, share
from tests.inspection.scores import drawn, scored

PAIRS = st.lists(st.tuples(st.integers(0, 12), st.booleans()), min_size=1, max_size=60)


def split(pairs: list[tuple[int, bool]]) -> tuple[np.ndarray, np.ndarray]:
    return np.array([score for score, _ in pairs], float), np.array([bad for _, bad in pairs])


@settings(max_examples=200, deadline=None)
@given(pairs=PAIRS)
def test_auroc_is_the_chance_that_a_defect_scores_higher(pairs: list[tuple[int, bool]]) -> None:
    scores, bad = split(pairs)
    found = auroc(scores, bad)
    if bad.all() or not bad.any():
        assert found is None
        return
    wins = [(d > s) + 0.5 * (d == s) for d in scores[bad] for s in scores[~bad]]
    assert found == pytest.approx(np.mean(wins))


@settings(max_examples=200, deadline=None)
@given(pairs=PAIRS, rate=st.sampled_from([0.0, 0.05, 0.1, 0.25, 0.5, 1.0]))
def test_recall_is_the_best_of_all_thresholds_that_reject_few_enough(
    pairs: list[tuple[int, bool]], rate: float
) -> None:
    scores, bad = split(pairs)
    found = recall_at(scores, bad, rate)
    if bad.all() or not bad.any():
        assert found is None
        return
    thresholds = [*np.unique(scores), np.inf]
    allowed = [t for t in thresholds if (scores[~bad] >= t).mean() <= rate + 1e-9]
    assert found == pytest.approx(max((scores[bad] >= t).mean() for t in allowed))


@pytest.mark.parametrize(
    ("hits", "of", "low", "high"),
    # E. B. Wilson's interval at 95 %, by its closed form.
    [(0, 10, 0.0, 0.27753), (10, 10, 0.72247, 1.0), (5, 10, 0.23659, 0.76341), (81, 263, 0.25529, 0.36621)],
)
def test_wilson_intervals(hits: int, of: int, low: float, high: float) -> None:
    found = share(hits, of)
    assert found is not None
    assert found.value == hits / of
    assert (found.low, found.high) == (pytest.approx(low, abs=2e-5), pytest.approx(high, abs=2e-5))
    assert found.as_json() == {"value": found.value, "low": found.low, "high": found.high}


def test_a_share_of_nothing_is_none() -> None:
    assert share(0, 0) is None


def test_intervals_hold_the_figure_and_grow_where_groups_err_together() -> None:
    images = drawn(1, sound=120, bad=60)
    alone = interval_over_groups(auroc, images.scores, images.is_defect, images.groups)
    assert alone is not None
    assert alone.low < alone.value < alone.high
    assert 0.02 < alone.high - alone.low < 0.2
    order = np.argsort(images.scores)
    together = np.empty(len(order), object)
    for place, number in enumerate(order):
        together[number] = f"part {place // 12}"
    wide = interval_over_groups(auroc, images.scores, images.is_defect, list(together))
    assert wide is not None
    assert wide.high - wide.low > 1.5 * (alone.high - alone.low)
    assert interval_over_groups(auroc, images.scores, images.is_defect, images.groups) == alone
    assert interval_over_groups(auroc, images.scores, np.ones(180, bool), images.groups) is None


def test_the_interval_covers_the_truth() -> None:
    hits = 0
    for seed in range(20):
        images = drawn(seed, sound=60, bad=40, apart=2.0)
        found = interval_over_groups(auroc, images.scores, images.is_defect, images.groups, seed=seed)
        assert found is not None
        # Two normal distributions two standard deviations apart: Phi(2 / sqrt 2).
        hits += found.low <= 0.92135 <= found.high
    assert 16 <= hits <= 20


def test_verdicts_and_the_frame_of_them() -> None:
    images = scored([0.1, 0.5, 0.4, 0.9], [False, False, True, True])
    assert images.is_rejected.tolist() == [False, True, False, True]
    assert images.is_right.tolist() == [True, False, False, True]
    frame = images.frame()
    assert frame.columns == ["image", "label", "is_defect", "group", "score", "is_rejected", "predicted", "is_right"]
    assert frame["predicted"].null_count() == 4
    kinds = scored([0, 0], [True, True], threshold=None, labels=("dent", "crack"), predicted=("dent", "dent"))
    assert kinds.is_rejected.tolist() == [False, False]
    assert kinds.is_right.tolist() == [True, False]
    assert kinds.frame()["predicted"].to_list() == ["dent", "dent"]
    assert scored([], [], predicted=()).is_right.tolist() == []
    assert scored([], []).frame().height == 0


def test_confusion_counts_true_labels_downwards() -> None:
    assert confusion(["a", "a", "b"], ["a", "c", "b"]) == {"a": {"a": 1, "b": 0, "c": 1}, "b": {"a": 0, "b": 1, "c": 0}}
    assert confusion([], []) == {}
