"""A trained model on disk: its graph, its card, its predictions out of fold, and samples that prove a copy of it."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from pathlib import Path

import numpy as np
from pydantic import ValidationError

from edge_runtime.bundle import Regimes, write_golden
from factory_assets.foundation.errors import FactoryError, broken_contract
from factory_assets.foundation.lake import replacing
from factory_assets.foundation.onnx_export import OnnxFacts
from factory_assets.foundation.parity import OnnxRunner
from factory_assets.rul.graph import write_graph
from factory_assets.rul.schema import (
    CARD_FILE,
    GRAPH_FILE,
    OUT_OF_FOLD_FILE,
    SAMPLES_FILE,
    ModelCard,
    ModelChannel,
)
from factory_assets.rul.training import TrainedModel


class ModelGoneError(FactoryError, FileNotFoundError):
    """A model whose files are not there, or cannot be read."""


class OtherChannelsError(FactoryError, ValueError):
    """A model that was trained on other channels than are given to it."""


def save_model(folder: Path, model: TrainedModel, *, data_sha256: str, code_version: str) -> OnnxFacts:
    """Write a model's folder. The card comes last, so a folder with a card is whole.

    Args:
        folder: Where to; files of an earlier model there are replaced.
        model: The model.
        data_sha256: Digest of the training set's bytes.
        code_version: Of the code that trained it.
    """
    folder.mkdir(parents=True, exist_ok=True)
    (folder / CARD_FILE).unlink(missing_ok=True)
    facts = write_graph(model, folder / GRAPH_FILE)
    with replacing(folder / OUT_OF_FOLD_FILE) as temporary:
        model.out_of_fold.write_parquet(temporary)
    write_golden(folder / SAMPLES_FILE, *model.samples)
    with replacing(folder / CARD_FILE) as temporary:
        text = card_of(model, data_sha256=data_sha256, code_version=code_version).model_dump_json(indent=2)
        temporary.write_text(text + "\n", encoding="utf-8")
    return facts


def card_of(model: TrainedModel, *, data_sha256: str, code_version: str) -> ModelCard:
    """What has to be known of a model."""
    settings = model.settings
    return ModelCard(
        inputs=tuple(ModelChannel(name=c.name, unit=c.unit, role=c.role) for c in model.inputs),
        window_cycles=settings.window_cycles,
        cap_cycles=settings.cap_cycles,
        uses_age=settings.uses_age,
        loss=settings.loss,
        contestant=model.contestant,
        weights=dict(model.weights),
        figures={
            name: {figure: value if math.isfinite(value) else None for figure, value in of.items()}
            for name, of in model.figures.items()
        },
        skill=model.skill,
        calibration=model.calibration,
        coverage=dict(model.coverage),
        regimes=_operating_regimes(model),
        seed=settings.seed,
        folds=len(np.unique(model.windows.folds)),
        training_units=tuple(sorted(set(model.windows.unit_ids.tolist()))),
        settings=settings.model_dump(mode="json"),
        data_sha256=data_sha256,
        code_version=code_version,
    )


def load_card(folder: Path) -> ModelCard:
    """A model's card.

    Raises:
        ModelGoneError: It is not there, or of another version.
    """
    path = folder / CARD_FILE
    try:
        return ModelCard.model_validate_json(path.read_bytes())
    except OSError as error:
        msg = f"{path} cannot be read ({error.strerror}): train the model again, or roll back to the one before"
        raise ModelGoneError(msg) from error
    except ValidationError as error:
        raise ModelGoneError(broken_contract(f"{path} (of another version, or damaged)", error)) from error


def load_runner(folder: Path) -> Callable[[Mapping[str, np.ndarray]], dict[str, np.ndarray]]:
    """The model of a folder, as something that predicts like an engine: outputs by name for inputs by name.

    Raises:
        ModelGoneError: Its graph is not there.
    """
    path = folder / GRAPH_FILE
    if not path.is_file():
        msg = f"{path} is not there: train the model again, or roll back to the one before"
        raise ModelGoneError(msg)
    return OnnxRunner(path).run


def check_channels(card: ModelCard, training_set_columns: tuple[str, ...], fleet: str) -> None:
    """Refuse a model for readings of other channels.

    Raises:
        OtherChannelsError: Names or order differ.
    """
    names = tuple(channel.name for channel in card.inputs)
    if names != training_set_columns:
        msg = (
            f"the model of fleet {fleet} was trained on {', '.join(names)}, and is given "
            f"{', '.join(training_set_columns)}: train it again"
        )
        raise OtherChannelsError(msg)


def _operating_regimes(model: TrainedModel) -> Regimes | None:
    """Where training cycles were, for those who ask the model; None without setting channels."""
    found = model.statistics
    if not found.settings:
        return None
    centres = found.centres.astype(float) * found.setting_sd + found.setting_mean
    return Regimes(
        channels=tuple(model.inputs[place].name for place in found.settings),
        scale=tuple(found.setting_sd.tolist()),
        centres=tuple(map(tuple, centres.tolist())),
        reach=tuple(found.reach.tolist()),
    )
