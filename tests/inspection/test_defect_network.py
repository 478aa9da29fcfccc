"""The network that marks defects: shapes, exposure, how cells make a score, and a graph that engines take."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from factory_assets.engines.image_export import faults
from factory_assets.foundation.onnx_export import export_onnx, onnx_facts
from factory_assets.inspection import defect_network
from tests.inspection.pitted import surfaces


def _outputs(network: Any, pixels: np.ndarray) -> dict[str, np.ndarray]:
    return {name: np.asarray(values) for name, values in network(pixels, training=False).items()}


@pytest.mark.parametrize(("height", "width", "channels"), [(64, 64, 1), (72, 104, 3), (32, 40, 1)])
def test_every_cell_has_a_probability_and_every_part_a_score(height: int, width: int, channels: int) -> None:
    network = defect_network.build(height, width, channels, hottest_cells=2)
    pixels = np.random.default_rng(0).integers(0, 256, (3, height, width, channels), dtype=np.uint8)
    found = _outputs(network, pixels)
    assert found["heat_map"].shape == (3, height // 8, width // 8, 1)
    assert found["score"].shape == (3, 1)
    assert all(((values >= 0) & (values <= 1)).all() for values in found.values())


@pytest.mark.parametrize("hottest", [1, 4])
def test_the_score_is_that_of_the_hottest_cells(hottest: int) -> None:
    network = defect_network.build(64, 64, 1, hottest_cells=hottest)
    found = _outputs(network, surfaces(4, seed=1).pixels)
    cells = np.sort(found["heat_map"].reshape(4, -1), axis=1)[:, -hottest:]
    logits = np.log(cells / (1 - cells)).mean(axis=1)
    assert found["score"][:, 0] == pytest.approx(1 / (1 + np.exp(-logits)), abs=1e-5)


def test_a_network_takes_another_score() -> None:
    network = defect_network.build(64, 64, 1, hottest_cells=1, capacity=0.5)
    other = defect_network.with_score(network, 4)
    pixels = surfaces(4, seed=1).pixels
    before, after = _outputs(network, pixels), _outputs(other, pixels)
    assert np.array_equal(before["heat_map"], after["heat_map"])
    assert (after["score"] < before["score"]).all()
    assert set(other.output_names) == {"heat_map", "score"}


def test_a_network_of_another_size_takes_weights_and_says_the_same() -> None:
    trained, other = defect_network.build(96, 96, 1, capacity=0.5), defect_network.build(72, 104, 1, capacity=0.5)
    defect_network.take_weights(other, trained)
    weights = [{layer.name: layer.get_weights() for layer in network.layers} for network in (trained, other)]
    for name, expected in weights[0].items():
        for one, another in zip(expected, weights[1].get(name, []), strict=True):
            assert np.array_equal(one, another)


def test_a_wider_network_has_more_weights() -> None:
    assert defect_network.build(32, 32, 1, capacity=2.0).count_params() > defect_network.build(32, 32, 1).count_params()


def test_a_blank_image_gives_numbers() -> None:
    network = defect_network.build(64, 64, 1)
    for level in (0, 255):
        found = _outputs(network, np.full((1, 64, 64, 1), level, np.uint8))
        assert all(np.isfinite(values).all() for values in found.values())


@pytest.fixture(scope="module", params=[1, 3], ids=["grey", "colour"])
def exported(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> tuple[Any, Path]:
    network = defect_network.build(72, 104, request.param, hottest_cells=3, capacity=0.5)
    path = tmp_path_factory.mktemp("graph") / "model.onnx"
    export_onnx(network, path)
    return network, path


def test_the_graph_is_clean(exported: tuple[Any, Path]) -> None:
    assert faults(exported[1]) == []
    assert not {"Resize", "Shape", "Gather", "Tile", "Expand"} & set(onnx_facts(exported[1]).nodes)


def test_the_graph_says_what_the_network_says(exported: tuple[Any, Path]) -> None:
    import onnxruntime

    network, path = exported
    pixels = np.random.default_rng(4).integers(0, 256, (5, *network.input_shape[1:]), dtype=np.uint8)
    session = onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"])
    names = [output.name for output in session.get_outputs()]
    found = dict(zip(names, session.run(names, {"image": pixels}), strict=True))
    for name, expected in _outputs(network, pixels).items():
        assert found[name] == pytest.approx(expected, abs=1e-5)
