"""The Dagster instance of a plant: pools, and runs that a crash left open."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import dagster as dg
import pytest

from factory_assets.foundation.instance import OURS, _is_alive, end_interrupted_runs, open_instance
from factory_assets.foundation.pools import TRAINING

CUT_OFF = """
import os, sys
from pathlib import Path
import dagster as dg
from factory_assets.foundation.instance import open_instance

@dg.asset(pool="training")
def made():
    os._exit(9)

job = dg.Definitions([made]).resolve_implicit_global_asset_job_def()
job.execute_in_process(instance=open_instance(Path(sys.argv[1])), raise_on_error=False)
"""


@dg.asset(pool=TRAINING)
def made() -> None:
    """An asset that needs the pool."""


def make(instance: dg.DagsterInstance) -> bool:
    job = dg.Definitions([made]).resolve_implicit_global_asset_job_def()
    return bool(job.execute_in_process(instance=instance, raise_on_error=False).success)


def test_the_instance_limits_every_pool_to_one(tmp_path: Path) -> None:
    with open_instance(tmp_path) as instance:
        assert make(instance)
        limits = {pool.name: pool.limit for pool in instance.event_log_storage.get_pool_limits()}
        assert limits == {TRAINING: 1}
        assert instance.event_log_storage.get_concurrency_info(TRAINING).active_slot_count == 0


def test_a_run_that_was_cut_off_is_ended_and_its_place_in_the_pool_is_free(tmp_path: Path) -> None:
    done = subprocess.run([sys.executable, "-c", CUT_OFF, str(tmp_path)], check=False, capture_output=True)
    assert done.returncode == 9, done.stderr
    with dg.DagsterInstance.from_config(str(tmp_path)) as before:
        (run,) = before.get_runs()
        assert run.status is dg.DagsterRunStatus.STARTED
        assert before.event_log_storage.get_concurrency_info(TRAINING).active_slot_count == 1
    with open_instance(tmp_path) as instance:
        (run,) = instance.get_runs()
        assert run.status is dg.DagsterRunStatus.FAILURE
        assert make(instance)
        assert end_interrupted_runs(instance) == []


def test_a_process_with_the_same_number_that_came_later_is_another_one() -> None:
    assert _is_alive(os.getpid(), 2**40)
    if Path("/proc/uptime").exists():
        assert not _is_alive(os.getpid(), 1.0)
    child = subprocess.Popen([sys.executable, "-c", ""])
    child.wait()
    assert not _is_alive(child.pid, 2**40)


@pytest.mark.parametrize(("first_line", "is_kept"), [("# my own", True), (OURS, False)])
def test_settings_of_ones_own_stay(tmp_path: Path, first_line: str, *, is_kept: bool) -> None:
    config = tmp_path / "dagster.yaml"
    config.write_text(f"{first_line}\ntelemetry:\n  enabled: false\n")
    before = config.read_text()
    open_instance(tmp_path).dispose()
    assert (config.read_text() == before) is is_kept
