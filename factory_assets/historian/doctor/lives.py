"""The doctor's look at time and lives: first day, periods, states, failures, and histories that are too short."""

from __future__ import annotations

import datetime as dt
from fnmatch import fnmatchcase

import polars as pl

from factory_assets.foundation.plant import Fleet, Plant
from factory_assets.historian.doctor.findings import Finding, fleet_field, some
from factory_assets.historian.doctor.readings import tally_scope
from factory_assets.historian.doctor.tally import Tally
from factory_assets.historian.drafting.channels import percent

FAR_EARLIER = dt.timedelta(days=30)
RECENT = dt.timedelta(days=7)
TOLERANCE = dt.timedelta(hours=1)
LEAST_UNITS = 2  # one to learn from, one to try it on
UNITS_OF_90 = 19  # a conformal interval of 90 % needs so many: each of its two levels is one in twenty
WINDOW_SHARE = 0.3


def check(plant: Plant, tally: Tally, *, now: dt.datetime) -> list[Finding]:
    """All that the rows say of time and lives."""
    series = tally.series()
    if not series.height:
        return []
    findings = [*_days(plant, series, now), *_periods(plant, tally)]
    for fleet in plant.fleets:
        own = series.filter(pl.col("fleet") == fleet.name)
        if own.height:
            findings += _states(plant, fleet, tally)
            findings += _failures(plant, fleet, own, is_whole=tally.is_whole)
            findings += _histories(plant, fleet, own, is_whole=tally.is_whole)
    return findings


def _days(plant: Plant, series: pl.DataFrame, now: dt.datetime) -> list[Finding]:
    first, last = series.get_column("first").min(), series.get_column("last").max()
    if not isinstance(first, dt.datetime) or not isinstance(last, dt.datetime):
        return []
    findings = [Finding("ok", (), f"readings from {first:%Y-%m-%d %H:%M} to {last:%Y-%m-%d %H:%M} UTC")]
    if last > now + TOLERANCE:
        message = f"the last reading is of {last:%Y-%m-%d %H:%M} UTC, which is still to come"
        findings.append(Finding("warning", ("source", "timezone"), message, "check source.timezone and time_format"))
    if not plant.running or plant.start is None:
        if now - last < RECENT:
            mend = "set running: true if new files come every day"
            findings.append(Finding("warning", ("running",), f"the data reaches {last:%Y-%m-%d}", mend))
        return findings
    start = dt.datetime.combine(plant.start, dt.time(), dt.UTC)
    if start > first:
        message = f"start is {plant.start}, the data begins {first:%Y-%m-%d %H:%M} UTC: earlier rows would be set aside"
        findings.append(Finding("problem", ("start",), message, f"set start: {first:%Y-%m-%d}"))
    elif first - start > FAR_EARLIER:
        message = f"start is {plant.start}, the data begins {first:%Y-%m-%d}: {(first - start).days} days are empty"
        findings.append(Finding("warning", ("start",), message, f"set start: {first:%Y-%m-%d}"))
    if now - last > RECENT:
        message = f"the plant is said to be running, but its data ends {last:%Y-%m-%d}: it will count as late"
        findings.append(Finding("warning", ("running",), message, "set running: false, or see why no new files come"))
    return findings


def _periods(plant: Plant, tally: Tally) -> list[Finding]:
    step = tally.step()
    if step is None:
        return []
    findings = []
    if plant.sample_period is None:
        message = f"no sample_period is given; the usual step is {_told(step)}"
        mend = f"set sample_period: PT{round(step.total_seconds())}S, so that gaps are found"
        findings.append(Finding("warning", ("sample_period",), message, mend))
    elif not 1 / 1.5 < plant.sample_period / step < 1.5:
        message = f"sample_period is {_told(plant.sample_period)}, the usual step in the data {_told(step)}"
        mend = f"set sample_period: PT{round(step.total_seconds())}S: gaps are told by it"
        findings.append(Finding("warning", ("sample_period",), message, mend))
    if plant.source.kind == "export" and plant.source.columns.cycle is None and plant.cycle_length < step:
        message = f"cycle_length {_told(plant.cycle_length)} is shorter than the step between readings, {_told(step)}"
        mend = "make it longer: most rows of the sensor table would be empty"
        findings.append(Finding("problem", ("cycle_length",), message, mend))
    return findings


def _states(plant: Plant, fleet: Fleet, tally: Tally) -> list[Finding]:
    life = fleet.life
    if life.state_channel is None:
        return []
    states = tally.states().filter((pl.col("fleet") == fleet.name) & (pl.col("name") == life.state_channel))
    counts = states.group_by("state").agg(pl.col("rows").sum()).sort("rows", descending=True)
    total = int(counts.get_column("rows").sum())
    seen = some([f"{value:g} ({percent(rows, total)})" for value, rows in counts.iter_rows()]) or "nothing"
    values = set(counts.get_column("state"))
    field = fleet_field(plant, fleet.name, "life")
    told = f"fleet {fleet.name}: {life.state_channel} shows {seen}"
    if life.running_value not in values:
        mend = f"correct running_value ({life.running_value}): without it no unit ever runs"
        return [Finding("problem", (*field, "running_value"), told, mend)]
    if life.failed_value not in values and fleet.rul is not None:
        mend = (
            f"failed_value {life.failed_value} is not in {tally_scope(tally)}: correct it; if no failure is on record, "
            "no remaining-life model can be trained: set rul: null"
        )
        return [Finding("warning", (*field, "failed_value"), told, mend)]
    return [Finding("ok", field, told)]


