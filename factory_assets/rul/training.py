"""Training: every contestant in unit folds, judged on the units that it has not seen, and calibrated by them.

Nothing is settled on the test: it is not even given to this module. A contestant has one member a fold, trained on the
other folds' units; out of fold each window is predicted by the member that has not seen its unit, and a new unit by the
mean of all members.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Executor, ProcessPoolExecutor
from contextlib import nullcontext
from dataclasses import dataclass
from functools import cached_property
from multiprocessing import get_context
from typing import Any

import numpy as np
import polars as pl

from factory_assets.foundation.errors import FactoryError
from factory_assets.foundation.plant import Channel
from factory_assets.foundation.rul_settings import RulSettings
from factory_assets.rul import intervals
from factory_assets.rul.bilstm import BiLstm, NetworkMember
from factory_assets.rul.contestants import Contestant, Examples, Member, targets
from factory_assets.rul.evaluation import phm08_score, rmse, rmse_low_rul
from factory_assets.rul.intervals import Calibration, IntervalCoverage
from factory_assets.rul.preparation import Preparation, make_preparation
from factory_assets.rul.regimes import RegimeStatistics, fit_regimes
from factory_assets.rul.schema import QUANTILES, RUL, SPLITS, model_inputs
from factory_assets.rul.trees import Trees
from factory_assets.rul.windows import Windows, strided_windows

ENSEMBLE = "ensemble"
SHARES = np.linspace(0, 1, 21)
SAMPLES = 512
# Below so many windows times epochs a process of its own costs more than it gains.
SMALL = 100_000

Told = Callable[[str], None]


class TrainingError(FactoryError, ValueError):
    """A model cannot be trained on what was given; the message says what is missing, and how to mend it."""


@dataclass(frozen=True)
class TrainedModel:
    """A trained model, and how it came about.

    Attributes:
        preparation: What stands in front of all members.
        members: One a fold, by contestant; of those that the model is made of, and of those it was compared with.
        shares: Of what each contestant is made: of itself alone, or (the ensemble) of several.
        contestant: Which contestant the model is.
        out_of_fold: One row a training window: unit_id, life_id, cycle, fold, is_censored, rul_cycles (the truth, not
            capped), and one column a contestant with the cycles that the member predicts which has not seen the unit.
        figures: Out of fold, by contestant: rmse_capped, rmse_low_rul, phm08_per_window, rmse_of_mean_capped.
        calibration: Of the model's intervals.
        coverage: Of the 80 and the 90 % interval, of units that did not calibrate it.
        windows: The training windows.
        inputs: The window's channels.
        statistics: Regimes and scaling that lie in the preparation.
        settings: What it was trained with.
    """

    preparation: Preparation
    members: Mapping[str, tuple[Member, ...]]
    shares: Mapping[str, Mapping[str, float]]
    contestant: str
    out_of_fold: pl.DataFrame
    figures: Mapping[str, Mapping[str, float]]
    calibration: Calibration
    coverage: Mapping[str, IntervalCoverage]
    windows: Windows
    inputs: tuple[Channel, ...]
    statistics: RegimeStatistics
    settings: RulSettings

    @property
    def weights(self) -> dict[str, float]:
        """What share each part has in the model; those with none are not part of it."""
        return {name: share for name, share in self.shares[self.contestant].items() if share > 0}

    @property
    def skill(self) -> float:
        """1 - RMSE / RMSE of the mean, out of fold."""
        of = self.figures[self.contestant]
        return 1 - of["rmse_capped"] / of["rmse_of_mean_capped"] if of["rmse_of_mean_capped"] else 0.0

    @property
    def curves(self) -> dict[str, list[float]]:
        """Training loss of the networks by epoch, their mean; empty without networks."""
        losses = [
            one
            for of in self.members.values()
            for member in of
            if isinstance(member, NetworkMember)
            for one in member.losses
        ]
        return {"bilstm_loss": np.mean(losses, axis=0).tolist()} if losses else {}

    def run(self, inputs: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
        """Predict as an engine does: outputs by name for inputs by name."""
        return self.outputs(self.weights, inputs)

    def outputs(self, weights: Mapping[str, float], inputs: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
        """The same with other shares of the contestants; quantiles are those of the model."""
        examples = self.preparation(inputs)
        cycles = mixed(weights, {name: _mean(self.members[name], examples) for name in weights})
        rul = np.clip(cycles, 0, self.settings.cap_cycles)
        found = intervals.quantiles(self.calibration, rul, self.settings.cap_cycles)
        return {RUL: rul[:, None].astype(np.float32), QUANTILES: found.astype(np.float32)}

    @cached_property
    def samples(self) -> tuple[dict[str, np.ndarray], dict[str, np.ndarray]]:
        """Windows from all over the training units, and what the model makes of them: inputs and outputs by name."""
        count = len(self.windows.life_ids)
        some = self.windows.of(np.unique(np.linspace(0, count - 1, min(SAMPLES, count)).astype(int)))
        return some.inputs, self.run(some.inputs)


def train(
    training_set: pl.DataFrame, settings: RulSettings, inputs: Sequence[Channel], *, on_progress: Told = lambda _: None
) -> TrainedModel:
    """Train every contestant on the training split, and choose among them by the error on units that were not seen.

    Args:
        training_set: Its train rows; test rows are refused.
        settings: Of the fleet.
        inputs: The training set's input channels, in order.
        on_progress: Told in words when something is done.

    Raises:
        TrainingError: There are test rows or no training rows, channels are others, all lives are shorter than the
            window, or the truth never varies.
    """
    windows = _checked_windows(training_set, settings, inputs)
    statistics = fit_regimes(
        training_set.select(model_inputs(training_set)).to_numpy(),
        [channel.role == "setting" for channel in inputs],
        regimes=settings.regimes,
        seed=settings.seed,
    )
    preparation = make_preparation(statistics, settings)
    target, is_least = targets(windows, settings.cap_cycles)
    examples = preparation(windows.inputs, target, is_least)
    members, predicted = cross_fit(examples, windows.folds, settings, on_progress)
    shares = {name: {name: 1.0} for name in members}
    if ENSEMBLE in settings.contestants:
        shares[ENSEMBLE] = ensemble_shares(predicted, target, windows.is_censored)
        predicted[ENSEMBLE] = mixed(shares[ENSEMBLE], predicted)
    predicted = {name: np.clip(predicted[name], 0, settings.cap_cycles) for name in settings.contestants}
    figures = {name: _figures(found, target, windows) for name, found in predicted.items()}
    best = min(settings.contestants, key=lambda name: figures[name]["rmse_capped"])
    truth, units, censored = windows.rul_cycles[:, 0], windows.unit_ids, windows.is_censored
    cap = settings.cap_cycles
    return TrainedModel(
        preparation=preparation,
        members=members,
        shares=shares,
        contestant=best,
        out_of_fold=_out_of_fold(windows, predicted),
        figures=figures,
        calibration=intervals.calibrate(predicted[best], truth, units, cap_cycles=cap, censored=censored),
        coverage=intervals.cross_coverage(
            predicted[best], truth, units, windows.folds, cap_cycles=cap, censored=censored
        ),
        windows=windows,
        inputs=tuple(inputs),
        statistics=statistics,
        settings=settings,
    )


def contestants(settings: RulSettings) -> dict[str, Contestant]:
    """The contestants that a plant file asks for, beside the ensemble, which is made of them."""
    known: dict[str, Contestant] = {
        "trees": Trees(settings.trees, settings.loss),
        "bilstm": BiLstm(
            settings.cap_cycles, settings.epochs, settings.batch_size, networks=settings.seeds, loss=settings.loss
        ),
    }
    return {name: of for name, of in known.items() if name in settings.contestants}


def cross_fit(
    examples: Examples,
    folds: np.ndarray,
    settings: RulSettings,
    on_progress: Told = lambda _: None,
    *,
    only: Mapping[str, Contestant] | None = None,
) -> tuple[dict[str, tuple[Member, ...]], dict[str, np.ndarray]]:
    """Train one member a fold of each contestant, and predict each fold by the member that has not seen it.

    Args:
        examples: All training windows.
        folds: (N,) the fold of each.
        settings: Of the fleet.
        on_progress: Told in words when a member is trained.
        only: Contestants by name instead of those of the settings.

    Returns:
        Members and out-of-fold predictions in cycles (N,), not clipped, by contestant.
    """
    members: dict[str, tuple[Member, ...]] = {}
    predicted: dict[str, np.ndarray] = {}
    wanted = contestants(settings) if only is None else only
    with _workers(len(folds) * settings.epochs * settings.seeds) as pool:
        for name, contestant in wanted.items():
            is_network = isinstance(contestant, BiLstm)
            trained = _one_a_fold(contestant, examples, folds, settings.seed, pool if is_network else None)
            found = np.full(len(folds), np.nan)
            for place, (fold, member) in enumerate(trained.items(), start=1):
                found[folds == fold] = member.predict(examples.of(folds == fold))
                on_progress(f"{name}: {place} of {len(trained)} folds")
            members[name], predicted[name] = tuple(trained.values()), found
    return members, predicted


def ensemble_shares(
    predicted: Mapping[str, np.ndarray], target: np.ndarray, is_censored: np.ndarray
) -> dict[str, float]:
    """The shares of trees and BiLSTM with the least error out of fold, in steps of a twentieth."""
    known = ~is_censored
    trees, bilstm = (predicted[name][known] for name in ("trees", "bilstm"))
    errors = [rmse(target[known], share * bilstm + (1 - share) * trees) for share in SHARES]
    share = float(SHARES[int(np.argmin(errors))])
    return {"trees": 1 - share, "bilstm": share}


def mixed(shares: Mapping[str, float], predicted: Mapping[str, np.ndarray]) -> np.ndarray:
    """The weighted sum of predictions, (N,)."""
    found: np.ndarray = np.sum([share * predicted[name] for name, share in shares.items()], axis=0)
    return found


def _one_a_fold(
    contestant: Contestant, examples: Examples, folds: np.ndarray, seed: int, pool: Executor | None
) -> dict[int, Member]:
    """A member for each fold, trained on all others."""
    numbers = [int(fold) for fold in np.unique(folds)]
    if pool is None:
        return {fold: contestant.fit(examples.of(folds != fold), seed=seed + fold) for fold in numbers}
    waiting = {fold: pool.submit(contestant.fit, examples.of(folds != fold), seed=seed + fold) for fold in numbers}
    return {fold: future.result() for fold, future in waiting.items()}


def _workers(work: int) -> Any:
    """Processes that train networks side by side, each on one core; None (in a context) where there is little to do."""
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    if work < SMALL or cores == 1:
        return nullcontext()
    return ProcessPoolExecutor(cores, get_context("spawn"), initializer=_on_one_thread)


def _on_one_thread() -> None:
    os.environ["OMP_NUM_THREADS"] = "1"
    import tensorflow as tf

    tf.config.threading.set_intra_op_parallelism_threads(1)
    tf.config.threading.set_inter_op_parallelism_threads(1)


def _mean(members: Sequence[Member], examples: Examples) -> np.ndarray:
    found: np.ndarray = np.mean([member.predict(examples) for member in members], axis=0)
    return found


def _checked_windows(training_set: pl.DataFrame, settings: RulSettings, inputs: Sequence[Channel]) -> Windows:
    splits = set(training_set["split"].unique())
    if "test" in splits:
        msg = "training was given test rows: hand it the train split only"
        raise TrainingError(msg)
    if splits != {"train"}:
        msg = f"training needs train rows of {' and '.join(SPLITS)}, got none: wait for failures"
        raise TrainingError(msg)
    names = tuple(channel.name for channel in inputs)
    if names != model_inputs(training_set):
        msg = f"inputs are {names}, the training set holds {model_inputs(training_set)}: give its channels in order"
        raise TrainingError(msg)
    longest = int(training_set.group_by("life_id").len()["len"].max() or 0)  # type: ignore[arg-type]
    if longest < settings.window_cycles:
        msg = (
            f"the longest life has {longest} cycles, fewer than a window of {settings.window_cycles}: "
            "lower rul.window_cycles in the plant file, or give shorter cycles with cycle_length"
        )
        raise TrainingError(msg)
    windows = strided_windows(training_set, window_cycles=settings.window_cycles, stride=settings.window_stride)
    known = np.minimum(windows.rul_cycles[~windows.is_censored], settings.cap_cycles)
    if len(known) == 0:
        msg = "all lives of the training set are censored: no failure was seen, so there is nothing to learn"
        raise TrainingError(msg)
    if np.ptp(known) == 0:
        msg = (
            f"the remaining life is {known.flat[0]:g} cycles in all windows: there is nothing to learn; "
            "correct rul.cap_cycles or life in the plant file"
        )
        raise TrainingError(msg)
    return windows


def _figures(predicted: np.ndarray, target: np.ndarray, windows: Windows) -> dict[str, float]:
    """Out-of-fold figures of one contestant, over the windows whose truth is known."""
    known = ~windows.is_censored
    truth, found = target[known].astype(np.float64), predicted[known]
    mean_of = {fold: target[known & (windows.folds != fold)].mean() for fold in np.unique(windows.folds)}
    mean = np.array([mean_of[fold] for fold in windows.folds[known]])
    return {
        "rmse_capped": rmse(truth, found),
        "rmse_low_rul": rmse_low_rul(truth, found),
        "phm08_per_window": phm08_score(truth, found) / len(truth),
        "rmse_of_mean_capped": rmse(truth, mean),
    }


def _out_of_fold(windows: Windows, predicted: Mapping[str, np.ndarray]) -> pl.DataFrame:
    return pl.DataFrame(
        {
            "unit_id": windows.unit_ids.astype(str),
            "life_id": windows.life_ids.astype(str),
            "cycle": windows.age_cycles[:, 0].astype(np.int64),
            "fold": windows.folds,
            "is_censored": windows.is_censored,
            "rul_cycles": windows.rul_cycles[:, 0].astype(np.float64),
            **predicted,
        }
    )
