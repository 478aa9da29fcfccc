"""Upkeep of a plant's home: finding what may go by the rules of `retention`, removing it, recording what went."""

from __future__ import annotations

import datetime as dt

import dagster as dg

from factory_assets.foundation import retention, run_history
from factory_assets.foundation.retention import Removed
from factory_assets.foundation.settings import Home, RetentionThresholds


def retain(
    instance: dg.DagsterInstance, home: Home, rules: RetentionThresholds, *, now: dt.datetime, is_dry_run: bool = False
) -> list[Removed]:
    """Remove what may go, and record it in `retention.jsonl`; a dry run only says what would go.

    Args:
        instance: Dagster's instance of the plant.
        home: The plant's home.
        rules: For how long things stay.
        now: Aware; ages are counted from here.
        is_dry_run: Touch nothing.

    Returns:
        What went or would go.
    """
    runs = run_history.removable_runs(instance, before=now - dt.timedelta(days=rules.runs_days))
    left = retention.leftovers(home.root, before=now - dt.timedelta(days=rules.leftovers_days))
    if not is_dry_run:
        run_history.remove_runs(instance, runs)
        retention.remove_leftovers(home.root, left)
        retention.record(home.root, [*runs, *left], now=now)
    return [*runs, *left]
