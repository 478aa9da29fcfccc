"""The files of a trained inspection model: network, card, golden samples, calibration images and golden images."""

from __future__ import annotations

import hashlib
import io
import shutil
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from edge_runtime.bundle import write_golden
from factory_assets.foundation.lake import combined_digest, replacing, sha256_file
from factory_assets.foundation.products import Product
from factory_assets.inspection.labelled import LabelledImages
from factory_assets.inspection.schema import (
    CALIBRATION_FILE,
    CARD_FILE,
    HEAT_MAP,
    IMAGE,
    MODEL_FILE,
    PROBABILITIES,
    REFERENCE,
    REFERENCES_FOLDER,
    SAMPLES_FILE,
    TRUTH,
    InspectionCard,
)
from factory_assets.inspection.training import GoldenScorer, NetworkScorer, Scorer, TrainedInspection

CALIBRATION_IMAGES = 256
GOLDEN_PAIRS = 8


def save_model(
    folder: Path,
    product: Product,
    trained: TrainedInspection,
    training: LabelledImages,
    validation: LabelledImages,
    *,
    data_sha256: str,
    code_version: str,
) -> InspectionCard:
    """Write everything that export and release need; each file is written whole.

    Args:
        folder: The product's folder of models.
        product: The plant file's part.
        trained: The model.
        training: Images that INT8 ranges may be measured on.
        validation: Images that travel with their outputs as golden samples.
        data_sha256: Digest of the training set.
        code_version: Version of the training code.
    """
    folder.mkdir(parents=True, exist_ok=True)
    references: tuple[str, ...] = ()
    if trained.network is None:
        for name in (MODEL_FILE, CALIBRATION_FILE):
            (folder / name).unlink(missing_ok=True)
        references = _save_references(folder / REFERENCES_FOLDER, validation, training)
        _save_pairs(folder / SAMPLES_FILE, validation, trained.outputs)
    else:
        shutil.rmtree(folder / REFERENCES_FOLDER, ignore_errors=True)
        _save_network(folder, trained.network)
        truth = validation.targets if PROBABILITIES in trained.outputs else validation.is_defect
        outputs = {**trained.outputs, TRUTH: truth.astype(np.float32)[:, None]}
        write_golden(folder / SAMPLES_FILE, {IMAGE: validation.pixels}, outputs)
        chosen = training.take(_spread(len(training), CALIBRATION_IMAGES))
        write_golden(
            folder / CALIBRATION_FILE, {IMAGE: chosen.pixels}, {"is_defect": chosen.is_defect.astype(np.float32)}
        )
    card = _card(
        product,
        trained,
        references=references,
        classes=validation.classes,
        data_sha256=data_sha256,
        code_version=code_version,
    )
    with replacing(folder / CARD_FILE) as temporary:
        temporary.write_text(card.model_dump_json(indent=2), encoding="utf-8")
    return card


def files(folder: Path) -> list[str]:
    """Names of the files that make the model, the network (or golden images) first, that were written."""
    golden = [f"{REFERENCES_FOLDER}/{path.name}" for path in _golden_images(folder)]
    wanted = (MODEL_FILE, *golden, CARD_FILE, SAMPLES_FILE)
    return [name for name in wanted if (folder / name).is_file()]


def digest(folder: Path) -> str:
    """One digest for a model: its weights (or golden images), what it makes of its samples, and its card.

    A saved network as a file carries the time, and names that count up in one process; neither is the model.
    """
    network, samples = folder / MODEL_FILE, folder / SAMPLES_FILE
    weights = (
        [_weights_sha256(network)] if network.is_file() else [sha256_file(path) for path in _golden_images(folder)]
    )
    card = load_card(folder).model_dump_json(exclude={"training_cpu_s"})
    return combined_digest([*weights, sha256_file(samples) if samples.is_file() else "", card])


def _weights_sha256(network: Path) -> str:
    """Digest of all weights with their names and shapes; HDF5 files as such carry times."""
    import h5py

    found = hashlib.sha256()

    def add(name: str, item: Any) -> None:
        if isinstance(item, h5py.Dataset):
            values = np.ascontiguousarray(item[()])
            found.update(f"{name} {values.dtype} {values.shape}".encode() + values.tobytes())

    with zipfile.ZipFile(network) as archive, h5py.File(io.BytesIO(archive.read("model.weights.h5"))) as weights:
        weights.visititems(add)
    return found.hexdigest()


def _golden_images(folder: Path) -> list[Path]:
    return sorted((folder / REFERENCES_FOLDER).glob("*.png"))


def load_card(folder: Path) -> InspectionCard:
    """The card of a trained model."""
    return InspectionCard.model_validate_json((folder / CARD_FILE).read_text(encoding="utf-8"))


def load_scorer(folder: Path) -> Scorer:
    """What judges images with a trained model."""
    card = load_card(folder)
    if card.golden_image is not None:
        return GoldenScorer(card.golden_image)
    import keras

    return NetworkScorer(keras.saving.load_model(folder / MODEL_FILE, compile=False))


def _card(
    product: Product,
    trained: TrainedInspection,
    *,
    references: tuple[str, ...],
    classes: tuple[str, ...],
    data_sha256: str,
    code_version: str,
) -> InspectionCard:
    return InspectionCard(
        method=product.method,
        classes=classes if product.method == "classification" else (),
        ok_label=product.ok_label,
        input=product.input,
        threshold=trained.threshold,
        operating_point=dict(trained.operating_point),
        validation=trained.figures.headline(),
        choices=dict(trained.choices),
        golden_image=trained.golden_image,
        references=references,
        seed=product.seed,
        epochs_trained=trained.history.height,
        best_epoch=trained.best_epoch,
        training_cpu_s=trained.cpu_s,
        data_sha256=data_sha256,
        code_version=code_version,
    )


def _save_network(folder: Path, network: Any) -> None:
    # Keras tells the format by the file's ending.
    with replacing(folder / MODEL_FILE) as temporary:
        whole = temporary.with_name(f"{temporary.name}.keras")
        network.save(whole)
        whole.replace(temporary)


def _save_references(folder: Path, *sets: LabelledImages) -> tuple[str, ...]:
    """Write every golden image once, as PNG, under a name that follows from its content."""
    import cv2

    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    names = set()
    for images in sets:
        for reference in images.references if images.references is not None else ():
            name = combined_digest([reference.tobytes().hex()])[:12]
            if name not in names:
                (folder / f"{name}.png").write_bytes(cv2.imencode(".png", reference)[1].tobytes())
                names.add(name)
    return tuple(sorted(names))


def _save_pairs(path: Path, images: LabelledImages, outputs: Mapping[str, np.ndarray]) -> None:
    chosen = _spread(len(images), GOLDEN_PAIRS)
    pairs = images.take(chosen)
    if pairs.references is None:
        return
    kept = {name: array[chosen] for name, array in outputs.items() if name != HEAT_MAP}
    write_golden(path, {IMAGE: pairs.pixels, REFERENCE: pairs.references}, kept)


def _spread(count: int, wanted: int) -> np.ndarray:
    return np.unique(np.linspace(0, count - 1, min(count, wanted)).round().astype(int))
