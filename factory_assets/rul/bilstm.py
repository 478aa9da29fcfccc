"""The BiLSTM: a network that sees the raw window beside its statistics (Keras)."""

from __future__ import annotations

import logging
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

from factory_assets.rul.contestants import Examples
from factory_assets.rul.losses import Loss, keras_loss
from factory_assets.rul.network import build_core

LEARNING_RATE = 2e-3
PREDICT_BATCH = 1024


@dataclass(frozen=True)
class NetworkMember:
    """Trained networks, averaged. Weights alone are kept, so it can be sent from one process to another.

    Attributes:
        shape: W, C and F of `network.build_core`.
        sees_window: Whether the networks see the raw window.
        cap_cycles: What a share of 1 means.
        weights: Of each network, as Keras orders them.
        losses: (networks, epochs) training loss after each epoch.
    """

    shape: tuple[int, int, int]
    sees_window: bool
    cap_cycles: int
    weights: tuple[tuple[np.ndarray, ...], ...]
    losses: tuple[tuple[float, ...], ...]

    @cached_property
    def cores(self) -> list[Any]:
        """The Keras models."""
        built = []
        for weights in self.weights:
            core = build_core(*self.shape, sees_window=self.sees_window)
            core.set_weights(weights)
            built.append(core)
        return built

    def predict(self, examples: Examples) -> np.ndarray:
        """Remaining life in cycles, (N,)."""
        # Each network is traced once, and TensorFlow takes five of them for a fault.
        logging.getLogger("tensorflow").setLevel(logging.ERROR)
        found = [
            core.predict([examples.scaled, examples.figures], batch_size=PREDICT_BATCH, verbose=0)[:, 0]
            for core in self.cores
        ]
        cycles: np.ndarray = np.asarray(np.mean(found, axis=0, dtype=np.float64)) * self.cap_cycles
        return cycles


@dataclass(frozen=True)
class BiLstm:
    """The contestant.

    Attributes:
        cap_cycles: Remaining lives are learnt as a share of it.
        epochs: How long each network is trained: settled out of fold, never by the units that it is judged on.
        batch_size: Windows a step.
        networks: How many are averaged in a member.
        loss: What an error costs.
        sees_window: Without it the branch of statistics alone is trained.
    """

    cap_cycles: int
    epochs: int
    batch_size: int
    networks: int = 1
    loss: Loss = "squared"
    sees_window: bool = True

    def fit(self, examples: Examples, *, seed: int) -> NetworkMember:
        """Train the networks of one member.

        The same examples, seed and machine give the same weights: seeds are set and TensorFlow's operations are told to
        be deterministic, both for the whole process. Another processor or another number of threads may change the last
        digits.
        """
        shape = (*examples.scaled.shape[1:], examples.figures.shape[1])
        trained = [self._train(examples, shape, seed + 1000 * number) for number in range(self.networks)]
        weights, losses = zip(*trained, strict=True)
        return NetworkMember(shape, self.sees_window, self.cap_cycles, weights, losses)

    def _train(
        self, examples: Examples, shape: tuple[int, int, int], seed: int
    ) -> tuple[tuple[np.ndarray, ...], tuple[float, ...]]:
        import keras
        import tensorflow as tf

        keras.utils.set_random_seed(seed)
        tf.config.experimental.enable_op_determinism()
        core = build_core(*shape, sees_window=self.sees_window)
        steps = self.epochs * -(-len(examples.target_cycles) // self.batch_size)
        schedule = keras.optimizers.schedules.CosineDecay(LEARNING_RATE, steps, alpha=0.02)
        core.compile(keras.optimizers.Adam(schedule, clipnorm=1.0), keras_loss(self.loss, self.cap_cycles))
        truth = np.column_stack([examples.target_cycles / self.cap_cycles, examples.is_least]).astype(np.float32)
        history = core.fit(
            [examples.scaled, examples.figures],
            truth,
            batch_size=self.batch_size,
            epochs=self.epochs,
            verbose=0,
        )
        return tuple(core.get_weights()), tuple(history.history["loss"])
