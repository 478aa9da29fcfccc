"""Operating regimes and the scaling of channels within each: fitted once, on training units, then part of the graph."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from factory_assets.foundation.errors import FactoryError

ALMOST_CONSTANT = 1e-6


class RegimesError(FactoryError, ValueError):
    """The plant file asks for more operating regimes than there are."""


@dataclass(frozen=True)
class RegimeStatistics:
    """What the graph knows of its inputs.

    Attributes:
        settings: Positions of the setting channels among the inputs.
        setting_mean: (settings,) in engineering units.
        setting_sd: (settings,) in engineering units; what distances are measured in.
        centres: (regimes, settings) in these standard deviations from the mean.
        reach: (regimes,) largest distance of a training row from its centre, in these standard deviations.
        mean: (regimes, channels) in engineering units.
        sd: (regimes, channels); 1 where a channel does not vary within a regime.
    """

    settings: tuple[int, ...]
    setting_mean: np.ndarray
    setting_sd: np.ndarray
    centres: np.ndarray
    reach: np.ndarray
    mean: np.ndarray
    sd: np.ndarray

    @property
    def regimes(self) -> int:
        """How many regimes there are."""
        return len(self.centres)


def fit_regimes(values: np.ndarray, is_setting: Sequence[bool], *, regimes: int, seed: int) -> RegimeStatistics:
    """Find the operating regimes (k-means on scaled settings) and the mean and spread of every channel in each.

    Args:
        values: (rows, channels) of training units, engineering units, NaN where nothing was read.
        is_setting: (channels,) which of them describe the regime.
        regimes: How many there are.
        seed: Of k-means.
    """
    places = tuple(place for place, is_one in enumerate(is_setting) if is_one)
    settings = values[:, places]
    setting_mean = np.nanmean(settings, axis=0) if places else np.zeros(0)
    setting_sd = np.maximum(np.nanstd(settings, axis=0), ALMOST_CONSTANT) if places else np.ones(0)
    # A setting that was not read counts as the mean, as it does in the graph.
    scaled = np.nan_to_num((settings - setting_mean) / setting_sd)
    centres, labels = _clusters(scaled, regimes, seed)
    distance = np.linalg.norm(scaled - centres[labels], axis=1)
    reach = np.array([distance[labels == regime].max(initial=0.0) for regime in range(len(centres))])
    mean = np.tile(np.nanmean(values, axis=0), (len(centres), 1))
    sd = np.ones_like(mean)
    for regime in range(len(centres)):
        of_regime = values[labels == regime]
        is_read = (~np.isnan(of_regime)).any(axis=0)
        mean[regime, is_read] = np.nanmean(of_regime[:, is_read], axis=0)
        sd[regime, is_read] = np.nanstd(of_regime[:, is_read], axis=0)
    sd[sd < ALMOST_CONSTANT * np.maximum(1, np.abs(mean))] = 1.0
    return RegimeStatistics(
        settings=places,
        setting_mean=setting_mean,
        setting_sd=setting_sd,
        centres=centres,
        reach=reach,
        mean=mean.astype(np.float32),
        sd=sd.astype(np.float32),
    )


def _clusters(scaled: np.ndarray, regimes: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """(centres, label of each row), the centres in a fixed order, so that a rerun gives the same graph."""
    if regimes == 1 or scaled.shape[1] == 0:
        return np.zeros((1, scaled.shape[1]), np.float32), np.zeros(len(scaled), np.int64)
    distinct = len(np.unique(scaled, axis=0))
    if distinct < regimes:
        msg = f"the settings take {distinct} different values, fewer than {regimes} regimes: lower rul.regimes"
        raise RegimesError(msg)
    from sklearn.cluster import KMeans

    fitted = KMeans(n_clusters=regimes, n_init=10, random_state=seed).fit(scaled)
    order = np.lexsort(fitted.cluster_centers_.T[::-1])
    rank = np.empty_like(order)
    rank[order] = np.arange(len(order))
    return fitted.cluster_centers_[order].astype(np.float32), rank[fitted.labels_]
