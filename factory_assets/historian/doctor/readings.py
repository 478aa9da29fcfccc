"""The doctor's look at readings: units, tags, values against limits, qualities, and rows that would be set aside."""

from __future__ import annotations

import difflib

import polars as pl

from factory_assets.foundation.plant import Channel, Plant
from factory_assets.foundation.units import UnitError, linear_conversion
from factory_assets.historian.doctor.findings import Field, Finding, Level, channel_field, fleet_field, some
from factory_assets.historian.doctor.tally import Tally
from factory_assets.historian.drafting.channels import UNITS, percent
from factory_assets.historian.schema import GOOD_QUALITY

OUTSIDE_WARNS, OUTSIDE_IS_PROBLEM = 0.005, 0.2
FITS = 0.95
MOST_ASIDE = 0.05
ASIDE: dict[str, tuple[Field, str]] = {
    "impossible_time": (
        ("source", "time_format"),
        "set source.time_format to how times are written, or correct source.timezone (a skipped hour cannot be saved)",
    ),
    "ambiguous_time": (
        ("source", "timezone"),
        "nothing tells which of two hours is meant when the clock goes back: let the historian write UTC or offsets",
    ),
    "impossible_cycle": (("source", "columns"), "correct source.columns.cycle: it must hold whole numbers"),
    "not_a_number": (
        ("source", "decimal_comma"),
        "if numbers are written with decimal commas, set source.decimal_comma: true; else see what failed there",
    ),
}


def conversions(plant: Plant) -> list[Finding]:
    """Units that do not convert into each other; this needs no data."""
    findings = []
    for name, machine_class in plant.machine_classes.items():
        for number, channel in enumerate(machine_class.channels):
            pairs = {"source_unit": (channel.source_unit,), "mistaken_units": channel.mistaken_units}
            for key, sources in pairs.items():
                for source in sources:
                    try:
                        linear_conversion(source, channel.unit)
                    except UnitError as error:
                        field = ("machine_classes", name, "channels", number, key)
                        findings.append(Finding("problem", field, str(error), f"correct {key} or unit"))
    return findings or [Finding("ok", ("machine_classes",), "every source unit converts to its channel's unit")]


def check(plant: Plant, tally: Tally) -> list[Finding]:
    """All that the rows say of units, tags, values and qualities."""
    series = tally.series()
    return [
        *_set_aside(plant, tally),
        *_units(plant, tally, series),
        *_tags(plant, tally, series),
        *_values(plant, tally, series),
        *_qualities(tally),
    ]


def _set_aside(plant: Plant, tally: Tally) -> list[Finding]:
    findings = []
    aside = tally.aside().filter(pl.col("reason") != "unknown_unit")
    for (reason, tag), rows in aside.partition_by("reason", "channel", as_dict=True, maintain_order=True).items():
        count = rows.get_column("rows").sum()
        cell = rows.item(0, "time" if "time" in reason else "value")
        of_tag = f" of {tag!r}" if tag is not None else ""
        message = f"{count:,} rows{of_tag} would be set aside as {reason} (for instance {cell!r})"
        if reason == "not_a_number" and tag is not None and not _is_known(plant, tag):
            mend = "leave this column or tag out of the export, if it is words; else add a channel for it"
            findings.append(Finding("warning", ("source",), message, mend))
            continue
        field, mend = ASIDE.get(reason, (("source",), "look at these lines in the export"))
        level: Level = "problem" if count > MOST_ASIDE * _rows_of(tally, tag) else "warning"
        findings.append(Finding(level, field, message, mend))
    return findings


def _is_known(plant: Plant, tag: str) -> bool:
    classes = plant.machine_classes.values()
    return any(tag in (channel.source_tag, *channel.aliases) for each in classes for channel in each.channels)


def _rows_of(tally: Tally, tag: str | None) -> int:
    if tag is None:
        return tally.rows_read
    is_tag = pl.col("channel") == tag
    parts = (tally.series().filter(is_tag), tally.aside().filter(is_tag))
    return sum(int(part.get_column("rows").sum()) for part in parts)


