"""Bundles whose graphs are meant for compiled targets, and a stand-in for TensorRT with its GPU."""

from __future__ import annotations

import sys
from collections.abc import Callable

import numpy as np
import pytest

from edge_runtime.bundle import Manifest
from edge_runtime.engine import cuda
from tests.fake_cuda import FakeGpu
from tests.fake_tensorrt import FakeTensorRt
from tests.tiny_graphs import make_typed_bundle


@pytest.fixture
def typed_bundle() -> Callable[..., Manifest]:
    return make_typed_bundle


@pytest.fixture
def gpu(monkeypatch: pytest.MonkeyPatch) -> FakeGpu:
    """A GPU, so far as PyCUDA and the driver tell."""
    made = FakeGpu()
    monkeypatch.setattr(cuda, "load_driver", lambda: made.library)
    monkeypatch.setattr(cuda, "load_pycuda", lambda: made.pycuda)
    return made


@pytest.fixture
def tensorrt(monkeypatch: pytest.MonkeyPatch, gpu: FakeGpu) -> FakeTensorRt:
    made = FakeTensorRt(gpu=gpu)
    monkeypatch.setitem(sys.modules, "tensorrt", made)
    return made


@pytest.fixture
def samples() -> dict[str, np.ndarray]:
    rng = np.random.default_rng(11)
    window = rng.normal(10, 3, (600, 4, 3)).astype(np.float32)
    window[0, -1, 0] = np.nan
    return {"window": window, "age_cycles": rng.integers(1, 99, (600, 1)).astype(np.float32)}
