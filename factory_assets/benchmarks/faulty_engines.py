"""Engines that fail when they see parts of certain grey values; the functions are passed to worker processes."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Mapping
from pathlib import Path

import numpy as np

from edge_runtime.bundle import Manifest
from edge_runtime.engine.base import Engine
from edge_runtime.engine.serving import engine_for_serving
from factory_assets.benchmarks.tiny_station import HEIGHT_PX, WIDTH_PX

HANGS, DIES, GIVES_NAN, RAISES, IS_SLOW = 11, 12, 13, 14, 15
# Only releases made as `BAD` fail here.
BAD = "bad"
BAD_DIES = 61
HANG_S, SLOW_S = 3600.0, 0.5


def grey(value: int) -> np.ndarray:
    """A part of one grey value."""
    return np.full((HEIGHT_PX, WIDTH_PX), value, np.uint8)


class FaultyEngine:
    """Wraps a real engine.

    Args:
        engine: Judges all other parts.
        is_bad: Whether its release is one of the bad ones.
        slow_s: How long a slow call takes.
    """

    def __init__(self, engine: Engine, *, is_bad: bool, slow_s: float) -> None:
        self._engine, self._is_bad, self._slow_s = engine, is_bad, slow_s
        self.target, self.precision, self.label = engine.target, engine.precision, engine.label

    def run(self, inputs: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
        """As the engine does, unless the part's grey value says otherwise."""
        outputs = self._engine.run(inputs)
        value = int(inputs["image"].flat[0])
        if self._is_bad and value == BAD_DIES:
            value = DIES
        if value == HANGS:
            time.sleep(HANG_S)
        if value == DIES:
            os.kill(os.getpid(), signal.SIGKILL)
        if value == GIVES_NAN:
            return {name: np.full_like(output, np.nan) for name, output in outputs.items()}
        if value == RAISES:
            msg = "out of order"
            raise RuntimeError(msg)
        if value == IS_SLOW:
            time.sleep(self._slow_s)
        return outputs

    def warm_up(self, calls: int | None = None) -> int:
        """As the engine does."""
        return self._engine.warm_up(calls)

    def close(self) -> None:
        """As the engine does."""
        self._engine.close()


def faulty(
    state: Path,
    folder: Path,
    manifest: Manifest,
    target: str,
    precision: str | None = None,
    *,
    slow_s: float = SLOW_S,
) -> FaultyEngine:
    """Open a real engine, and wrap it; see `engine_for_serving`."""
    engine = engine_for_serving(state, folder, manifest, target, precision)
    return FaultyEngine(engine, is_bad=manifest.lineage.code_version == BAD, slow_s=slow_s)
