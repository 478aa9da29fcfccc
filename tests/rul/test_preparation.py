"""What contestants look at: exactly what the graph at the edge computes."""

from __future__ import annotations

import numpy as np

from factory_assets.rul.network import GRID
from factory_assets.rul.preparation import make_preparation
from factory_assets.rul.regimes import fit_regimes
from factory_assets.rul.schema import model_inputs
from tests.tiny_model import CAP_CYCLES, FLEET, WINDOW_CYCLES, archive, damaged_inputs, training_rows

STATISTICS = fit_regimes(
    training_rows().select(model_inputs(training_rows())).to_numpy(), [True, False, False], regimes=2, seed=1
)


def test_examples_are_what_keras_makes_of_windows_up_to_a_step_of_the_grid() -> None:
    made = make_preparation(STATISTICS, archive().rul_settings(FLEET))
    inputs = damaged_inputs()
    examples = made(inputs)
    scaled, figures = made.model.predict([inputs["window"], inputs["age_cycles"]], verbose=0)
    assert examples.scaled.shape == (40, WINDOW_CYCLES, 3)
    assert np.allclose(examples.scaled, scaled, atol=1e-5)
    assert np.abs(examples.figures - figures).max() < 1.5 / GRID
    assert np.allclose(examples.figures[:, -1] * CAP_CYCLES, inputs["age_cycles"][:, 0], atol=CAP_CYCLES / GRID)
    assert np.isnan(examples.target_cycles).all()
    assert not examples.is_least.any()


def test_the_truth_goes_along_and_the_age_only_where_it_is_used() -> None:
    made = make_preparation(STATISTICS, archive(uses_age=False).rul_settings(FLEET))
    inputs = damaged_inputs()
    truth, least = np.arange(40, dtype=np.float32), np.arange(40) % 3 == 0
    examples = made(inputs, truth, least)
    assert examples.target_cycles is truth
    assert examples.is_least is least
    older = made({**inputs, "age_cycles": inputs["age_cycles"] + 500})
    assert np.array_equal(examples.figures, older.figures)
    assert np.array_equal(examples.scaled, older.scaled)
