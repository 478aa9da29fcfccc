"""Training: fit the statistics and the network on training units, choose the epoch on validation units."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl

from edge_runtime.bundle import Regimes
from factory_assets.foundation.errors import FactoryError
from factory_assets.foundation.lake import replacing
from factory_assets.foundation.plant import Channel, RulSettings
from factory_assets.rul.evaluation import rmse
from factory_assets.rul.network import Network, build_network
from factory_assets.rul.regimes import RegimeStatistics, fit_regimes
from factory_assets.rul.schema import (
    AGE,
    CARD_FILE,
    MODEL_FILE,
    RUL,
    SAMPLES_FILE,
    WINDOW,
    ModelCard,
    ModelChannel,
    model_inputs,
)
from factory_assets.rul.windows import Windows, strided_windows

LEARNING_RATE = 2e-3
PATIENCE_EPOCHS = 6
PREDICT_BATCH = 1024

OnEpoch = Callable[[int, Mapping[str, float]], None]


class TrainingError(FactoryError, ValueError):
    """A model cannot be trained on what was given."""


@dataclass(frozen=True)
class TrainedModel:
    """A trained model and how it came about.

    Attributes:
        network: The Keras model, `window` and `age_cycles` to `rul_cycles`.
        history: A row an epoch: epoch (from 1), loss, validation_rmse_capped (cycles), learning_rate.
        validation: On the windows of validation units: rmse_capped, rmse_of_mean_capped (both in cycles), skill.
        validation_windows: These windows.
        validation_rul_cycles: (N, 1) what the model makes of them.
        inputs: The window's channels.
        statistics: Regimes and scaling that lie in the network.
        settings: What it was trained with.
        best_epoch: The epoch whose weights it has.
    """

    network: Any
    history: pl.DataFrame
    validation: dict[str, float]
    validation_windows: Windows
    validation_rul_cycles: np.ndarray
    inputs: tuple[Channel, ...]
    statistics: RegimeStatistics
    settings: RulSettings
    best_epoch: int

    def run(self, inputs: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
        """Predict as an engine does: outputs by name for inputs by name."""
        return {RUL: predict(self.network, [inputs[WINDOW], inputs[AGE]])}


def train(
    training_set: pl.DataFrame, settings: RulSettings, inputs: Sequence[Channel], *, on_epoch: OnEpoch | None = None
) -> TrainedModel:
    """Train a model on the training split; stop and choose the epoch by the validation split.

    The same data, settings and machine give the same weights: seeds are set and TensorFlow's operations are told to
    be deterministic, both for the whole process. Another processor or another number of threads may change the last
    digits.

    Args:
        training_set: Its train and validation rows; test rows are refused.
        settings: Of the fleet.
        inputs: The training set's input channels, in order.
        on_epoch: Told the number of every epoch that ends (from 1) and its figures.

    Raises:
        TrainingError: There are test rows, or no training or validation rows, or the channels are others.
    """
    _check(training_set, inputs)
    import keras
    import tensorflow as tf

    keras.utils.set_random_seed(settings.seed)
    tf.config.experimental.enable_op_determinism()
    rows = training_set.filter(split="train")
    statistics = fit_regimes(
        rows.select(model_inputs(rows)).to_numpy(),
        [channel.role == "setting" for channel in inputs],
        regimes=settings.regimes,
        seed=settings.seed,
    )
    training = _windows(rows, settings)
    validation = _windows(training_set.filter(split="validation"), settings)
    network = build_network(statistics, window_cycles=settings.window_cycles, cap_cycles=settings.cap_cycles)
    history = _fit(network, training, validation, settings, on_epoch)
    found = predict(network.whole, [validation.window, validation.age_cycles])
    return TrainedModel(
        network=network.whole,
        history=history,
        validation=_validate(found, training, validation, settings.cap_cycles),
        validation_windows=validation,
        validation_rul_cycles=found,
        inputs=tuple(inputs),
        statistics=statistics,
        settings=settings,
        best_epoch=int(history["validation_rmse_capped"].arg_min() or 0) + 1,
    )


def predict(network: Any, arrays: Sequence[np.ndarray]) -> np.ndarray:
    """Run a Keras model over arrays, batch by batch."""
    given = list(arrays) if len(arrays) > 1 else arrays[0]
    found: np.ndarray = network.predict(given, batch_size=PREDICT_BATCH, verbose=0)
    return found


def save_model(folder: Path, model: TrainedModel, *, data_sha256: str, code_version: str) -> ModelCard:
    """Write `model.keras`, `validation.npz` (what the trainer makes of the validation windows) and `model.json`.

    The card comes last, so a folder with a card is whole.

    Args:
        folder: Where to; files of an earlier model there are replaced.
        model: The model.
        data_sha256: Digest of the training set's bytes.
        code_version: Of the code that trained it.
    """
    from edge_runtime.bundle import write_golden

    card = ModelCard(
        inputs=tuple(ModelChannel(name=c.name, unit=c.unit, role=c.role) for c in model.inputs),
        window_cycles=model.settings.window_cycles,
        cap_cycles=model.settings.cap_cycles,
        regimes=_operating_regimes(model),
        seed=model.settings.seed,
        epochs_trained=model.history.height,
        best_epoch=model.best_epoch,
        validation=model.validation,
        data_sha256=data_sha256,
        code_version=code_version,
    )
    folder.mkdir(parents=True, exist_ok=True)
    (folder / CARD_FILE).unlink(missing_ok=True)
    building = folder / f".{MODEL_FILE.removesuffix('.keras')}.tmp.keras"  # Keras insists on the ending
    model.network.save(building)
    building.replace(folder / MODEL_FILE)
    write_golden(folder / SAMPLES_FILE, model.validation_windows.inputs, {RUL: model.validation_rul_cycles})
    with replacing(folder / CARD_FILE) as temporary:
        temporary.write_text(card.model_dump_json(indent=2) + "\n", encoding="utf-8")
    return card


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


def load_runner(folder: Path) -> Callable[[Mapping[str, np.ndarray]], dict[str, np.ndarray]]:
    """The model of a folder, as something that predicts like an engine: outputs by name for inputs by name."""
    import keras

    network = keras.saving.load_model(folder / MODEL_FILE, compile=False)
    return lambda inputs: {RUL: predict(network, [inputs[WINDOW], inputs[AGE]])}


def _check(training_set: pl.DataFrame, inputs: Sequence[Channel]) -> None:
    splits = set(training_set["split"].unique())
    if "test" in splits:
        msg = "training was given test rows: hand it the train and validation splits only"
        raise TrainingError(msg)
    if splits != {"train", "validation"}:
        msg = f"training needs train and validation rows, got {sorted(splits) or 'none'}"
        raise TrainingError(msg)
    names = tuple(channel.name for channel in inputs)
    if names != model_inputs(training_set):
        msg = f"inputs are {names}, the training set holds {model_inputs(training_set)}: give its channels in order"
        raise TrainingError(msg)


def _windows(rows: pl.DataFrame, settings: RulSettings) -> Windows:
    return strided_windows(rows, window_cycles=settings.window_cycles, stride=settings.window_stride)


def _fit(
    network: Network, training: Windows, validation: Windows, settings: RulSettings, on_epoch: OnEpoch | None
) -> pl.DataFrame:
    """Train the core on windows that are scaled once; leaves the best epoch's weights in it."""
    import keras

    cap = settings.cap_cycles
    scaled, target = predict(network.scaler, [training.window]), np.minimum(training.rul_cycles / cap, 1)
    checked, truth = predict(network.scaler, [validation.window]), np.minimum(validation.rul_cycles, cap)
    steps = settings.epochs * -(-len(target) // settings.batch_size)
    schedule = keras.optimizers.schedules.CosineDecay(LEARNING_RATE, steps, alpha=0.02)
    network.core.compile(optimizer=keras.optimizers.Adam(schedule, clipnorm=1.0), loss="mse")
    rows: list[dict[str, float]] = []
    best = np.inf
    weights: list[np.ndarray] = network.core.get_weights()
    order = np.random.default_rng(settings.seed)
    for epoch in range(1, settings.epochs + 1):
        shuffled = order.permutation(len(target))
        losses = network.core.fit(
            [scaled[shuffled], training.age_cycles[shuffled]],
            target[shuffled],
            batch_size=settings.batch_size,
            shuffle=False,
            verbose=0,
        )
        share = predict(network.core, [checked, validation.age_cycles])
        error = rmse(truth, np.clip(share, 0, 1) * cap)
        rows.append({"epoch": epoch, "loss": losses.history["loss"][0], "validation_rmse_capped": error})
        if on_epoch is not None:
            on_epoch(epoch, rows[-1])
        if error < best:
            best, weights = error, network.core.get_weights()
        if epoch - 1 - int(np.argmin([row["validation_rmse_capped"] for row in rows])) >= PATIENCE_EPOCHS:
            break
    network.core.set_weights(weights)
    return pl.DataFrame(rows, schema={"epoch": pl.Int64, "loss": pl.Float64, "validation_rmse_capped": pl.Float64})


def _validate(found: np.ndarray, training: Windows, validation: Windows, cap: int) -> dict[str, float]:
    truth = np.minimum(validation.rul_cycles, cap)
    mean = np.full_like(truth, np.minimum(training.rul_cycles, cap).mean())
    error, error_of_mean = rmse(truth, found), rmse(truth, mean)
    return {
        "rmse_capped": error,
        "rmse_of_mean_capped": error_of_mean,
        "skill": 1 - error / error_of_mean if error_of_mean else 0.0,
    }
