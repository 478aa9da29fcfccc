"""What a refresh tells of checks that failed without blocking."""

from __future__ import annotations

from factory_assets.foundation.runs import failed_checks


def test_checks_that_failed_for_the_same_partitions_are_one_line() -> None:
    failed = [
        ("image", "readable", "casting"), ("image", "unique", "casting"), ("image", "readable", "cover"),
        ("image", "unique", "cover"), ("image", "blank", "cover"), ("mart", "fresh", None),
    ]  # fmt: skip
    assert failed_checks(failed) == [
        "image (casting, cover): checks readable, unique failed",
        "image (cover): check blank failed",
        "mart: check fresh failed",
    ]
    assert failed_checks([]) == []
