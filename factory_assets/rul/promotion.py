"""What a challenger must show before it takes the champion's place: pure comparisons, each told in words.

The error that is compared is out of fold: no prediction comes from a model that was trained on the unit. Windows of
one life err together, so whole units are resampled.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass, field

import numpy as np
import polars as pl

from factory_assets.foundation.errors import FactoryError
from factory_assets.foundation.settings import PromotionThresholds, RulThresholds
from factory_assets.rul.contenders import ROW, Contender

BASELINE = "trees"
AT_ONCE = 1000

Foretell = Callable[[pl.DataFrame], np.ndarray]


class NothingToCompareError(FactoryError, ValueError):
    """Out-of-fold predictions without a single life whose failure was seen."""


@dataclass(frozen=True)
class Evidence:
    """What was measured of a model's graph.

    Attributes:
        parity_cycles: Largest |trainer - ONNX Runtime| on validation windows.
        golden_failure: What the edge's code said of the golden samples; None if they passed.
    """

    parity_cycles: float
    golden_failure: str | None = None


@dataclass(frozen=True)
class Condition:
    """One condition of promotion.

    Attributes:
        name: Which.
        passed: Whether it holds.
        told: Why, with its figures.
    """

    name: str
    passed: bool
    told: str


@dataclass(frozen=True)
class Gain:
    """By how much one model is better than another, in cycles of RMSE (truth capped).

    Attributes:
        rmse_before: Of the one that is there.
        rmse_after: Of the one that wants its place.
        low: Lower end of the interval of the difference, before minus after, by bootstrap over units.
        high: Upper end.
        units: How many units were compared.
        rows: On how many windows.
    """

    rmse_before: float
    rmse_after: float
    low: float
    high: float
    units: int
    rows: int

    def __str__(self) -> str:
        gain = self.rmse_before - self.rmse_after
        return (
            f"RMSE {self.rmse_after:.2f} against {self.rmse_before:.2f} cycles out of fold over {self.units} units, "
            f"gain {gain:.2f}, interval from {self.low:.2f} to {self.high:.2f}"
        )


@dataclass(frozen=True)
class Pairs:
    """Windows that both models predicted without having been trained on the unit.

    Attributes:
        units: Unit of each, (N,).
        truth: True remaining cycles, capped, (N,).
        champion: What the champion predicts, (N,).
        challenger: What the challenger predicts, (N,).
        left_out: How many rows and units were left out, by reason.
    """

    units: np.ndarray
    truth: np.ndarray
    champion: np.ndarray
    challenger: np.ndarray
    left_out: dict[str, int] = field(default_factory=dict)


def pair(champion: Contender, challenger: Contender, foretell: Foretell | None) -> Pairs:
    """Bring the predictions of both for the same windows together.

    For a unit that the champion was trained on, its own out-of-fold prediction counts; for one that it has never seen,
    what its graph says. Rows for which there is neither are left out and counted.

    Args:
        champion: The model in force.
        challenger: The model that wants its place; truth and rows are its own, being newer.
        foretell: The champion's graph: rows with unit_id, life_id and cycle in, cycles (N,) out, NaN where it cannot
            say. None if no unit is new to it, or new ones shall be left out.
    """
    rows = _uncensored(challenger).select(*ROW, "truth", challenger=_predicted(challenger))
    own = champion.out_of_fold.select(*ROW, champion=_predicted(champion)).unique(ROW, keep="first")
    joined = rows.join(own, on=ROW, how="left", maintain_order="left")
    seen = pl.col("unit_id").is_in(champion.out_of_fold["unit_id"].unique().to_list())
    unseen = joined.filter(~seen)
    if foretell is not None and unseen.height:
        says = np.clip(np.asarray(foretell(unseen.select(ROW)), np.float64).reshape(-1), 0, challenger.card.cap_cycles)
        unseen = unseen.with_columns(champion=pl.Series(says))
    every = pl.concat([joined.filter(seen), unseen.with_columns(pl.col("champion").cast(pl.Float64))])
    both = pl.col("champion").is_finite() & pl.col("challenger").is_finite()
    kept = every.filter(both.fill_null(value=False))
    lost = every.filter(~both.fill_null(value=False))
    only_before = set(champion.out_of_fold["unit_id"]) - set(challenger.out_of_fold["unit_id"])
    return Pairs(
        kept["unit_id"].to_numpy(),
        kept["truth"].to_numpy(),
        kept["champion"].to_numpy(),
        kept["challenger"].to_numpy(),
        {
            "rows_without_both_predictions": lost.height,
            "units_without_both_predictions": len(set(lost["unit_id"]) - set(kept["unit_id"])),
            "units_only_the_champion_knows": len(only_before),
            "units_new_to_the_champion": kept.filter(~seen)["unit_id"].n_unique(),
        },
    )


def gain(
    units: np.ndarray, truth: np.ndarray, before: np.ndarray, after: np.ndarray, rules: PromotionThresholds
) -> Gain:
    """Paired bootstrap over units of RMSE(before) - RMSE(after).

    The percentiles are those of the expanded interval (T. C. Hesterberg, The American Statistician 69 (2015) 371-386):
    of few units the plain ones are too narrow.

    Args:
        units: Unit of each window, (N,), N >= 1.
        truth: True cycles, (N,).
        before: Predicted by the model that is there, (N,).
        after: Predicted by the other, (N,).
        rules: Confidence, resamples and seed.
    """
    names, of_unit = np.unique(units.astype(str), return_inverse=True)
    counts = np.bincount(of_unit)
    squares = np.stack([np.bincount(of_unit, (said - truth) ** 2) for said in (before, after)], axis=1)
    rng = np.random.default_rng(rules.seed)
    found = []
    for start in range(0, rules.resamples, AT_ONCE):
        size = min(AT_ONCE, rules.resamples - start)
        drawn = rng.multinomial(len(names), np.full(len(names), 1 / len(names)), size=size)
        rmse = np.sqrt((drawn @ squares) / (drawn @ counts)[:, None])
        found.append(rmse[:, 0] - rmse[:, 1])
    tail = _tail(len(names), rules.confidence)
    low, high = np.quantile(np.concatenate(found), [tail, 1 - tail])
    whole = np.sqrt(squares.sum(axis=0) / counts.sum())
    return Gain(float(whole[0]), float(whole[1]), float(low), float(high), len(names), len(truth))


def against_champion(pairs: Pairs, rules: PromotionThresholds) -> tuple[Condition, Gain | None]:
    """Whether the challenger is better than the champion by more than the noise."""
    name = "better_than_the_champion"
    units = len(np.unique(pairs.units.astype(str)))
    if units < rules.least_units:
        told = f"{units} unit(s) can be compared, at least {rules.least_units} are needed to tell a gain from luck"
        return Condition(name, passed=False, told=told), None
    found = gain(pairs.units, pairs.truth, pairs.champion, pairs.challenger, rules)
    if found.low > 0:
        return Condition(name, passed=True, told=f"{found}: more than the noise"), found
    verdict = "worse" if found.high < 0 else "no better than noise"
    return Condition(name, passed=False, told=f"{found}: {verdict}"), found


def without_champion(challenger: Contender, thresholds: RulThresholds) -> Iterator[Condition]:
    """What the first model of a fleet must show: that it has learnt something, and no less than the plain baseline.

    Raises:
        NothingToCompareError: No window of a life whose failure was seen.
    """
    rows = _uncensored(challenger).with_columns(said=_predicted(challenger))
    rows = rows.filter(pl.col("said").is_finite())
    if not rows.height:
        msg = "no out-of-fold prediction of a life whose failure was seen: there is nothing to judge the model by"
        raise NothingToCompareError(msg)
    yield _beats_the_mean(rows, thresholds.skill_over_mean)
    yield _not_worse_than_baseline(rows, challenger, thresholds.promotion)


def keeps_coverage(contender: Contender, rules: PromotionThresholds) -> Iterator[Condition]:
    """Whether the 80 % and the 90 % interval hold the truth often enough, out of fold.

    The windows of a unit err together, so there are as many trials as units. Of few, a coverage below the bound may
    be luck: then the upper end of its Wilson interval must reach the bound.
    """
    for level, least in (("80", rules.coverage_80), ("90", rules.coverage_90)):
        name = f"coverage_{level}"
        found = contender.card.coverage.get(level)
        units = contender.units if found is None or found.units is None else found.units
        if found is None or not math.isfinite(found.coverage) or not units:
            yield Condition(name, passed=False, told=f"no coverage of the {level} % interval is known")
            continue
        told = f"the {level} % interval held the truth in {found.coverage:.1%} of windows of {units} units"
        asked = f"at least {least:.1%} is asked for"
        if units >= rules.coverage_units or found.coverage >= least:
            yield Condition(name, passed=found.coverage >= least, told=f"{told}, {asked}")
            continue
        reach = _upper_end(found.coverage, units, rules.confidence)
        few = f"so few units ({rules.coverage_units} are needed to judge it) explain up to {reach:.1%} by luck"
        yield Condition(name, passed=reach >= least, told=f"{told}; {few}, {asked}")


def keeps_parity(evidence: Evidence, bound_cycles: float) -> Iterator[Condition]:
    """Whether the graph gives what the trainer gives, and passes its golden samples."""
    told = f"graph and trainer differ by {evidence.parity_cycles:.3g} cycles at most, {bound_cycles:.3g} is allowed"
    yield Condition("parity", passed=evidence.parity_cycles <= bound_cycles, told=told)
    failure = evidence.golden_failure
    yield Condition(
        "golden_samples",
        passed=failure is None,
        told="the golden samples pass" if failure is None else f"the golden samples fail: {failure}",
    )


def gain_as_json(found: Gain | None, pairs: Pairs | None) -> dict[str, float | int | dict[str, int]]:
    """The comparison as plain values; empty if there was none."""
    return {**(asdict(found) if found else {}), **({"left_out": pairs.left_out} if pairs else {})}


def _uncensored(contender: Contender) -> pl.DataFrame:
    truth = pl.col("rul_cycles").cast(pl.Float64).clip(0, contender.card.cap_cycles)
    return contender.out_of_fold.filter(~pl.col("is_censored")).with_columns(truth=truth)


def _predicted(contender: Contender, contestant: str | None = None) -> pl.Expr:
    return pl.col(contestant or contender.card.contestant).cast(pl.Float64).clip(0, contender.card.cap_cycles)


def _beats_the_mean(rows: pl.DataFrame, least: float) -> Condition:
    truth, said, folds = (rows[name].to_numpy() for name in ("truth", "said", "fold"))
    mean = np.full(len(truth), truth.mean())
    for fold in np.unique(folds):
        others = truth[folds != fold]
        if len(others):
            mean[folds == fold] = others.mean()
    rmse, of_mean = (float(np.sqrt(np.mean((said_ - truth) ** 2))) for said_ in (said, mean))
    skill = 1 - rmse / of_mean if of_mean > 0 else 0.0
    told = f"RMSE {rmse:.2f} out of fold, {of_mean:.2f} by predicting the mean: better by {skill:.1%}"
    return Condition("beats_the_mean", passed=skill >= least, told=f"{told}, at least {least:.1%} is asked for")


def _not_worse_than_baseline(rows: pl.DataFrame, challenger: Contender, rules: PromotionThresholds) -> Condition:
    name = "not_worse_than_the_baseline"
    if challenger.card.contestant == BASELINE:
        return Condition(name, passed=True, told="it is the plain baseline itself")
    if BASELINE not in rows.columns:
        return Condition(name, passed=True, told=f"the baseline ({BASELINE}) was not trained: not compared")
    both = rows.with_columns(baseline=_predicted(challenger, BASELINE)).filter(pl.col("baseline").is_finite())
    if not both.height:
        return Condition(name, passed=True, told=f"the baseline ({BASELINE}) predicted nothing: not compared")
    unit, truth, baseline, said = (both[column].to_numpy() for column in ("unit_id", "truth", "baseline", "said"))
    found = gain(unit, truth, baseline, said, rules)
    passed = found.high >= 0
    told = f"against the plain baseline: {found}"
    return Condition(name, passed=passed, told=told if passed else f"{told}: worse")


def _tail(units: int, confidence: float) -> float:
    """The share of resamples beyond each end of an expanded percentile interval."""
    from scipy.stats import norm, t

    plain = (1 - confidence) / 2
    if units < 2:
        return plain
    return float(norm.cdf(t.ppf(plain, units - 1) * math.sqrt(units / (units - 1))))


def _upper_end(share: float, units: int, confidence: float) -> float:
    from scipy.stats import binomtest

    return float(binomtest(round(share * units), units).proportion_ci(confidence, method="wilson").high)
