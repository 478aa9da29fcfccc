"""The asset, its checks and its sensor, in Dagster."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import dagster as dg
import polars as pl
import pytest

from factory_assets.foundation import automation
from factory_assets.foundation import partitions as parts
from factory_assets.foundation.lake import Lake, Partition
from factory_assets.foundation.resources import LakeResource
from factory_assets.foundation.settings import Site
from factory_assets.foundation.staleness import observe
from factory_assets.inspection.results import assets, collecting, sensors
from tests.inspection.results.exchange import a_site, a_verdict, put
from tests.ticking import Ticking

ALL = parts.range_tags("casting", "panel")


@pytest.fixture
def site(tmp_path: Path) -> Site:
    return a_site(tmp_path)


def materialized(site: Site, instance: dg.DagsterInstance | None = None, **how: Any) -> dg.ExecuteInProcessResult:
    return dg.materialize(
        assets.assets(site),
        instance=instance or dg.DagsterInstance.ephemeral(),
        resources={"lake": LakeResource(root=str(site.home.lake))},
        raise_on_error=False,
        **(how or {"tags": ALL}),
    )


def passed(result: dg.ExecuteInProcessResult) -> dict[str, bool]:
    return {str(check.check_name): check.passed for check in result.get_asset_check_evaluations()}


def test_a_plant_that_inspects_nothing_has_none_of_it(tmp_path: Path) -> None:
    assert assets.assets(a_site(tmp_path, products=[])) == []


def test_no_verdict_yet_is_no_fault(site: Site) -> None:
    result = materialized(site)
    assert result.success
    assert all(passed(result).values())


def test_verdicts_come_with_pictures(site: Site) -> None:
    put(site.home.results, [a_verdict(n, score=n / 300, hours=n / 60) for n in range(1, 200)])
    instance = dg.DagsterInstance.ephemeral()
    result = materialized(site, instance)
    assert result.success
    assert all(passed(result).values())
    of_casting = instance.fetch_materializations(
        dg.AssetRecordsFilter(dg.AssetKey("inspection_verdict"), asset_partitions=["casting"]), limit=1
    ).records[0]
    metadata = of_casting.asset_materialization.metadata
    assert metadata["dagster/row_count"].value == 199
    assert "data:image/png" in str(metadata["verdicts_by_hour"].value)
    assert "data:image/png" in str(metadata["scores"].value)


@pytest.mark.parametrize(
    ("records", "warned"),
    [
        ([a_verdict(1), b"nonsense"], {"every_line_is_a_verdict"}),
        ([a_verdict(1, product="flange"), a_verdict(2)], {"every_line_is_a_verdict"}),
        ([a_verdict(1, verdict="nok", score=None, failure="camera"), a_verdict(2)], {"parts_are_judged"}),
    ],
)
def test_what_a_person_should_see_to_warns_and_stops_nothing(site: Site, records: list[Any], warned: set[str]) -> None:
    put(site.home.results, records)
    result = materialized(site)
    assert result.success
    assert {name for name, is_passed in passed(result).items() if not is_passed} == warned


def test_gaps_and_damaged_segments_warn(site: Site) -> None:
    put(site.home.results, [a_verdict(3)], first=3)
    path = put(site.home.results, [a_verdict(1)], station="line-2")
    path.write_bytes(path.read_bytes() + b"more")
    result = materialized(site)
    assert result.success
    assert {name for name, is_passed in passed(result).items() if not is_passed} == {
        "numbers_have_no_gap",
        "segments_are_whole",
    }


@pytest.mark.parametrize(
    ("records", "check"),
    [
        ([a_verdict(1, failure="camera")], "contract"),
        ([a_verdict(1), a_verdict(2, station="line-1")], "verdicts_are_conserved"),
    ],
)
def test_a_verdict_that_cannot_be_blocks(
    site: Site, records: list[Any], check: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    if check == "verdicts_are_conserved":  # one trigger, two verdicts
        first, second = records
        records = [first, type(second)(**{**_fields(second), "trigger": first.trigger})]
    put(site.home.results, records)
    result = materialized(site)
    assert not result.success
    assert passed(result)[check] is False


def _fields(record: Any) -> dict[str, Any]:
    return {name: getattr(record, name) for name in type(record).__dataclass_fields__}


def test_only_one_run_takes_verdicts_over(site: Site) -> None:
    from edge_runtime.bundle.state import only_one

    site.home.lake.mkdir(parents=True)
    with only_one(site.home.lake, "test"):
        assert not materialized(site).success


class Bench(Ticking):
    """The sensor with an instance and a cursor of its own."""

    def __init__(self, site: Site) -> None:
        self.site = site
        self.instance = dg.DagsterInstance.ephemeral()
        marts = [dg.AssetSpec(name) for name in sensors.MARTS]

        @dg.multi_asset(specs=marts, name="quality_marts")
        def _marts() -> Any:
            yield from (dg.MaterializeResult(asset_key=name) for name in sensors.MARTS)

        (self.sensor,) = sensors.sensors(site, job=automation.VERDICTS_JOB)
        self.defs = dg.Definitions(
            [*assets.assets(site), _marts],
            jobs=[automation.VERDICTS_JOB],
            sensors=[self.sensor],
            resources={"lake": LakeResource(root=str(site.home.lake))},
            executor=dg.in_process_executor,
        )


def test_new_segments_ask_for_verdicts_and_then_for_marts(site: Site) -> None:
    bench = Bench(site)
    assert bench.tick() == []
    put(site.home.results, [a_verdict(1)])
    of_verdicts, of_marts = bench.tick()
    assert bench.tick() == []
    job = bench.defs.resolve_job_def("verdicts")
    for request in (of_verdicts, of_marts):
        result = job.execute_in_process(
            instance=bench.instance, asset_selection=request.asset_selection, tags=request.tags
        )
        assert result.success
    assert Lake(site.home.lake).has(collecting.VERDICTS, Partition("casting", "2026-09-01"))
    put(site.home.results, [a_verdict(2)], first=2)
    assert len(bench.tick()) == 2


def test_what_was_taken_over_by_hand_asks_for_nothing(site: Site) -> None:
    bench = Bench(site)
    put(site.home.results, [a_verdict(1)])
    version = collecting.source_version(site.home.results)
    observe(bench.instance, dg.AssetKey("station_results"), dict.fromkeys(site.plant.product_names, version))
    assert bench.tick() == []


def test_pictures_of_nothing_and_of_parts_that_nobody_judged() -> None:
    from factory_assets.inspection.results import plots
    from factory_assets.inspection.schema import INSPECTION_VERDICT

    empty = pl.DataFrame(schema=INSPECTION_VERDICT)
    assert plots.scores(empty).startswith(b"\x89PNG")
    assert plots.verdicts_by_hour(empty).startswith(b"\x89PNG")
