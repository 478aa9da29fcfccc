"""What is put in an asset's place without a run makes what follows stale, and leaves the asset itself as it was."""

from __future__ import annotations

import dagster as dg
import pytest

from factory_assets.foundation.staleness import report_replaced, stale_partitions

FLEETS = dg.StaticPartitionsDefinition(["north", "south"])
CHAMPION, BUNDLE = dg.AssetKey("rul_champion"), dg.AssetKey("rul_bundle")
contents = {"model": "1", "code": "1"}


def definitions() -> dg.Definitions:
    def asset(name: str, *deps: str) -> dg.AssetsDefinition:
        @dg.asset(name=name, deps=deps, partitions_def=FLEETS, code_version=contents["code"])
        def _made() -> dg.MaterializeResult:
            return dg.MaterializeResult(data_version=dg.DataVersion(contents["model"]))

        return _made

    return dg.Definitions([asset("rul_model"), asset("rul_champion", "rul_model"), asset("rul_bundle", "rul_champion")])


class Bench:
    def __init__(self) -> None:
        self.instance = dg.DagsterInstance.ephemeral()

    def run(self, *names: str, fleets: tuple[str, ...] = ("north", "south")) -> None:
        job = definitions().resolve_implicit_global_asset_job_def()
        for fleet in fleets:
            keys = [dg.AssetKey(name) for name in names]
            assert job.execute_in_process(
                instance=self.instance, partition_key=fleet, asset_selection=keys or None
            ).success

    def stale(self, asset: dg.AssetKey) -> list[str | None]:
        graph = definitions().get_repository_def().asset_graph
        return stale_partitions(self.instance, graph, asset, FLEETS.get_partition_keys())


@pytest.fixture
def bench() -> Bench:
    contents.update(model="1", code="1")
    return Bench()


def test_what_follows_is_stale_of_that_partition_alone(bench: Bench) -> None:
    bench.run()
    assert report_replaced(bench.instance, CHAMPION, "north", "previous", {"outcome": "rolled back"})
    assert bench.stale(BUNDLE) == ["north"]
    assert bench.stale(CHAMPION) == []
    bench.run("rul_bundle", fleets=("north",))
    assert bench.stale(BUNDLE) == []
    assert report_replaced(bench.instance, CHAMPION, "north", "1")
    assert bench.stale(BUNDLE) == ["north"]


def test_the_asset_stays_as_fresh_or_stale_as_it_was(bench: Bench) -> None:
    bench.run()
    contents["model"] = "2"
    bench.run("rul_model")
    assert bench.stale(CHAMPION) == ["north", "south"]
    report_replaced(bench.instance, CHAMPION, "north", "previous")
    assert bench.stale(CHAMPION) == ["north", "south"]
    bench.run("rul_champion")
    assert bench.stale(CHAMPION) == []
    report_replaced(bench.instance, CHAMPION, "north", "approved")
    contents["code"] = "2"
    assert bench.stale(CHAMPION) == ["north", "south"]


def test_what_no_run_made_yet_stays_missing(bench: Bench) -> None:
    assert not report_replaced(bench.instance, CHAMPION, "north", "previous")
    assert bench.stale(CHAMPION) == ["north", "south"]
    assert bench.instance.get_latest_materialization_event(CHAMPION) is None
