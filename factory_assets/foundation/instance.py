"""The Dagster instance of a plant: its settings, and what a crash left behind in it.

`dagster.yaml` is written here, so that a plant's home needs no care; where it does not begin with `OURS` it is
somebody's own, and stays as it is.
"""

from __future__ import annotations

import os
import time
from pathlib import Path

import dagster as dg
from dagster._core.events import DagsterEventType

from factory_assets.foundation.lake import replacing

OURS = "# Written by factory, anew at each start. To keep settings of your own here, remove this line."
DAGSTER_YAML = """{ours}
event_log_storage:
  module: factory_assets.foundation.event_log
  class: PooledSqliteEventLogStorage
  config:
    base_dir: {home}/history/runs
telemetry:
  enabled: false
nux:
  enabled: false
freshness:
  enabled: true
concurrency:
  runs:
    max_concurrent_runs: 1
  pools:
    granularity: op
    default_limit: 1
run_monitoring:
  enabled: true
  start_timeout_seconds: 600
  free_slots_after_run_end_seconds: 60
retention:
  schedule:
    purge_after_days: 30
  sensor:
    purge_after_days:
      skipped: 7
      failure: 30
      success: 30
"""
UNFINISHED = (dg.DagsterRunStatus.STARTED, dg.DagsterRunStatus.CANCELING)


def open_instance(home: Path) -> dg.DagsterInstance:
    """The Dagster instance of a plant; its folder is made on first use, and runs that a crash left open are ended."""
    home.mkdir(parents=True, exist_ok=True)
    config = home / "dagster.yaml"
    if not config.is_file() or config.read_text(encoding="utf-8").startswith(OURS):
        with replacing(config) as temporary:
            temporary.write_text(DAGSTER_YAML.format(ours=OURS, home=home), encoding="utf-8")
    instance = dg.DagsterInstance.from_config(str(home))
    end_interrupted_runs(instance)
    return instance


def end_interrupted_runs(instance: dg.DagsterInstance) -> list[str]:
    """Report runs as failed whose process is gone (power cut, kill), and free their places in pools.

    Dagster waits for such a run for ever: it counts as going on, and nothing else that needs its pool can start.

    Returns:
        The ids of the runs that were ended.
    """
    ended = []
    for run in instance.get_runs(filters=dg.RunsFilter(statuses=list(UNFINISHED))):
        started = _process(instance, run.run_id)
        if started is not None and not _is_alive(*started):
            instance.report_run_failed(run, "its process ended without a word (power cut, or killed): run it again")
            ended.append(run.run_id)
    storage = instance.event_log_storage
    for run_id in storage.get_concurrency_run_ids() if storage.supports_global_concurrency_limits else ():
        holder = instance.get_run_by_id(run_id)
        if holder is None or holder.is_finished:
            storage.free_concurrency_slots_for_run(run_id)
    return ended


def _process(instance: dg.DagsterInstance, run_id: str) -> tuple[int, float] | None:
    """The process that executes a run, and when it said so (seconds since 1970)."""
    for entry in reversed(instance.all_logs(run_id, of_type=DagsterEventType.ENGINE_EVENT)):
        event = entry.dagster_event
        pid = event.engine_event_data.metadata.get("pid") if event else None
        if pid is not None:
            return int(str(pid.value)), entry.timestamp
    return None


def _is_alive(pid: int, said_at: float) -> bool:
    """Whether a process still runs, and is not another one that was given the same number later."""
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        pass
    age_s = _age_s(pid)
    return age_s is None or time.time() - age_s <= said_at


def _age_s(pid: int) -> float | None:
    """For how long a process has been running; None where the system does not tell."""
    try:
        # Fields are counted after the name, which stands in brackets and may hold blanks.
        fields = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8").rpartition(")")[2].split()
        uptime_s = float(Path("/proc/uptime").read_text(encoding="utf-8").split()[0])
    except OSError:
        return None
    return uptime_s - int(fields[19]) / os.sysconf("SC_CLK_TCK")
