"""Checks of the inspection room: what each of them refuses, and what it says."""

from __future__ import annotations

import dagster as dg
import polars as pl

from factory_assets.inspection import checks, quality
from factory_assets.inspection.leaks import LeakReport


def judged(*reasons: str | None) -> pl.DataFrame:
    rows = [
        {"image": f"{place}.png", "reason": reason, "status": "quarantined" if reason else "accepted"}
        for place, reason in enumerate(reasons)
    ]
    columns = {name: [row.get(name) for row in rows] for name in quality.SCHEMA}
    return pl.DataFrame(columns, schema=quality.SCHEMA)


def test_every_reason_to_set_an_image_aside_is_shown_by_exactly_one_check() -> None:
    told = [reason for reasons, _ in checks.OF_REASONS.values() for reason in reasons]
    assert sorted(told) == sorted(quality.REASONS)


def test_bad_images_warn_and_are_named() -> None:
    results = {r.check_name: r for r in checks.of_reasons({"casting": judged(None, "blank", "truncated")})}
    assert not results["images_are_not_blank"].passed
    assert "1.png" in str(results["images_are_not_blank"].metadata["which"].value)
    assert results["images_are_not_blank"].severity is dg.AssetCheckSeverity.WARN
    assert not results["images_are_readable"].passed
    assert results["sizes_agree"].passed


def test_too_many_bad_images_stop_the_training_and_lost_rows_do() -> None:
    frame = judged(None, None, None, "blank")
    assert checks.enough_is_accepted({"casting": frame}, {"casting": 4}, 0.3).passed
    assert not checks.enough_is_accepted({"casting": frame}, {"casting": 4}, 0.2).passed
    lost = checks.enough_is_accepted({"casting": frame}, {"casting": 5}, 0.3)
    assert not lost.passed
    assert "4 are accounted for" in str(lost.metadata["failed_partitions"].value)


def test_a_leak_is_refused_and_says_how_to_mend_it() -> None:
    clean = {"validation": LeakReport(10, 0.0, ()), "test": LeakReport(10, 0.0, ())}
    leaking = {**clean, "test": LeakReport(10, 0.5, (("a", "b", 0.99),))}
    assert checks.no_leak({"tile": clean}, {"tile": []}, 0.1).passed
    refused = checks.no_leak({"tile": leaking}, {"tile": []}, 0.1)
    assert not refused.passed
    assert "50% of test images" in str(refused.metadata["failed_partitions"].value)
    assert not checks.no_leak({"tile": clean}, {"tile": ["part 7"]}, 0.1).passed


def test_parts_that_all_look_alike_warn_and_block_nothing() -> None:
    alike = {"test": LeakReport(10, 0.0, (), alike_share=0.9)}
    result = checks.copies_can_be_told({"cover": alike})
    assert not result.passed
    assert result.severity is dg.AssetCheckSeverity.WARN


def test_a_model_no_better_than_chance_is_refused() -> None:
    assert checks.beats_chance({"a": ("AUROC", 0.7, 0.5)}).passed
    assert not checks.beats_chance({"a": ("AUROC", 0.5, 0.5)}).passed
    assert not checks.beats_chance({"a": ("AUROC", float("nan"), 0.5)}).passed