def _failures(plant: Plant, fleet: Fleet, own: pl.DataFrame, *, is_whole: bool) -> list[Finding]:
    patterns = fleet.life.run_to_failure_patterns
    if not patterns:
        is_known = fleet.life.tells_failures
        told = f"fleet {fleet.name}: nothing tells of failures; no remaining-life model is asked for (rul: null)"
        return [] if is_known else [Finding("ok", fleet_field(plant, fleet.name, "rul"), told)]
    units = own.get_column("unit_id").unique().sort().to_list()
    failed = [unit for unit in units if fleet.life.ran_until_failure(unit)]
    field = fleet_field(plant, fleet.name, "life", "run_to_failure_units")
    idle = [repr(pattern) for pattern in patterns if not any(fnmatchcase(unit, pattern) for unit in units)]
    if not failed:
        message = f"fleet {fleet.name}: no unit matches {', '.join(idle)}, so no failure is on record"
        mend = "name the units that ran until they failed; if none did, leave life out and set rul: null"
        return [Finding("warning", field, message, mend)]
    findings = [Finding("ok", field, f"fleet {fleet.name}: {len(failed)} of {len(units)} unit(s) ran until failure")]
    if idle and is_whole:
        message = f"fleet {fleet.name}: no unit matches {', '.join(idle)}"
        findings.append(Finding("warning", field, message, f"units are {some(units)}; correct it, or leave it out"))
    return [*findings, *(_learnt_from(plant, fleet, failed) if is_whole else [])]


def _learnt_from(plant: Plant, fleet: Fleet, failed: list[str]) -> list[Finding]:
    """Whether units with failures are enough to train, and for intervals of 90 %."""
    rul = fleet.rul
    if rul is None:
        return []
    of_file = fleet.life.test_units is not None
    kept = sum(map(fleet.life.is_kept_for_test, failed)) if of_file else rul.test_units_among(len(failed))
    learnt = len(failed) - kept
    told = f"fleet {fleet.name}: {learnt} unit(s) with failures to learn from, beside {kept} kept for the test"
    field = fleet_field(plant, fleet.name, "life" if of_file else "rul", "test_units" if of_file else "test_fraction")
    if learnt < LEAST_UNITS:
        mend = f"{LEAST_UNITS} are needed: bring more failures" + ("" if not kept else "; or set rul.test_fraction: 0")
        return [Finding("problem", field, told, mend)]
    if learnt < UNITS_OF_90:
        mend = (
            f"bring more failures when there are some: with fewer than {UNITS_OF_90} units the 90 % interval is as "
            "wide as the widest errors seen, and may hold the truth less often than that"
        )
        return [Finding("warning", field, told, mend)]
    return []


def _histories(plant: Plant, fleet: Fleet, own: pl.DataFrame, *, is_whole: bool) -> list[Finding]:
    """Units whose record is shorter than the model's window, and a cap that no life reaches."""
    if own.get_column("last_cycle").drop_nulls().len():
        length = pl.col("last_cycle").max() - pl.col("first_cycle").min() + 1
    else:
        length = (pl.col("last").max() - pl.col("first").min()) / plant.cycle_length + 1
    cycles = own.group_by("unit_id").agg(cycles=length).sort("unit_id")
    rul = fleet.rul
    if rul is None:
        return []
    short = cycles.filter(pl.col("cycles") < rul.window_cycles)
    longest, typical = (int(cycles["cycles"].max() or 0), int(cycles["cycles"].median() or 0))  # type: ignore[arg-type]
    findings = []
    if is_whole and not plant.running and rul.cap_cycles > longest:
        message = f"fleet {fleet.name}: cap_cycles ({rul.cap_cycles}) is above the longest record, {longest} cycles"
        mend = "choose a smaller rul.cap_cycles: far from failure readings do not tell how much is left"
        findings.append(Finding("warning", fleet_field(plant, fleet.name, "rul", "cap_cycles"), message, mend))
    if not short.height:
        return findings
    field = fleet_field(plant, fleet.name, "rul", "window_cycles")
    if short.height == cycles.height and is_whole and not plant.running:
        message = (
            f"fleet {fleet.name}: window_cycles ({rul.window_cycles}) is longer than every record; the longest has "
            f"{longest} cycles: no model can be trained"
        )
        mend = f"set rul.window_cycles: {max(4, round(WINDOW_SHARE * typical))}, or give shorter cycles (cycle_length)"
        return [*findings, Finding("problem", field, message, mend)]
    message = (
        f"fleet {fleet.name}: {short.height} of {cycles.height} unit(s) have a record shorter than window_cycles "
        f"({rul.window_cycles}): {some(short.get_column('unit_id').to_list())}"
    )
    mend = "their windows are filled up at the front; if most are, choose a smaller rul.window_cycles"
    return [*findings, Finding("warning", field, message, mend)]


def _told(length: dt.timedelta) -> str:
    seconds = length.total_seconds()
    for size, name in ((86400, "days"), (3600, "hours"), (60, "minutes")):
        if seconds >= 2 * size:
            return f"{seconds / size:g} {name}" if seconds % size == 0 else f"{seconds / size:.3g} {name}"
    return f"{seconds:g} seconds"
