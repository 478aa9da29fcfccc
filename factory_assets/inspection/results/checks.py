"""Asset checks of the verdicts that came in; each is evaluated in the run that takes them over."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

import dagster as dg
import polars as pl

from factory_assets.foundation.contracts import Breach
from factory_assets.foundation.lake import Partition
from factory_assets.foundation.metadata import table
from factory_assets.foundation.settling import failed_partitions

VERDICT = "inspection_verdict"
CHECKS = [
    dg.AssetCheckSpec("contract", asset=VERDICT, blocking=True, description="Columns, types and keys of all verdicts."),
    dg.AssetCheckSpec(
        "verdicts_are_conserved",
        asset=VERDICT,
        blocking=True,
        description="Verdicts of a segment = accepted + quarantined; each accepted one is in its day, none twice.",
    ),
    dg.AssetCheckSpec(
        "numbers_have_no_gap",
        asset=VERDICT,
        description="Each station's numbers follow one another; a gap is a segment that has not come yet, or is lost.",
    ),
    dg.AssetCheckSpec(
        "segments_are_whole",
        asset=VERDICT,
        description="Every segment is what its header says, and no two of one station hold the same number.",
    ),
    dg.AssetCheckSpec(
        "every_line_is_a_verdict",
        asset=VERDICT,
        description="No line of a segment had to be set aside; the products of all verdicts are known.",
    ),
    dg.AssetCheckSpec(
        "parts_are_judged",
        asset=VERDICT,
        description="Few parts of the newest day were rejected without being judged (configs/thresholds.yaml).",
    ),
]


def contract(breaches: Iterable[Breach]) -> dg.AssetCheckResult:
    """Whether all days that were written keep the contract."""
    told = list(breaches)
    failed: dict[str, str] = {}
    for breach in told:
        # `where` is a day of a product, or two of them.
        failed.setdefault(breach.where.partition("/")[0], str(breach))
    return dg.AssetCheckResult(
        asset_key=VERDICT,
        check_name="contract",
        passed=not told,
        metadata={
            "breaches": dg.MetadataValue.md("\n".join(map(str, told)) or "none"),
            **failed_partitions(failed),
        },
    )


def verdicts_are_conserved(unplaced: pl.DataFrame, misplaced: Mapping[Partition, str]) -> dg.AssetCheckResult:
    """Whether every verdict has its place. `misplaced`: days that do not hold what they should, with words."""
    failed: dict[str, str] = {}
    for partition, words in misplaced.items():
        product = str(partition.fleet)
        failed[product] = f"{failed[product]}; {words}" if product in failed else words
    of_all = {"segments": table(unplaced.select("station", "segment"))} if unplaced.height else {}
    return dg.AssetCheckResult(
        asset_key=VERDICT,
        check_name="verdicts_are_conserved",
        passed=unplaced.is_empty() and not failed,
        metadata={**of_all, **({} if of_all else failed_partitions(failed))},
    )


def numbers_have_no_gap(gaps: pl.DataFrame) -> dg.AssetCheckResult:
    """Whether numbers are missing: a warning, for a late segment closes its gap."""
    return _warning("numbers_have_no_gap", gaps)


def segments_are_whole(segments: pl.DataFrame) -> dg.AssetCheckResult:
    """Whether a segment was refused, or changed later: a warning, for others go on."""
    told = segments.filter(pl.col("reason").is_not_null())
    return _warning("segments_are_whole", told.select("station", "segment", "status", "reason"))


def every_line_is_a_verdict(quarantined: pl.DataFrame) -> dg.AssetCheckResult:
    """Whether lines were set aside: a warning; they are kept in `quarantined_verdict`."""
    reasons = quarantined.group_by("station", "reason").agg(pl.len().alias("lines"), pl.col("detail").first())
    return _warning("every_line_is_a_verdict", reasons.sort("station", "reason"))


def parts_are_judged(shares: Mapping[str, float], bound: float) -> dg.AssetCheckResult:
    """Whether few parts were rejected unseen: a warning. `shares`: of the newest day, by product."""
    return dg.AssetCheckResult(
        asset_key=VERDICT,
        check_name="parts_are_judged",
        passed=all(share <= bound for share in shares.values()),
        severity=dg.AssetCheckSeverity.WARN,
        metadata={"fail_safe_share": dg.MetadataValue.json(dict(shares)), "bound": bound},
    )


def _warning(name: str, found: pl.DataFrame) -> dg.AssetCheckResult:
    return dg.AssetCheckResult(
        asset_key=VERDICT,
        check_name=name,
        passed=found.is_empty(),
        severity=dg.AssetCheckSeverity.WARN,
        metadata={"found": found.height, "which": table(found) if found.height else dg.MetadataValue.text("none")},
    )
