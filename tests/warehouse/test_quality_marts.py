"""Yield and defects over verdicts as the lake holds them, and over none."""

from __future__ import annotations

import datetime as dt
from pathlib import Path
from typing import Any

import dagster as dg
import polars as pl
import pytest

from factory_assets.foundation.lake import Lake, Partition
from factory_assets.foundation.resources import LakeResource
from factory_assets.foundation.settings import Home
from factory_assets.inspection.schema import INSPECTION_VERDICT
from factory_assets.warehouse.assets import quality_marts
from factory_assets.warehouse.resources import dbt_resource

MARTS = ("inspection_yield_day", "inspection_defect_pareto")
VERDICT = ("sequence", "part_id", "verdict", "failure", "label", "hour")


def build(home: Home) -> dg.ExecuteInProcessResult:
    upstream = dg.AssetSpec("inspection_verdict", partitions_def=dg.StaticPartitionsDefinition(["casting", "panel"]))
    return dg.materialize(
        [quality_marts(), upstream],
        resources={"lake": LakeResource(root=str(home.lake)), "dbt": dbt_resource(home)},
        instance=dg.DagsterInstance.ephemeral(),
        raise_on_error=False,
    )


def write(lake: Lake, product: str, day: str | None, rows: list[tuple[Any, ...]]) -> None:
    told = []
    for values in rows:
        row = dict(zip(VERDICT, values, strict=True))
        when = dt.datetime.fromisoformat(f"{day}T00:00:00+00:00") + dt.timedelta(hours=row.pop("hour"))
        keys = {"plant": "small", "product": product, "station": "line-1", "total_ms": 2.0, "concluded_ts_utc": when}
        told.append({**keys, **row})
    lake.write("inspection_verdict", pl.DataFrame(told, schema=INSPECTION_VERDICT), Partition(product, day))


@pytest.fixture(scope="module")
def built(manifest: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[Lake, dg.ExecuteInProcessResult]:
    home = Home(tmp_path_factory.mktemp("quality"))
    lake = Lake(home.lake)
    first = [(1, "p1", "ok", None, "ok", 8), (2, "p2", "nok", None, "pore", 9), (3, "p3", "nok", "deadline", None, 10)]
    write(lake, "casting", "2026-09-01", first)
    write(lake, "casting", "2026-09-02", [(4, "p2", "ok", None, "ok", 8), (5, "p4", "nok", None, "pore", 9)])
    write(lake, "casting", None, [])
    write(lake, "panel", None, [])
    return lake, build(home)


def test_the_first_verdict_of_a_part_counts(built: tuple[Lake, dg.ExecuteInProcessResult]) -> None:
    lake, result = built
    assert result.success
    yields = lake.read("inspection_yield_day").sort("verdict_day")
    assert yields.select("n_parts", "n_ok", "n_nok", "n_fail_safe", "n_repeats").rows() == [
        (3, 1, 1, 1, 0),
        (1, 0, 1, 0, 1),
    ]
    assert yields["first_pass_yield"].to_list() == pytest.approx([1 / 3, 0])
    pareto = lake.read("inspection_defect_pareto").sort("place")
    assert pareto.select("kind", "cause", "n_parts").rows() == [("defect", "pore", 2), ("not judged", "deadline", 1)]
    assert pareto["cumulative_share"].to_list() == pytest.approx([2 / 3, 1])


def test_every_test_of_the_marts_is_a_check_and_passes(built: tuple[Lake, dg.ExecuteInProcessResult]) -> None:
    checks = {found.check_name: found.passed for found in built[1].get_asset_check_evaluations()}
    assert set(checks) == {spec.name for spec in quality_marts().check_specs}
    assert all(checks.values())
    assert {"every_verdict_is_counted_once", "defects_are_the_parts_that_did_not_pass"} <= set(checks)


def test_marts_need_verdicts_alone(manifest: Path) -> None:
    marts = quality_marts()
    assert {key.to_user_string() for key in marts.keys} == set(MARTS)
    assert {dep.asset_key.to_user_string() for spec in marts.specs for dep in spec.deps} == {"inspection_verdict"}


def test_a_plant_without_a_single_verdict_has_empty_marts(manifest: Path, tmp_path: Path) -> None:
    home = Home(tmp_path)
    home.lake.mkdir()
    assert build(home).success
    assert all(Lake(home.lake).read(mart).is_empty() for mart in MARTS)


def test_a_verdict_that_is_there_twice_fails_its_check(manifest: Path, tmp_path: Path) -> None:
    home = Home(tmp_path)
    twice = [(1, "p1", "ok", None, "ok", 8), (1, "p1", "ok", None, "ok", 8)]
    write(Lake(home.lake), "casting", "2026-09-01", twice)
    result = build(home)
    checks = {found.check_name: found.passed for found in result.get_asset_check_evaluations()}
    assert checks["every_verdict_is_counted_once"] is False
