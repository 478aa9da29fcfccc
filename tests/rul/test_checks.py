"""What stops a release because of its champion, and what only tells that a person has to decide."""

from __future__ import annotations

import dagster as dg

from factory_assets.foundation.settling import FAILED_PARTITIONS
from factory_assets.rul.checks import CHAMPION_CHECKS, challenger_waits, champion_keeps_its_promises
from factory_assets.rul.promotion import Condition

KEPT = (Condition("parity", passed=True, told="differs by 0.001 cycles"),)
BROKEN = (*KEPT, Condition("coverage_90", passed=False, told="held the truth in 60.0%"))
NONE = (Condition("there_is_a_champion", passed=False, told="there is no champion to release"),)


def test_the_specs_say_what_blocks() -> None:
    assert {spec.name: spec.blocking for spec in CHAMPION_CHECKS} == {
        "champion_keeps_its_promises": True,
        "challenger_waits": False,
    }


def test_a_champion_that_breaks_a_promise_or_is_not_there_is_named() -> None:
    assert champion_keeps_its_promises({"north": KEPT}, {}).passed
    found = champion_keeps_its_promises({"north": KEPT, "south": BROKEN, "west": NONE}, {"west": "better"})
    assert not found.passed
    assert found.severity is dg.AssetCheckSeverity.ERROR
    reasons = found.metadata[FAILED_PARTITIONS].value
    assert reasons["south"] == "held the truth in 60.0%"
    assert reasons["west"].startswith("there is no champion to release; a challenger waits for approval: factory model")
    assert "north" not in reasons


def test_a_waiting_challenger_is_a_warning_with_the_command() -> None:
    assert challenger_waits({}).passed
    found = challenger_waits({"north": "RMSE 9 against 12"})
    assert not found.passed
    assert found.severity is dg.AssetCheckSeverity.WARN
    assert "north: RMSE 9 against 12; a challenger waits" in str(found.metadata["waiting"].value)
    assert "factory model approve --fleet north" in str(found.metadata["waiting"].value)