def _units(plant: Plant, tally: Tally, series: pl.DataFrame) -> list[Finding]:
    findings = []
    unknown = tally.aside().filter(pl.col("reason") == "unknown_unit")
    if unknown.height:
        counts = unknown.group_by("unit_id").agg(pl.col("rows").sum()).sort("rows", descending=True)
        units = [f"{unit} ({rows:,} rows)" for unit, rows in counts.iter_rows()]
        share = counts.get_column("rows").sum()
        level: Level = "problem" if share > MOST_ASIDE * tally.rows_read else "warning"
        mend = f"add {counts.item(0, 'unit_id')!r} or a pattern to the units of a fleet, or leave them out on purpose"
        findings.append(Finding(level, ("fleets",), f"no fleet takes the unit(s) {some(units)}", mend))
    seen = series.select("fleet", "unit_id").unique()
    for fleet in plant.fleets:
        members = seen.filter(pl.col("fleet") == fleet.name).get_column("unit_id").sort().to_list()
        also = sorted({o.name for o in plant.fleets for unit in members if o.name != fleet.name and o.has_unit(unit)})
        field = fleet_field(plant, fleet.name, "units")
        if also:
            message = (
                f"units of fleet {fleet.name} also match the patterns of {', '.join(also)}; the first fleet gets them"
            )
            findings.append(Finding("warning", field, message, "make the patterns narrower"))
        if members:
            findings.append(Finding("ok", field, f"fleet {fleet.name}: {len(members)} unit(s), {some(members)}"))
        else:
            message = f"fleet {fleet.name} has no unit in {tally_scope(tally)} ({', '.join(fleet.units)})"
            mend = "correct its units, or delete the fleet"
            findings.append(Finding("problem" if tally.is_whole else "warning", field, message, mend))
    return findings


def tally_scope(tally: Tally) -> str:
    """What the tally speaks of."""
    return "the data" if tally.is_whole else "the sample"


def _tags(plant: Plant, tally: Tally, series: pl.DataFrame) -> list[Finding]:
    findings = []
    for fleet in plant.fleet_names:
        own = series.filter(pl.col("fleet") == fleet)
        if not own.height:
            continue
        unknown = own.filter(pl.col("name").is_null()).group_by("channel").agg(pl.col("rows").sum())
        for tag, rows in unknown.sort("rows", descending=True).iter_rows():
            findings.append(_unknown_tag(plant, fleet, tag, rows))
        seen = set(own.get_column("name").drop_nulls())
        for channel in plant.channels(fleet):
            if channel.name not in seen and (tally.is_whole or channel.role != "label"):
                message = f"channel {channel.name} of fleet {fleet} never appears in {tally_scope(tally)}"
                mend = f"is {channel.source_tag!r} its tag? Correct tag, or delete the channel"
                findings.append(Finding("warning", channel_field(plant, fleet, channel.name), message, mend))
    return findings


def _unknown_tag(plant: Plant, fleet: str, tag: str, rows: int) -> Finding:
    names = {
        word.lower(): channel
        for channel in plant.channels(fleet)
        for word in (channel.source_tag, channel.name, *channel.aliases)
    }
    close = difflib.get_close_matches(tag.lower(), list(names), n=1, cutoff=0.6)
    message = f"tag {tag!r} of fleet {fleet} is not in the plant file: {rows:,} readings would be set aside"
    if not close:
        field = ("machine_classes", plant.fleet(fleet).machine_class, "channels")
        return Finding("warning", field, message, "add a channel for it, or leave it out of the export")
    channel = names[close[0]]
    mend = f"if it is {channel.name} ({channel.source_tag}), add {tag!r} to its aliases; else add a channel"
    return Finding("warning", channel_field(plant, fleet, channel.name), message, mend)


