"""What is tried again, and what is not."""

import errno
import sqlite3
from collections.abc import Iterator
from typing import Any

import dagster as dg
import pytest

from edge_runtime.errors import BundleError
from factory_assets.foundation.errors import FactoryError
from factory_assets.foundation.lake import PartitionMissingError
from factory_assets.foundation.plant import PlantFileError
from factory_assets.foundation.retries import RETRY, may_pass, retried_if_it_may_pass

AT_ONCE = dg.RetryPolicy(max_retries=RETRY.max_retries)


class BusyStoreError(Exception):
    error_code = "TEMPORARILY_UNAVAILABLE"


def asset_that_raises(error: Exception, attempts: list[int], *, yields: bool) -> dg.AssetsDefinition:
    """An asset that fails in every attempt but the last one that the policy allows."""

    def attempt() -> None:
        attempts.append(1)
        if len(attempts) <= AT_ONCE.max_retries:
            raise error

    if yields:

        @dg.asset(name="made", retry_policy=AT_ONCE)
        @retried_if_it_may_pass
        def _made(context: dg.AssetExecutionContext) -> Iterator[dg.MaterializeResult]:
            attempt()
            yield dg.MaterializeResult(metadata={"run": context.run_id})

        return _made

    @dg.asset(name="made", retry_policy=AT_ONCE)
    @retried_if_it_may_pass
    def _made_at_once() -> dg.MaterializeResult:
        attempt()
        return dg.MaterializeResult()

    return _made_at_once


def run(asset: dg.AssetsDefinition) -> Any:
    return dg.materialize([asset], instance=dg.DagsterInstance.ephemeral(), raise_on_error=False)


@pytest.mark.parametrize("yields", [True, False])
@pytest.mark.parametrize(
    "error", [OSError(errno.EIO, "the share is gone"), ConnectionResetError(), sqlite3.OperationalError("locked")]
)
def test_an_error_that_may_pass_is_tried_again_until_it_has_passed(error: Exception, yields: bool) -> None:
    attempts: list[int] = []
    assert run(asset_that_raises(error, attempts, yields=yields)).success
    assert len(attempts) == RETRY.max_retries + 1


@pytest.mark.parametrize("yields", [True, False])
@pytest.mark.parametrize(
    "error",
    [
        PlantFileError("plant.yaml, channels: mend it"),
        PartitionMissingError("no such partition"),
        BundleError("golden samples differ", "compile again"),
        ValueError("a bug"),
        OSError(errno.EACCES, "not allowed"),
    ],
)
def test_any_other_error_fails_at_once_in_its_own_words(error: Exception, yields: bool) -> None:
    attempts: list[int] = []
    done = run(asset_that_raises(error, attempts, yields=yields))
    assert not done.success
    assert len(attempts) == 1
    failure = next(event for event in done.all_events if event.is_step_failure).step_failure_data
    assert str(error) in failure.error.message
    assert type(error).__name__ in failure.error.cause.cls_name


def test_a_full_disk_says_what_to_do() -> None:
    attempts: list[int] = []
    done = run(asset_that_raises(OSError(errno.ENOSPC, "No space left", "/lake/a.parquet"), attempts, yields=False))
    failure = next(event for event in done.all_events if event.is_step_failure).step_failure_data
    assert "disk is full (/lake/a.parquet)" in failure.error.message
    assert len(attempts) == 1


def test_a_factory_error_never_passes_though_it_be_an_os_error() -> None:
    assert issubclass(PartitionMissingError, OSError)
    assert not may_pass(PartitionMissingError("missing"))
    assert not may_pass(FactoryError("wrong"))
    assert may_pass(FileNotFoundError(errno.ENOENT, "not mounted"))
    assert may_pass(BusyStoreError())
