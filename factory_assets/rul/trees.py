"""Gradient-boosted trees on statistics of the window: the plain baseline, and one part of the ensemble (LightGBM)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from factory_assets.foundation.errors import FactoryError
from factory_assets.rul.contestants import Examples
from factory_assets.rul.losses import Loss, slope_and_curvature

# Small steps over part of the windows and columns: settled out of fold on C-MAPSS, where half of the columns are
# statistics of channels that tell nothing.
PARAMETERS = {
    "learning_rate": 0.03, "num_leaves": 31, "feature_fraction": 0.4, "bagging_fraction": 0.7,
    "bagging_freq": 1, "lambda_l2": 1.0, "deterministic": True, "force_row_wise": True, "verbose": -1,
}  # fmt: skip
LEAF_WINDOWS, LEAF_SHARE = 40, 20
LEAST_WINDOWS = 20


class TooFewWindowsError(FactoryError, ValueError):
    """There are too few windows to grow trees from; the message says how to have more."""


@dataclass(frozen=True)
class TreeMember:
    """Trees that predict the difference from a mean.

    Attributes:
        booster: Of LightGBM.
        mean_cycles: What they start from.
    """

    booster: Any
    mean_cycles: float

    def predict(self, examples: Examples) -> np.ndarray:
        """Remaining life in cycles, (N,)."""
        found: np.ndarray = self.booster.predict(examples.figures) + self.mean_cycles
        return found

    def as_text(self) -> str:
        """Everything, as one text."""
        return f"{self.mean_cycles!r}\n{self.booster.model_to_string()}"

    @classmethod
    def from_text(cls, text: str) -> TreeMember:
        """What `as_text` wrote."""
        import lightgbm

        mean, _, model = text.partition("\n")
        return cls(lightgbm.Booster(model_str=model), float(mean))


@dataclass(frozen=True)
class Trees:
    """The contestant.

    Attributes:
        trees: How many a member has.
        loss: What an error costs.
    """

    trees: int = 500
    loss: Loss = "squared"

    def fit(self, examples: Examples, *, seed: int) -> TreeMember:
        """Train the trees of one member.

        Raises:
            TooFewWindowsError: There are too few windows.
        """
        import lightgbm

        count = len(examples.target_cycles)
        if count < LEAST_WINDOWS:
            msg = (
                f"trees need {LEAST_WINDOWS} windows of the other folds' units, and have {count}: "
                "lower rul.window_stride in the plant file, or wait for failures"
            )
            raise TooFewWindowsError(msg)
        mean = float(examples.target_cycles.mean(dtype=np.float64))
        target = examples.target_cycles.astype(np.float64) - mean

        def objective(predicted: np.ndarray, _: Any) -> tuple[np.ndarray, np.ndarray]:
            return slope_and_curvature(self.loss, predicted, target, examples.is_least)

        # A small fleet has not enough windows for leaves of full size: none could be split.
        leaf = min(LEAF_WINDOWS, max(1, count // LEAF_SHARE))
        parameters = {**PARAMETERS, "min_child_samples": leaf, "seed": seed, "objective": objective}
        data = lightgbm.Dataset(examples.figures, target, free_raw_data=True)
        text = lightgbm.train(parameters, data, num_boost_round=self.trees).model_to_string()
        return TreeMember(lightgbm.Booster(model_str=_as_regression(text)), mean)


def _as_regression(text: str) -> str:
    """A booster's text that names its objective: with one of our own it names none, and converters insist on it."""
    lines = text.replace("[objective: custom]", "[objective: regression]").split("\n")
    place = next(number for number, line in enumerate(lines) if line.startswith("feature_names="))
    return "\n".join([*lines[:place], "objective=regression", *lines[place:]])