def _values(plant: Plant, tally: Tally, series: pl.DataFrame) -> list[Finding]:
    findings = []
    # Where a fleet has nothing of good quality, the quality codes are what is to be said.
    heard = set(series.filter(pl.col("good") > 0).get_column("fleet"))
    for fleet in plant.fleet_names:
        for channel in plant.channels(fleet):
            own = series.filter((pl.col("fleet") == fleet) & (pl.col("name") == channel.name))
            good, outside = int(own.get_column("good").sum()), int(own.get_column("outside").sum())
            if good and outside > OUTSIDE_WARNS * good:
                findings.append(_outside(plant, fleet, channel, tally, outside / good))
            elif fleet in heard and own.get_column("rows").sum() and not good:
                message = f"no reading of {channel.name} of fleet {fleet} is a number of good quality"
                mend = "see source.good_quality, or delete the channel"
                findings.append(Finding("problem", channel_field(plant, fleet, channel.name), message, mend))
    return findings


def _outside(plant: Plant, fleet: str, channel: Channel, tally: Tally, share: float) -> Finding:
    values = tally.values(fleet, channel.name)
    other = _fitting_unit(channel, values) if share > OUTSIDE_IS_PROBLEM else None
    least, most = values.quantile(0.005), values.quantile(0.995)
    bounds = f"{_shown(channel.low)}..{_shown(channel.high)} {channel.unit}".strip()
    message = (
        f"{percent(share, 1)} of {channel.source_tag} of fleet {fleet} lie outside {bounds} and would be set aside"
    )
    if other is not None:
        mend = f"read as {other} they would fit: set source_unit: {other}"
        return Finding("problem", channel_field(plant, fleet, channel.name, "source_unit"), message, mend)
    level: Level = "problem" if share > OUTSIDE_IS_PROBLEM else "warning"
    written = channel.source_unit or channel.unit or "as written"
    mend = f"99 % lie within {least:.5g}..{most:.5g} ({written}): correct low and high, or check the unit"
    if level == "warning":
        mend = "a few are usual (error codes, glitches); " + mend
    return Finding(level, channel_field(plant, fleet, channel.name, "low"), message, mend)


def _shown(limit: float | None) -> str:
    return "" if limit is None else f"{limit:g}"


def _fitting_unit(channel: Channel, values: pl.Series) -> str | None:
    """Another unit of the same quantity in which nearly all readings would lie within the limits.

    Of several the one counts in which the readings fill most of the limits: in a far larger unit all are near zero.
    """
    if not channel.unit or not values.len():
        return None
    low = float("-inf") if channel.low is None else channel.low
    high = float("inf") if channel.high is None else channel.high
    fitting: list[tuple[float, str]] = []
    for unit in dict.fromkeys(UNITS.values()):
        if unit in (channel.unit, channel.source_unit):
            continue
        try:
            scale, offset = linear_conversion(unit, channel.unit)
        except UnitError:
            continue
        converted = values * scale + offset
        if (inside := converted.is_between(low, high).mean()) is not None and float(inside) >= FITS:  # type: ignore[arg-type]
            fitting.append((float(converted.abs().median() or 0.0), unit))  # type: ignore[arg-type]
    return max(fitting)[1] if fitting else None


def _qualities(tally: Tally) -> list[Finding]:
    qualities = tally.qualities()
    total = int(qualities.get_column("rows").sum())
    bad = qualities.filter(pl.col("quality") != GOOD_QUALITY)
    if not bad.height or not total:
        return []
    count = int(bad.get_column("rows").sum())
    codes = some([f"{code} ({percent(rows, total)})" for code, rows in bad.iter_rows()])
    level: Level = (
        "problem" if count > OUTSIDE_IS_PROBLEM * total else "warning" if count > MOST_ASIDE * total else "ok"
    )
    message = f"{percent(count, total)} of the readings are not of good quality and would be set aside: codes {codes}"
    mend = (
        "" if level == "ok" else f"if {bad.item(0, 'quality')} is good in this historian, add it to source.good_quality"
    )
    return [Finding(level, ("source", "good_quality"), message, mend)]
