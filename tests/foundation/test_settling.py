"""What is refused is not recorded as made; what was not refused in the same range is."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import dagster as dg
import pytest
from dagster._core.storage.partition_status_cache import get_and_update_asset_status_cache_value

from factory_assets.foundation import partitions as parts
from factory_assets.foundation.instance import open_instance
from factory_assets.foundation.plant import Plant
from factory_assets.foundation.settling import SHOWN, failed_partitions, settled, told
from factory_assets.foundation.staleness import observe, stale_partitions
from tests.plants import START, plant_dict

PARTITIONS = parts.readings(Plant.model_validate(plant_dict()))
RANGE = "2026-09-01|north", "2026-09-05|south"
KEYS = [str(key) for key in PARTITIONS.get_partition_keys_in_range(dg.PartitionKeyRange(*RANGE))]
BAD = {"north/2026-09-02": "no rows", "south/2026-09-04": "value: 7 is above 4"}
BAD_KEYS = {"2026-09-02|north", "2026-09-04|south"}
SOURCE = dg.AssetSpec("source", partitions_def=PARTITIONS)


def definitions(bad: dict[str, str], *, code: str = "1", names_partitions: bool = True) -> dg.Definitions:
    """Two tables that one step makes of a source."""
    specs = [dg.AssetSpec(name, deps=[SOURCE], code_version=code) for name in ("good", "other")]

    @dg.multi_asset(
        name="tables",
        specs=specs,
        partitions_def=PARTITIONS,
        backfill_policy=dg.BackfillPolicy.single_run(),
        check_specs=[dg.AssetCheckSpec("contract", asset="good", blocking=True)],
    )
    def _tables(context: dg.AssetExecutionContext) -> Iterator[Any]:
        asked = {str(parts.from_key(key)) for key in context.partition_keys}
        failed = {name: reason for name, reason in bad.items() if name in asked}
        metadata = failed_partitions(failed) if names_partitions else {}
        check = dg.AssetCheckResult(asset_key="good", check_name="contract", passed=not failed, metadata=metadata)
        version = dg.DataVersion("a")
        yield from settled(
            dg.MaterializeResult("good", data_version=version, metadata={"rows": 3}, check_results=[check]),
            dg.MaterializeResult("other", data_version=version),
            context=context,
        )

    return dg.Definitions([SOURCE, _tables])


def run(instance: dg.DagsterInstance, defs: dg.Definitions) -> Any:
    job = defs.resolve_implicit_global_asset_job_def()
    return job.execute_in_process(instance=instance, tags=parts.range_tags(*RANGE), raise_on_error=False)


def stale(instance: dg.DagsterInstance, defs: dg.Definitions, name: str) -> set[str | None]:
    return set(stale_partitions(instance, defs.get_repository_def().asset_graph, dg.AssetKey(name), KEYS))


def failed(instance: dg.DagsterInstance, name: str) -> set[str]:
    status = get_and_update_asset_status_cache_value(instance, dg.AssetKey(name), PARTITIONS)
    assert status is not None
    return {str(key) for key in status.deserialize_failed_partition_subsets(PARTITIONS).get_partition_keys()}


@pytest.fixture
def instance(tmp_path: Path) -> Iterator[dg.DagsterInstance]:
    with open_instance(tmp_path) as opened:
        observe(opened, dg.AssetKey("source"), dict.fromkeys(KEYS, "1"))
        yield opened


def test_only_the_partitions_that_failed_show_as_failed_and_are_done_again(instance: dg.DagsterInstance) -> None:
    assert KEYS[0] == f"{START.isoformat()}|north"
    defs = definitions(BAD)
    assert not run(instance, defs).success
    for name in ("good", "other"):
        assert failed(instance, name) == BAD_KEYS
        assert stale(instance, defs, name) == BAD_KEYS
    mended = definitions({})
    assert run(instance, mended).success
    assert failed(instance, "good") == set()
    assert stale(instance, mended, "good") == set()


def test_what_was_recorded_beside_a_refusal_goes_stale_like_anything_else(instance: dg.DagsterInstance) -> None:
    run(instance, definitions(BAD))
    assert stale(instance, definitions(BAD, code="2"), "other") == set(KEYS)
    observe(instance, dg.AssetKey("source"), {"2026-09-05|south": "2"})
    assert "2026-09-05|south" in stale(instance, definitions(BAD), "other")


def test_a_refused_range_looks_as_an_accepted_one_but_for_its_failed_partitions(
    instance: dg.DagsterInstance, tmp_path: Path
) -> None:
    def tags_of(some: dg.DagsterInstance) -> dict[str, str]:
        record = some.fetch_materializations(
            dg.AssetRecordsFilter(asset_key=dg.AssetKey("good"), asset_partitions=[KEYS[0]]), limit=1
        ).records[0]
        event = record.asset_materialization
        assert event is not None
        assert event.metadata["rows"].value == 3
        return {name: value for name, value in event.tags.items() if "event_pointer" not in name}

    run(instance, definitions(BAD))
    with open_instance(tmp_path / "other") as accepted:
        observe(accepted, dg.AssetKey("source"), dict.fromkeys(KEYS, "1"))
        assert run(accepted, definitions({})).success
        assert tags_of(instance) == tags_of(accepted)


def test_where_a_check_names_no_partition_all_are_refused(instance: dg.DagsterInstance) -> None:
    defs = definitions(BAD, names_partitions=False)
    assert not run(instance, defs).success
    assert failed(instance, "good") == set(KEYS)
    assert stale(instance, defs, "good") == set(KEYS)


def test_many_failed_partitions_are_told_in_few_lines() -> None:
    text = told({f"press/{number}": "no rows" for number in range(SHOWN + 5)})
    assert text.startswith(f"{SHOWN + 5} partitions failed:")
    assert text.endswith("and 5 more")
    assert len(text.splitlines()) == SHOWN + 2
