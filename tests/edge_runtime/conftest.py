"""The tiny bundle and a publisher with one edge, for all tests of the edge."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from edge_runtime.bundle import Manifest
from factory_assets.engines.keys import create_keys
from tests.tiny_bundle import Site, contents, known_rul, make_bundle


@pytest.fixture
def site(tmp_path: Path) -> Site:
    return Site(root=tmp_path, keys=create_keys(tmp_path / "keys"))


@pytest.fixture
def tree() -> Callable[[Path], dict[str, bytes]]:
    return contents


@pytest.fixture
def bundle_maker() -> Callable[..., Manifest]:
    return make_bundle


@pytest.fixture
def truth() -> Callable[[np.ndarray, np.ndarray], np.ndarray]:
    return known_rul
