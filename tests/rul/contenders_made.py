"""Model folders as training leaves them, made of drawn out-of-fold errors instead of a training."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl

from factory_assets.foundation.settings import PromotionThresholds, RulThresholds
from factory_assets.rul.schema import CARD_FILE, GRAPH_FILE, OUT_OF_FOLD_FILE, RUN_FILE, SAMPLES_FILE

CAP = 30
CYCLES = 60
UNITS = tuple(f"pump-{number:02d}" for number in range(12))
RULES = PromotionThresholds(
    confidence=0.95, resamples=400, seed=1, least_units=6, coverage_80=0.75, coverage_90=0.85, coverage_units=10
)
THRESHOLDS = RulThresholds(parity_cycles=0.01, skill_over_mean=0.2, promotion=RULES)
COVERAGE = {"80": 0.81, "90": 0.91}


def out_of_fold(
    sd: float, *, units: Sequence[str] = UNITS, baseline_sd: float | None = 4.0, seed: int = 0, censored: str = ""
) -> pl.DataFrame:
    """Windows of lives of 60 cycles, predicted with normal errors; `censored` names a unit that did not fail."""
    frames = []
    for place, unit in enumerate(units):
        rng = np.random.default_rng([seed, *unit.encode()])
        truth = np.arange(CYCLES - 1, -1, -1, dtype=np.float64)
        columns: dict[str, Any] = {
            "unit_id": unit, "life_id": f"{unit}/1", "cycle": np.arange(1, CYCLES + 1), "fold": place % 3,
            "is_censored": unit == censored, "rul_cycles": truth,
            "ensemble": np.minimum(truth, CAP) + rng.normal(0, sd, CYCLES),
        }  # fmt: skip
        if baseline_sd is not None:
            columns["trees"] = np.minimum(truth, CAP) + rng.normal(0, baseline_sd, CYCLES)
        frames.append(pl.DataFrame(columns))
    return pl.concat(frames)


def card(**changes: Any) -> dict[str, Any]:
    """A card as training writes it; promotion reads a part of it."""
    return {
        "inputs": [{"name": "vibration_mm_s", "unit": "mm/s", "role": "sensor"}],
        "window_cycles": 12, "cap_cycles": CAP, "uses_age": True, "seed": 1, "contestant": "ensemble",
        "figures": {"ensemble": {"rmse_capped": 3.0, "rmse_low_rul": 1.0}, "trees": {"rmse_capped": 4.0}},
        "coverage": {
            level: {"coverage": share, "mean_width_cycles": 9.0, "by_band": []} for level, share in COVERAGE.items()
        },
        "data_sha256": "ab" * 32, "code_version": "c0de", **changes,
    }  # fmt: skip


def make(
    folder: Path, sd: float = 3.0, *, run_id: str | None = "run-1", name: str = "", frame: pl.DataFrame | None = None,
    **changes: Any,
) -> Path:  # fmt: skip
    """A model folder; its graph is told by `name` and `sd`."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / GRAPH_FILE).write_text(f"graph {name} {sd}")
    (folder / CARD_FILE).write_text(json.dumps(card(**changes)))
    (folder / SAMPLES_FILE).write_bytes(b"samples")
    (out_of_fold(sd) if frame is None else frame).write_parquet(folder / OUT_OF_FOLD_FILE)
    (folder / RUN_FILE).unlink(missing_ok=True)
    if run_id is not None:
        (folder / RUN_FILE).write_text(run_id)
    return folder
