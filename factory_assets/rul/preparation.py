"""Windows as contestants look at them, computed by the very graph that will run at the edge."""

from __future__ import annotations

import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from factory_assets.foundation.onnx_export import export_onnx
from factory_assets.foundation.parity import OnnxRunner
from factory_assets.foundation.rul_settings import RulSettings
from factory_assets.rul.contestants import Examples
from factory_assets.rul.network import FIGURES, SCALED, build_preparation
from factory_assets.rul.regimes import RegimeStatistics
from factory_assets.rul.schema import AGE, WINDOW


@dataclass(frozen=True)
class Preparation:
    """Scaling and figures, see `network.build_preparation`.

    Contestants learn from what ONNX Runtime makes of a window, not from what Keras makes of it: a tree's threshold may
    lie between the two, and a prediction at the edge would then take another branch.

    Attributes:
        model: The Keras model, of which the final graph is made.
        runner: The same as a graph.
    """

    model: Any
    runner: OnnxRunner

    def __call__(
        self,
        inputs: Mapping[str, np.ndarray],
        target_cycles: np.ndarray | None = None,
        is_least: np.ndarray | None = None,
    ) -> Examples:
        """What contestants look at, of windows; without a truth the examples are for prediction only."""
        found = self.runner.run({name: inputs[name] for name in (WINDOW, AGE)})
        count = len(found[SCALED])
        return Examples(
            found[SCALED],
            found[FIGURES],
            np.full(count, np.nan, np.float32) if target_cycles is None else target_cycles,
            np.zeros(count, bool) if is_least is None else is_least,
        )


def make_preparation(statistics: RegimeStatistics, settings: RulSettings) -> Preparation:
    """Build the preparation around fitted statistics."""
    model = build_preparation(
        statistics,
        window_cycles=settings.window_cycles,
        cap_cycles=settings.cap_cycles,
        uses_age=settings.uses_age,
    )
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "preparation.onnx"
        export_onnx(model, path)
        return Preparation(model, OnnxRunner(path))
