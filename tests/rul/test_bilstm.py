"""The BiLSTM as a contestant: it repeats, averages its networks, and takes lower bounds for what they are."""

from __future__ import annotations

import pickle

import numpy as np
import pytest

from factory_assets.rul.bilstm import BiLstm, NetworkMember
from factory_assets.rul.contestants import Examples

CAP = 40


def examples(count: int = 96) -> Examples:
    """The mean of the window tells the remaining life."""
    rng = np.random.default_rng(2)
    level = rng.uniform(-1, 1, count)
    scaled = (level[:, None, None] + rng.normal(0, 0.1, (count, 10, 2))).astype(np.float32)
    return Examples(scaled, scaled.mean(axis=1), (20 - 15 * level).astype(np.float32), np.zeros(count, bool))


def noise(target: np.ndarray, is_least: np.ndarray) -> Examples:
    """Windows that tell nothing."""
    count = len(target)
    figures = np.random.default_rng(5).normal(size=(count, 2)).astype(np.float32)
    return Examples(np.zeros((count, 10, 2), np.float32), figures, target.astype(np.float32), is_least)


@pytest.fixture(scope="module")
def member() -> NetworkMember:
    return BiLstm(CAP, epochs=2, batch_size=32, networks=2).fit(examples(), seed=1)


def test_a_member_averages_its_networks(member: NetworkMember) -> None:
    shares = [core.predict([examples().scaled, examples().figures], verbose=0)[:, 0] for core in member.cores]
    assert len(shares) == 2
    assert not np.allclose(*shares)
    assert member.predict(examples()) == pytest.approx(CAP * np.mean(shares, axis=0), rel=1e-5)
    assert np.shape(member.losses) == (2, 2)
    assert all(of[-1] < of[0] for of in member.losses)


def test_the_same_seed_gives_the_same_weights_and_another_process_the_same_model(member: NetworkMember) -> None:
    again = BiLstm(CAP, epochs=2, batch_size=32).fit(examples(), seed=1)
    for first, second in zip(member.weights[0], again.weights[0], strict=True):
        assert np.array_equal(first, second)
    sent = pickle.loads(pickle.dumps(again))  # noqa: S301
    assert np.array_equal(sent.predict(examples()), again.predict(examples()))


def test_without_the_window_only_figures_matter() -> None:
    given = examples()
    blind = BiLstm(CAP, epochs=1, batch_size=32, sees_window=False).fit(given, seed=1)
    other = Examples(given.scaled + 5, given.figures, given.target_cycles, given.is_least)
    assert np.array_equal(blind.predict(given), blind.predict(other))
    moved = Examples(given.scaled, given.figures + 5, given.target_cycles, given.is_least)
    assert not np.allclose(blind.predict(given), blind.predict(moved))


def learnt(given: Examples, loss: str) -> float:
    contestant = BiLstm(CAP, epochs=25, batch_size=32, loss=loss, sees_window=False)
    return float(contestant.fit(given, seed=1).predict(given).mean())


def test_a_lower_bound_pulls_up() -> None:
    is_least = np.arange(256) % 2 == 0
    # Taken for truths, the bounds would give 15.
    assert learnt(noise(np.where(is_least, 5.0, 25.0), is_least), "squared") == pytest.approx(25, abs=2)


def test_late_predictions_may_cost_more() -> None:
    spread = noise(np.where(np.arange(256) % 2 == 0, 8.0, 32.0), np.zeros(256, bool))
    # The mean is 20; of the score of a constant the minimum is where exp((x - 8) / 10) / 10 = exp((32 - x) / 13) / 13.
    best = (8 / 10 + 32 / 13 + np.log(10 / 13)) / (1 / 10 + 1 / 13)
    assert best < 17
    assert learnt(spread, "phm08") == pytest.approx(best, abs=1.5)
