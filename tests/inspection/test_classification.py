"""Classifiers: that they learn, what they say, how they are exported, and what they refuse."""

from __future__ import annotations

from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from factory_assets.engines import image_export
from factory_assets.foundation import onnx_export
from factory_assets.inspection import classifier_network
from factory_assets.inspection.classification import (
    ClassificationError,
    ClassificationSettings,
    class_weights,
    train,
)
from factory_assets.inspection.classifier_network import BackboneError
from factory_assets.inspection.labelled import LabelledImages, TrainedNetwork
from factory_assets.inspection.schema import PROBABILITIES, SCORE

KINDS = ("grain", "ok", "stripes")


def _texture(kind: str, rng: np.random.Generator, edge: int, channels: int) -> np.ndarray:
    """Coarse grain, stripes or almost nothing, in any light."""
    if kind == "stripes":
        wave = np.sin(np.arange(edge) * rng.uniform(0.6, 1.0) + rng.uniform(0, 6))[:, None] * np.ones(edge)
    elif kind == "grain":
        wave = np.kron(rng.normal(0, 0.7, (edge // 4, edge // 4)), np.ones((4, 4)))
    else:
        wave = rng.normal(0, 0.1, (edge, edge))
    lit = rng.uniform(80, 170) + rng.uniform(25, 50) * wave + rng.normal(0, 3, (edge, edge))
    return np.repeat(np.clip(lit, 0, 255).astype(np.uint8)[..., None], channels, axis=2)


def textures(
    counts: dict[str, int], seed: int, *, edge: int = 32, channels: int = 1, classes: tuple[str, ...] = KINDS
) -> LabelledImages:
    rng = np.random.default_rng(seed)
    labels = tuple(kind for kind, count in counts.items() for _ in range(count))
    names = tuple(f"{seed}-{place}" for place in range(len(labels)))
    return LabelledImages(
        image_ids=names,
        pixels=np.stack([_texture(kind, rng, edge, channels) for kind in labels]),
        labels=labels,
        classes=classes,
        is_defect=np.array([label != "ok" for label in labels]),
        groups=names,
    )


@cache
def learnt() -> TrainedNetwork:
    return train(
        textures(dict.fromkeys(KINDS, 24), 1),
        textures(dict.fromkeys(KINDS, 8), 2),
        ClassificationSettings(ok_label="ok", epochs=6),
        seed=3,
    )


def judged(network: Any, images: LabelledImages) -> dict[str, np.ndarray]:
    return {name: np.asarray(values) for name, values in network(images.pixels, training=False).items()}


def test_textures_are_told_apart_in_any_light() -> None:
    images = textures(dict.fromkeys(KINDS, 20), 9)
    said = judged(learnt().network, images)[PROBABILITIES].argmax(axis=1)
    assert (said == images.targets).mean() > 0.9


def test_outputs_have_their_names_and_shapes_and_probabilities_sum_to_one() -> None:
    images = textures({"ok": 3, "grain": 2}, 5)
    found = judged(learnt().network, images)
    assert {name: values.shape for name, values in found.items()} == {PROBABILITIES: (5, 3), SCORE: (5, 1)}
    assert np.allclose(found[PROBABILITIES].sum(axis=1), 1, atol=1e-5)
    assert learnt().network.inputs[0].name == "image"
    assert learnt().network.inputs[0].dtype == "uint8"


def test_the_score_is_one_less_the_probability_of_ok() -> None:
    found = judged(learnt().network, textures(dict.fromkeys(KINDS, 2), 6))
    assert np.allclose(found[SCORE][:, 0], 1 - found[PROBABILITIES][:, KINDS.index("ok")], atol=1e-6)


def test_without_an_ok_label_the_score_is_one_less_the_largest_probability() -> None:
    network, _ = classifier_network.build((32, 32, 1), 3, ok_place=None)
    found = judged(network, textures(dict.fromkeys(KINDS, 2), 6))
    assert np.allclose(found[SCORE][:, 0], 1 - found[PROBABILITIES].max(axis=1), atol=1e-6)


def test_the_history_has_a_row_an_epoch_and_the_best_one_is_kept() -> None:
    trained = learnt()
    assert trained.history["epoch"].to_list() == list(range(1, 7))
    assert trained.history.columns == ["epoch", "loss", "validation_loss", "validation_accuracy"]
    assert trained.history["validation_loss"].arg_min() == trained.best_epoch - 1
    assert set(trained.choices) == {"best_epoch", "temperature", "class_weights"}
    accuracy = trained.history["validation_accuracy"][trained.best_epoch - 1]
    images = textures(dict.fromkeys(KINDS, 8), 2)
    assert accuracy == pytest.approx(
        (judged(trained.network, images)[PROBABILITIES].argmax(axis=1) == images.targets).mean()
    )


def test_the_exported_graph_is_clean_and_says_the_same(tmp_path: Path) -> None:
    import onnxruntime

    path = tmp_path / "model.onnx"
    onnx_export.export_onnx(learnt().network, path)
    assert image_export.faults(path) == []
    assert "Transpose" not in onnx_export.onnx_facts(path).nodes
    images = textures(dict.fromkeys(KINDS, 4), 7)
    session = onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"])
    names = [output.name for output in session.get_outputs()]
    said = dict(zip(names, session.run(names, {"image": images.pixels}), strict=True))
    for name, values in judged(learnt().network, images).items():
        assert np.allclose(said[name], values, atol=1e-5)


def test_a_handful_of_colour_images_of_two_classes_is_enough() -> None:
    images = textures({"ok": 6, "grain": 2}, 1, channels=3, edge=40, classes=("grain", "ok"))
    told: list[int] = []
    chosen = ClassificationSettings(ok_label="ok", epochs=1)
    trained = train(
        images, images.take(np.array([0, 7])), chosen, seed=4, on_epoch=lambda number, _: told.append(number)
    )
    assert told == [1]
    assert judged(trained.network, images)[PROBABILITIES].shape == (8, 2)


def test_rare_classes_count_more_but_not_as_much_as_they_are_rare() -> None:
    images = textures({"ok": 16, "grain": 4}, 1)
    weights = dict(zip(KINDS, class_weights(images).tolist(), strict=True))
    assert weights["stripes"] == 0
    assert weights["grain"] == pytest.approx(2 * weights["ok"])
    assert 16 * weights["ok"] + 4 * weights["grain"] == pytest.approx(20)


def test_bad_training_sets_are_refused() -> None:
    images = textures({"ok": 2, "grain": 2}, 1)
    nothing = images.take(np.array([], dtype=int))
    with pytest.raises(ClassificationError, match="0 training"):
        train(nothing, images, seed=1)
    with pytest.raises(ClassificationError, match="0 validation"):
        train(images, nothing, seed=1)
    with pytest.raises(ClassificationError, match="two labels"):
        train(images.take(np.array([0, 1])), images, seed=1)
    with pytest.raises(ClassificationError, match="mend ok_label"):
        train(images, images, ClassificationSettings(ok_label="good"), seed=1)
    with pytest.raises(ClassificationError, match="too small"):
        train(replace(images, pixels=images.pixels[:, :8, :8]), images, seed=1)


def _backbone(path: Path, shape: tuple[int | None, int | None, int], *, outputs: int = 1) -> Path:
    import keras
    from keras import layers

    pixels = keras.Input(shape)
    values = layers.Conv2D(8, 3, 2, "same", activation="relu")(layers.Rescaling(1 / 255)(pixels))
    keras.Model(pixels, values if outputs == 1 else [values, values]).save(path)
    return path


def test_a_users_backbone_is_taken_and_exported_clean(tmp_path: Path) -> None:
    import keras

    path = _backbone(tmp_path / "features.keras", (None, None, 1))
    images = textures(dict.fromkeys(KINDS, 4), 1)
    chosen = ClassificationSettings(ok_label="ok", backbone=path, epochs=1)
    trained, again = (train(images, images, chosen, seed=1) for _ in range(2))
    # The same seed gives the same weights.
    assert np.array_equal(judged(trained.network, images)[SCORE], judged(again.network, images)[SCORE])
    before = keras.models.load_model(path).get_weights()[0]
    kernels = [weights for weights in trained.network.get_weights() if weights.shape == before.shape]
    # Trained on from where the file was, not from random weights.
    assert len(kernels) == 1
    assert 0 < np.abs(kernels[0] - before).max() < 0.05
    onnx_export.export_onnx(trained.network, tmp_path / "model.onnx")
    assert image_export.faults(tmp_path / "model.onnx") == []


def test_backbones_that_do_not_fit_are_refused(tmp_path: Path) -> None:
    def build(path: Path) -> None:
        classifier_network.build((32, 32, 1), 3, ok_place=None, backbone=path)

    with pytest.raises(BackboneError, match=r"nowhere\.keras cannot be loaded"):
        build(tmp_path / "nowhere.keras")
    (tmp_path / "text.keras").write_text("no model")
    with pytest.raises(BackboneError, match="cannot be loaded"):
        build(tmp_path / "text.keras")
    with pytest.raises(BackboneError, match=r"\(None, None, 3\), the product gives \(32, 32, 1\)"):
        build(_backbone(tmp_path / "colour.keras", (None, None, 3)))
    with pytest.raises(BackboneError, match=r"\(64, 64, 1\)"):
        build(_backbone(tmp_path / "large.keras", (64, 64, 1)))
    with pytest.raises(BackboneError, match="one output"):
        build(_backbone(tmp_path / "two.keras", (32, 32, 1), outputs=2))
