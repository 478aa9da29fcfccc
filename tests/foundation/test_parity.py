"""Parity: graphs are run batch by batch, and no difference is passed over."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from factory_assets.foundation.parity import OnnxRunner, largest_difference, run_onnx
from tests.tiny_bundle import known_rul, tiny_graph


@pytest.fixture
def graph(tmp_path: Path) -> Path:
    path = tmp_path / "model.onnx"
    path.write_bytes(tiny_graph())
    return path


def inputs(count: int) -> dict[str, np.ndarray]:
    rng = np.random.default_rng(count)
    window = rng.normal(10, 3, (count, 4, 3)).astype(np.float32)
    window[rng.random(window.shape) < 0.2] = np.nan
    return {"window": window, "age_cycles": np.arange(count, dtype=np.float32)[:, None]}


@pytest.mark.parametrize("batch", [1, 7, 20, 256])
def test_any_batch_gives_every_sample_in_order(graph: Path, batch: int) -> None:
    given = inputs(20)
    found = OnnxRunner(graph).run(given, batch)["rul_cycles"]
    assert found == pytest.approx(known_rul(given["window"], given["age_cycles"]), abs=1e-4)
    assert np.array_equal(found, run_onnx(graph, given, batch)["rul_cycles"])


def test_a_wrong_expectation_is_seen_wherever_it_is(graph: Path) -> None:
    given = inputs(300)
    expected = known_rul(given["window"], given["age_cycles"])
    assert largest_difference(graph, given, {"rul_cycles": expected}) < 1e-4
    for place in (0, 299):
        wrong = expected.copy()
        wrong[place] -= 1
        assert largest_difference(graph, given, {"rul_cycles": wrong}) == pytest.approx(1, abs=1e-4)
        wrong[place] = np.nan
        assert np.isnan(largest_difference(graph, given, {"rul_cycles": wrong}))
