"""An engine that computes otherwise than the platform did; the function is passed to worker processes."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from edge_runtime.bundle import Manifest
from edge_runtime.engine.serving import engine_for_serving


class WrongEngine:
    """Adds a little to every score."""

    def __init__(self, engine: Any) -> None:
        self._engine = engine
        self.target, self.precision, self.label = engine.target, engine.precision, engine.label

    def run(self, inputs: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
        return {name: output + np.float32(0.01) for name, output in self._engine.run(inputs).items()}

    def warm_up(self, calls: int | None = None) -> int:
        return int(self._engine.warm_up(calls))

    def close(self) -> None:
        self._engine.close()


def wrong(state: Path, folder: Path, manifest: Manifest, target: str, precision: str | None = None) -> Any:
    """Opens a real engine, and wraps it."""
    return WrongEngine(engine_for_serving(state, folder, manifest, target, precision))
