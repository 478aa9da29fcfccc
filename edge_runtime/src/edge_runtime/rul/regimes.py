"""Whether a unit runs as the units did that its model was trained on."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from edge_runtime.bundle.manifest import Regimes

UNSEEN_REGIME = "unseen_regime"
# Settings jitter: a little further out than any training cycle is still the same regime.
MARGIN, SLACK = 1.5, 0.05
MOST_UNSEEN = 0.1


def why_unseen(regimes: Regimes, channels: Sequence[str], windows: np.ndarray) -> list[str | None]:
    """Why the model should not be asked about each unit; None where it may be.

    It should not if the last cycle, or more than a tenth of the window's, is further from every regime than training
    cycles were. Cycles whose settings were not all read say nothing.

    Args:
        regimes: Of the training data.
        channels: Of the windows' last axis.
        windows: (units, cycles, channels) raw engineering units, NaN where nothing was read.

    Returns:
        One text a unit, or None.
    """
    places = [list(channels).index(name) for name in regimes.channels]
    scale, centres = np.asarray(regimes.scale), np.asarray(regimes.centres)
    limit = MARGIN * np.asarray(regimes.reach) + SLACK
    reasons: list[str | None] = []
    for window in windows[:, :, places]:
        cycles = window[~np.isnan(window).any(axis=1)]
        distance = np.linalg.norm((cycles[:, None, :] - centres) / scale, axis=2)
        is_unseen = (distance > limit).all(axis=1)
        is_refused = len(cycles) > 0 and (is_unseen[-1] or is_unseen.mean() > MOST_UNSEEN)
        reasons.append(_told(regimes, cycles[is_unseen][-1]) if is_refused else None)
    return reasons


def _told(regimes: Regimes, cycle: np.ndarray) -> str:
    values = ", ".join(f"{name} = {value:g}" for name, value in zip(regimes.channels, cycle, strict=True))
    return (
        f"{UNSEEN_REGIME}: {values} is none of the {len(regimes.centres)} operating regimes that the model was trained "
        "in; correct the readings, or train again with lives that were run so"
    )
