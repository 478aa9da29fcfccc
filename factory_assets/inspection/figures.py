"""Figures of scored images, each with its interval, and `None` where a figure is not defined."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import polars as pl

FALSE_REJECT_RATE = 0.05
CONFIDENCE = 0.95
RESAMPLES = 500


@dataclass(frozen=True)
class Figure:
    """A figure with the ends of its 95 % interval."""

    value: float
    low: float
    high: float

    def as_json(self) -> dict[str, float]:
        """Plain values."""
        return {"value": self.value, "low": self.low, "high": self.high}


@dataclass(frozen=True)
class ScoredImages:
    """Images with what a model says of them.

    Attributes:
        image_ids: Their names.
        labels: What the manifest says; empty where it says nothing.
        is_defect: Whether they are defective.
        groups: Images of one part share a group; intervals are drawn over groups, for such images err together.
        scores: float64 (images,), larger is worse.
        threshold: Scores at or above it are rejected; None where only the kind of defect is asked for.
        predicted: Labels that a classifier gives; None where there is none.
        probabilities: (images, classes) of a classifier.
    """

    image_ids: tuple[str, ...]
    labels: tuple[str, ...]
    is_defect: np.ndarray
    groups: tuple[str, ...]
    scores: np.ndarray
    threshold: float | None = None
    predicted: tuple[str, ...] | None = None
    probabilities: np.ndarray | None = None

    def __len__(self) -> int:
        return len(self.image_ids)

    @property
    def is_rejected(self) -> np.ndarray:
        """Whether each is rejected at the threshold; none is without one."""
        if self.threshold is None:
            return np.zeros(len(self), bool)
        return np.asarray(self.scores >= self.threshold)

    @property
    def is_right(self) -> np.ndarray:
        """Whether each verdict is right: the label where labels are given, else OK or not."""
        if self.predicted is not None:
            return np.array([true == said for true, said in zip(self.labels, self.predicted, strict=True)], bool)
        return np.asarray(self.is_rejected == self.is_defect.astype(bool))

    def frame(self) -> pl.DataFrame:
        """One row an image."""
        return pl.DataFrame(
            {
                "image": self.image_ids,
                "label": self.labels,
                "is_defect": self.is_defect,
                "group": self.groups,
                "score": self.scores,
                "is_rejected": self.is_rejected,
                "predicted": self.predicted or [None] * len(self),
                "is_right": self.is_right,
            },
            schema_overrides={"predicted": pl.String},
        )


def share(hits: int, of: int) -> Figure | None:
    """A share with its Wilson interval (E. B. Wilson, JASA 22 (1927) 209-212); None of nothing."""
    if of == 0:
        return None
    from scipy.stats import binomtest

    interval = binomtest(hits, of).proportion_ci(CONFIDENCE, method="wilson")
    return Figure(hits / of, float(interval.low), float(interval.high))


def auroc(scores: np.ndarray, is_defect: np.ndarray) -> float | None:
    """Chance that a defective part scores higher than a sound one; None where one kind is missing."""
    bad = is_defect.astype(bool)
    defective, sound = int(bad.sum()), int((~bad).sum())
    if not defective or not sound:
        return None
    from scipy.stats import rankdata

    # Mann and Whitney's statistic; intervals ask for it hundreds of times, and this is many times faster than a curve.
    above = float(rankdata(scores)[bad].sum()) - defective * (defective + 1) / 2
    return above / (defective * sound)


def recall_at(scores: np.ndarray, is_defect: np.ndarray, false_reject_rate: float = FALSE_REJECT_RATE) -> float | None:
    """Share of defective parts found where at most so many sound ones are rejected; None where one kind is missing.

    The threshold lies just above the sound part that may no longer be rejected: a defective part that scores the same
    as that one is not found.
    """
    sound = np.sort(scores[~is_defect])[::-1]
    if not len(sound) or not is_defect.any():
        return None
    allowed = int(np.floor(false_reject_rate * len(sound) + 1e-9))
    bound = sound[allowed] if allowed < len(sound) else -np.inf
    return float((scores[is_defect] > bound).mean())


def interval_over_groups(
    figure: Callable[[np.ndarray, np.ndarray], float | None],
    scores: np.ndarray,
    is_defect: np.ndarray,
    groups: Sequence[str],
    *,
    seed: int = 0,
) -> Figure | None:
    """A figure with its bootstrap interval: whole groups are drawn, defective and sound ones apart.

    Args:
        figure: Of scores and truth.
        scores: (images,).
        is_defect: (images,).
        groups: The group of each image.
        seed: Of the draws.
    """
    value = figure(scores, is_defect)
    if value is None:
        return None
    members: dict[tuple[bool, str], list[int]] = {}
    for place, (group, bad) in enumerate(zip(groups, is_defect, strict=True)):
        members.setdefault((bool(bad), group), []).append(place)
    strata = [[np.array(p) for (bad, _), p in members.items() if bad is kind] for kind in (False, True)]
    rng = np.random.default_rng(seed)
    drawn = []
    for _ in range(RESAMPLES):
        places = np.concatenate([s[i] for s in strata if s for i in rng.integers(len(s), size=len(s))])
        again = figure(scores[places], is_defect[places])
        if again is not None:
            drawn.append(again)
    low, high = np.quantile(drawn, [(1 - CONFIDENCE) / 2, (1 + CONFIDENCE) / 2])
    return Figure(value, float(low), float(high))


def confusion(
    labels: Sequence[str], predicted: Sequence[str], *, said_of: Sequence[str] | None = None
) -> dict[str, dict[str, int]]:
    """Counts of images: true label, then what was said.

    Args:
        labels: What the manifest says.
        predicted: What the model says.
        said_of: All that it may say; by default the labels of either.
    """
    names = list(said_of) if said_of is not None else sorted({*labels, *predicted})
    found = {true: dict.fromkeys(names, 0) for true in sorted(set(labels))}
    for true, said in zip(labels, predicted, strict=True):
        found[true][said] += 1
    return found


@dataclass(frozen=True)
class InspectionFigures:
    """What scored images say of a model.

    Attributes:
        images: How many there are.
        accuracy: Right labels of a classifier, else right OK/NOK verdicts at the threshold.
        auroc: See `auroc`; None with its reason in `undefined`.
        recall_at_5_false_reject: See `recall_at`.
        false_reject_rate: Sound parts rejected at the threshold.
        escape_rate: Defective parts passed at the threshold.
        cost_per_part: Expected cost of wrong verdicts at the line.
        confusion: Counts, true label first; verdicts where there is no classifier.
        per_class: By label: images, and what share of them is told right (or rejected), with its interval.
        per_image: One entry an image.
        undefined: Figures that are not defined here, with why.
    """

    images: int
    accuracy: Figure | None
    auroc: Figure | None
    recall_at_5_false_reject: Figure | None
    false_reject_rate: Figure | None
    escape_rate: Figure | None
    cost_per_part: float | None
    confusion: Mapping[str, Mapping[str, int]]
    per_class: Mapping[str, Mapping[str, object]]
    per_image: Sequence[Mapping[str, object]]
    undefined: Mapping[str, str]

    def headline(self) -> dict[str, float | None]:
        """The figures without their intervals."""
        named = {
            "accuracy": self.accuracy,
            "auroc": self.auroc,
            "recall_at_5_false_reject": self.recall_at_5_false_reject,
            "false_reject_rate": self.false_reject_rate,
            "escape_rate": self.escape_rate,
        }
        values = {name: None if figure is None else figure.value for name, figure in named.items()}
        return {**values, "cost_per_part": self.cost_per_part}

    def as_json(self) -> dict[str, object]:
        """Plain values: figures, `intervals` beside them, then everything else."""
        named = {
            "accuracy": self.accuracy,
            "auroc": self.auroc,
            "recall_at_5_false_reject": self.recall_at_5_false_reject,
            "false_reject_rate": self.false_reject_rate,
            "escape_rate": self.escape_rate,
        }
        return {
            "images": self.images,
            **self.headline(),
            "intervals": {name: [f.low, f.high] for name, f in named.items() if f is not None},
            "confusion": {true: dict(said) for true, said in self.confusion.items()},
            "per_class": {name: dict(entry) for name, entry in self.per_class.items()},
            "undefined": dict(self.undefined),
            "per_image": [dict(entry) for entry in self.per_image],
        }
