"""Training on crops: which cells count as defective, how weights are averaged, what is told, and that seeds decide."""

from __future__ import annotations

import numpy as np
import pytest

from factory_assets.inspection import defect_network, defect_training
from factory_assets.inspection.crop_sampling import LogitsOf
from factory_assets.inspection.defect_training import Schedule
from factory_assets.inspection.labelled import TrainedNetwork
from tests.inspection.pitted import surfaces

SHORT = Schedule(epochs=2, steps_an_epoch=2, capacity=0.5)


class Surfaces:
    """Small surfaces instead of crops; keeps the shapes of what it is told of whole images."""

    def __init__(self) -> None:
        self.looked_at: list[tuple[int, ...]] = []

    def sample(self, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
        images = surfaces(4, seed=int(rng.integers(1000)), size_px=40)
        assert images.masks is not None
        return images.pixels, images.masks.astype(np.float32)

    def refresh(self, logits_of: LogitsOf, _: np.random.Generator) -> None:
        self.looked_at.append(logits_of(surfaces(3, seed=1).pixels).shape)


def _trained(seed: int, schedule: Schedule = SHORT, sampler: Surfaces | None = None) -> TrainedNetwork:
    judged = surfaces(8, seed=9)
    return defect_training.train(sampler or Surfaces(), judged, schedule, seed=seed, on_epoch=lambda _, __: None)


def test_a_cell_is_defective_where_a_defect_shows_in_it() -> None:
    masks = np.zeros((1, 16, 24), np.float32)
    masks[0, 9, 17] = 1.0
    masks[0, 0, 0] = 0.2
    cells = defect_training._cells(masks)
    assert cells.shape == (1, 2, 3, 1)
    assert np.argwhere(cells[0, ..., 0]).tolist() == [[1, 2]]


def test_averages_follow_weights_slowly() -> None:
    network, averaged = (defect_network.build(40, 40, 1, capacity=0.5) for _ in range(2))
    before = [np.array(values) for values in averaged.get_weights()]
    pixels, masks = Surfaces().sample(np.random.default_rng(1))
    defect_training._step(network, averaged, SHORT)(pixels, defect_training._cells(masks))
    for old, new, slow in zip(before, network.get_weights(), averaged.get_weights(), strict=True):
        assert slow == pytest.approx(old * 0.98 + new * 0.02, abs=1e-6)


def test_what_is_hard_is_looked_for_again_and_again_but_not_at_first_or_last() -> None:
    sampler = Surfaces()
    _trained(1, Schedule(epochs=12, steps_an_epoch=1, capacity=0.5), sampler)
    assert sampler.looked_at == [(3, 8, 8)] * 2


def test_a_right_heat_map_costs_less_than_a_wrong_one() -> None:
    marked = np.zeros((2, 8, 8, 1), np.float32)
    marked[0, 2:4, 2:4] = 1
    right, wrong = (marked * 2 - 1) * 4, (1 - marked * 2) * 4
    for loss in (defect_training._loss_of_cells, defect_training._loss_of_crops):
        assert float(loss(right, marked)) < 0.1 * float(loss(wrong, marked))


def test_the_middle_of_a_large_defect_may_look_sound() -> None:
    marked = np.ones((1, 16, 16, 1), np.float32)
    marked[:, :2] = 0
    logits = (marked * 2 - 1) * 4
    quiet_middle = logits.copy()
    quiet_middle[:, 8:] = -4
    losses = [float(defect_training._loss_of_cells(values, marked)) for values in (logits, quiet_middle)]
    assert losses[0] == pytest.approx(losses[1])


@pytest.fixture(scope="module")
def first() -> tuple[TrainedNetwork, list[int]]:
    told: list[int] = []
    trained = defect_training.train(
        Surfaces(), surfaces(8, seed=9), SHORT, seed=1, on_epoch=lambda epoch, _: told.append(epoch)
    )
    return trained, told


def test_every_epoch_is_told_and_kept(first: tuple[TrainedNetwork, list[int]]) -> None:
    trained, told = first
    assert told == trained.history["epoch"].to_list() == [1, 2]
    assert trained.history.columns == ["epoch", "loss", "loss_of_cells", "loss_of_crops"]
    assert trained.cpu_s > 0
    assert str(trained.choices["hottest_cells"]) in trained.choices["auroc_by_hottest_cells"]
    assert trained.network.input_shape == (None, 64, 64, 1)


def test_the_seed_decides(first: tuple[TrainedNetwork, list[int]]) -> None:
    pixels = surfaces(4, seed=3).pixels
    scores = [np.asarray(trained.network(pixels)["score"]) for trained in (first[0], _trained(1), _trained(2))]
    assert np.array_equal(scores[0], scores[1])
    assert not np.array_equal(scores[0], scores[2])
