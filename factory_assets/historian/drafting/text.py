"""The text of a drafted plant file: YAML with the evidence and the open questions in comments."""

from __future__ import annotations

import datetime as dt
import json
import os
import re
from collections.abc import Iterator, Sequence
from math import prod
from pathlib import Path
from statistics import median
from typing import TYPE_CHECKING, Any

from pydantic import TypeAdapter

from factory_assets.historian.drafting.channels import STATE_WORDS, Seen, limits, percent

if TYPE_CHECKING:
    from factory_assets.historian.drafting.draft import DraftedChannel, DraftedClass, Facts
    from factory_assets.historian.drafting.readings import Group

WIDTH = 116
WORDS_OF_YAML = {"yes", "no", "true", "false", "null", "on", "off", "y", "n"}
STUCK_AFTER = dt.timedelta(hours=6)
MOST_STUCK = dt.timedelta(hours=12)
REAL_SHARE = 0.001
OFTEN = 0.2
LEAST_UNITS, UNITS_NAMED = 3, 12
MOST_REGIMES = 6
# What fits lives of some 200 cycles, as shares of a life; see docs/rul.md.
WINDOW_SHARE, MOST_WINDOW, CAP_SHARE, MOST_CAP = 0.3, 60, 0.6, 125


def plant_file(facts: Facts, output: Path) -> str:
    """The whole file."""
    lines = [
        *_comment("Drafted by factory init-plant. Answer what says DECIDE, then run: factory doctor --plant THIS_FILE"),
        *(line for note in facts.notes for line in _comment(f"Note: {note}.")),
        *_head(facts),
        "",
        *_source(facts, output),
        "",
        *_cleaning(facts),
        "",
        "machine_classes:",
        *(line for each in facts.classes for line in _machine_class(facts, each)),
        "",
        "fleets:",
        *(line for each in facts.classes for line in _fleets(facts, each)),
    ]
    return "\n".join(lines) + "\n"


def scalar(value: object) -> str:
    """A value as YAML writes it within braces."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int | float):
        return f"{value:.12g}"
    if isinstance(value, dt.timedelta):
        return str(TypeAdapter(dt.timedelta).dump_python(value, mode="json"))
    text = str(value)
    is_plain = re.fullmatch(r"[A-Za-z_][A-Za-z0-9_./%^-]*", text) and text.lower() not in WORDS_OF_YAML
    return text if is_plain else json.dumps(text, ensure_ascii=not text.isprintable())


def _flow(values: dict[str, Any]) -> str:
    return "{" + ", ".join(f"{key}: {scalar(value)}" for key, value in values.items()) + "}"


def _comment(text: str, indent: int = 0) -> list[str]:
    """A comment, broken into lines."""
    lines, line = [], ""
    for word in text.split():
        if line and indent + len(line) + len(word) + 3 > WIDTH:
            lines.append(line)
            line = ""
        line = f"{line} {word}".strip()
    return [f"{' ' * indent}# {part}" for part in [*lines, line]]


def _head(facts: Facts) -> Iterator[str]:
    yield f"plant: {facts.plant}"
    if facts.first is not None and facts.last is not None:
        yield from _comment(
            f"The exports tell of {facts.first:%Y-%m-%d %H:%M} to {facts.last:%Y-%m-%d %H:%M}. A plant is running if "
            "new files will come; else this is an archive."
        )
    yield f"running: {scalar(facts.is_running)}"
    if facts.is_running and facts.first is not None:
        yield f"start: {_first_day(facts)}  # readings from before this day are set aside"
    if facts.cycle is not None:
        yield f"cycle_length: {scalar(facts.cycle)}  # sensor tables hold one row a cycle"
    if facts.period is not None and facts.reading.columns.ts_utc is not None:
        yield f"sample_period: {scalar(facts.period)}  # the usual step between readings of a channel"


def _first_day(facts: Facts) -> dt.date:
    """A day early where the zone is open: midnight is not yet known."""
    if facts.first is None:
        return dt.date.min
    has_zone = facts.reading.time is not None and facts.reading.time.offset_share == 1
    return facts.first.date() if has_zone else facts.first.date() - dt.timedelta(days=1)


def _source(facts: Facts, output: Path) -> Iterator[str]:
    reading, dialect = facts.reading, facts.dialect
    yield "source:"
    yield "  kind: export"
    yield f"  folder: {scalar(_folder(facts.folder, output))}"
    yield f"  pattern: {scalar(facts.pattern)}"
    yield f"  layout: {reading.layout}"
    if reading.is_guess:
        yield from _comment("DECIDE: which column is the unit and which the tag was told by their cells alone.", 2)
    yield f"  columns: {_flow(reading.columns.model_dump(exclude_none=True))}"
    if facts.rule is not None:
        yield from _comment(f"{facts.rule.why}. DECIDE: a name for all files, or a part of the path.", 2)
        yield f"  unit_id: {scalar(facts.rule.unit_id)}"
    yield from _time(facts)
    if dialect is not None:
        if dialect.separator != ",":
            yield f"  separator: {json.dumps(dialect.separator)}"
        if dialect.decimal_comma:
            yield "  decimal_comma: true"
        if dialect.encoding != "utf-8":
            yield f"  encoding: {dialect.encoding}"
        if dialect.skip_lines:
            yield f"  skip_lines: {dialect.skip_lines}  # lines above the header"
    yield from _quality(facts.qualities)


def _quality(codes: dict[str, int]) -> Iterator[str]:
    if not codes:
        return
    total = sum(codes.values())
    shown = ", ".join(f"{code} ({percent(count, total)})" for code, count in list(codes.items())[:8])
    most = next(iter(codes))
    good = 192 if "192" in codes else int(most)
    yield from _comment(f"quality codes seen: {shown}" + ("" if "192" in codes else "; DECIDE: which are good?"), 2)
    yield f"  good_quality: [{good}]"


def _time(facts: Facts) -> Iterator[str]:
    time = facts.reading.time
    if time is None:
        return
    if time.other_format is not None:
        yield from _comment(f"DECIDE: day or month first? {time.other_format} fits as well.", 2)
    if time.time_format is not None:
        yield f"  time_format: {json.dumps(time.time_format)}"
    if time.offset_share == 1:
        yield "  timezone: UTC  # for times that name no offset; all that were seen do"
    else:
        share = f"{100 * (1 - time.offset_share):.0f} % of the" if time.offset_share else "the"
        yield from _comment(
            f"DECIDE: {share} times name no offset. Which clock is it? For instance Europe/Berlin; UTC if it never "
            "changes to summer time.", 2,
        )  # fmt: skip
        yield "  timezone: UTC"


def _folder(folder: Path, output: Path) -> str:
    """Relative where the exports lie below the plant file, so that both can be moved together."""
    beside = output.resolve().parent
    return Path(os.path.relpath(folder, beside)).as_posix() if folder.is_relative_to(beside) else str(folder)


def _cleaning(facts: Facts) -> Iterator[str]:
    yield from _comment(
        "Lone readings this many times the channel's noise off are spikes; a sensor that shows one value for so long "
        "is stuck; so many missing sample periods are a gap. A channel may say otherwise; PT0S and 0 turn a rule off."
    )
    stuck = _stuck_after(facts)
    rules: dict[str, Any] = {} if _is_set_anew_each_cycle(facts) else {"spike_sigmas": 8}
    rules |= {**({"stuck_after": stuck} if stuck else {}), "gap_periods": 3}
    if "spike_sigmas" not in rules:
        yield from _comment("spike_sigmas is left out: settings change from row to row, and what follows them jumps.")
    yield f"cleaning: {_flow(rules)}"


def _is_set_anew_each_cycle(facts: Facts) -> bool:
    settings = [c for each in facts.classes for c in each.channels if c.role == "setting" and c.seen is not None]
    return any(channel.seen.changes > OFTEN for channel in settings if channel.seen is not None)


def _stuck_after(facts: Facts) -> dt.timedelta | None:
    """At least 20 readings long; none where there is no time, or where readings are too rare."""
    if facts.period is None or facts.reading.columns.ts_utc is None or 20 * facts.period > MOST_STUCK:
        return None
    return max(STUCK_AFTER, 20 * facts.period)


def _machine_class(facts: Facts, drafted: DraftedClass) -> Iterator[str]:
    yield f"  {drafted.name}:"
    yield "    channels:"
    yield from _comment(
        "low and high: outside them a reading is set aside. They are drafted wide; set them to the instrument's range. "
        "normal_low and normal_high may be added from the 99 %.", 6,
    )  # fmt: skip
    for channel in drafted.channels:
        yield from _comment(_evidence(channel), 6)
        yield f"      - {_flow(_channel_fields(channel, _stuck_after(facts)))}"


def _evidence(channel: DraftedChannel) -> str:
    seen, named = channel.seen, channel.named
    if seen is None:
        return "DECIDE: no cell of this column is a number in the sample; delete the channel if it never is."
    parts = [f"seen {seen.low:.5g} to {seen.high:.5g}"]
    if channel.role == "sensor":
        parts.append(f"99 % within {seen.robust_low:.5g} to {seen.robust_high:.5g}")
    if channel.role in ("sensor", "setting") and seen.beyond:
        parts.append(f"{seen.beyond:,} of {seen.count:,} lie beyond low and high and would be set aside")
        if seen.beyond > REAL_SHARE * seen.count:
            parts.append("DECIDE: are they real?")
    if channel.role == "state" and seen.strays:
        parts.append(f"{seen.strays:,} of {seen.count:,} show other values and would be set aside")
    if seen.no_numbers:
        parts.append(f"{seen.no_numbers:,} cells are no number")
    if named.unknown_unit:
        parts.append(f"DECIDE: the unit {named.unknown_unit!r} is not known")
    elif not named.unit and channel.role in ("sensor", "setting"):
        parts.append("DECIDE: unit")
    if channel.why:
        parts.append(channel.why)
    return "; ".join(parts)


def _channel_fields(channel: DraftedChannel, stuck: dt.timedelta | None) -> dict[str, Any]:
    named, seen = channel.named, channel.seen
    fields: dict[str, Any] = {"name": named.name}
    if named.tag != named.name:
        fields["tag"] = named.tag
    if channel.role in ("sensor", "setting") or named.unit:
        fields["unit"] = named.unit
    if channel.role != "sensor":
        fields["role"] = channel.role
    if seen is not None and channel.role in ("sensor", "setting") and len(seen.distinct) != 1:
        fields["low"], fields["high"] = limits(seen)
    if channel.role == "state" and seen is not None and seen.strays:
        fields["low"], fields["high"] = 0, max(9, *seen.distinct)
    if channel.role == "sensor" and stuck is not None and seen is not None and _is_slow(seen, stuck):
        fields["stuck_after"] = dt.timedelta(0)
    if channel.role == "state":
        fields["aggregate"] = "max"
    elif channel.role == "setting":
        fields["aggregate"] = "last"
    return fields


def _is_slow(seen: Seen, stuck: dt.timedelta) -> bool:
    """Whether showing one value for long is this channel's habit: nothing is stuck then."""
    return len(seen.distinct) == 1 or (seen.held is not None and seen.held >= stuck)


def _fleets(facts: Facts, drafted: DraftedClass) -> Iterator[str]:
    for fleet in drafted.fleets:
        yield f"  - name: {scalar(fleet.name)}"
        yield f"    machine_class: {drafted.name}"
        yield from _comment(f"seen: {_some(fleet.members)}", 4)
        yield f"    units: [{', '.join(json.dumps(unit, ensure_ascii=False) for unit in fleet.units)}]"
        yield from _life(facts, drafted, fleet)


def _life(facts: Facts, drafted: DraftedClass, fleet: Group) -> Iterator[str]:
    states = [c for c in drafted.channels if c.role == "state" and re.search(STATE_WORDS, c.named.name)]
    if states:
        state = states[0]
        values = state.seen.distinct if state.seen else {}
        total = sum(values.values())
        shares = ", ".join(f"{value:g} ({percent(count, total)})" for value, count in values.items())
        running = 1 if 1.0 in values else int(max(values, key=lambda value: values[value], default=1))
        failed, overhaul = [value for value in (2, 3, 4) if value != running][:2]
        yield from _comment(f"DECIDE: which value of {state.named.name} means what? Seen: {shares}.", 4)
        meanings = {"running_value": running, "failed_value": failed, "overhaul_value": overhaul}
        yield f"    life: {_flow({'state_channel': state.named.name, **meanings})}"
        if failed not in values:
            yield from _comment("No failure was seen. When there are some: correct failed_value, delete rul: null.", 4)
            yield "    rul: null"
        return
    if facts.back:
        yield from _comment(
            f"DECIDE: the cycles of {_some(facts.back)} begin again: several lives stand under one name. Give each "
            "life a unit id of its own in the export.", 4,
        )  # fmt: skip
    yield from _run_to_failure(facts, drafted, fleet)
    yield "    rul: null"


def _run_to_failure(facts: Facts, drafted: DraftedClass, fleet: Group) -> Iterator[str]:
    told = (
        "DECIDE: nothing tells which machines failed, so no model of remaining life is asked for. If units ran until "
    )
    lengths = [facts.lengths[unit] for unit in fleet.members if unit in facts.lengths]
    if facts.is_running or len(lengths) < LEAST_UNITS or facts.back:
        told += "they failed: life: {run_to_failure_units: PATTERN}, and delete rul: null."
        yield from _comment(told, 4)
        return
    yield from _comment(
        f"{told}they failed, write these two lines instead of rul: null, without the units that had not failed when "
        "their record ended: those are learnt from as well, and get a forecast. Records that do not begin with a new "
        f"unit need uses_age: false. Records are {min(lengths)} to {max(lengths)} cycles long.", 4,
    )  # fmt: skip
    named = fleet.members if len(fleet.members) <= UNITS_NAMED else fleet.units
    units = ", ".join(json.dumps(unit, ensure_ascii=False) for unit in named)
    yield f"    # life: {{run_to_failure_units: [{units}]}}"
    yield f"    # rul: {_flow(_rul_settings(lengths, drafted))}"


def _rul_settings(lengths: Sequence[int], drafted: DraftedClass) -> dict[str, int]:
    """Window and cap as shares of the lives that were seen; regimes where settings take few values."""
    typical, shortest = median(lengths), min(lengths)
    window = max(4, min(MOST_WINDOW, round(WINDOW_SHARE * typical), shortest // 2))
    settings: dict[str, int] = {"window_cycles": window}
    settings["cap_cycles"] = max(window, min(MOST_CAP, round(CAP_SHARE * typical)))
    if len(lengths) < UNITS_NAMED:
        settings["window_stride"] = 1
    ways = prod(len(c.seen.distinct) for c in drafted.channels if c.role == "setting" and c.seen is not None)
    if 1 < ways <= MOST_REGIMES:
        settings["regimes"] = ways
    return settings


def _some(names: Sequence[str]) -> str:
    shown = ", ".join(names[:6])
    return shown if len(names) <= 6 else f"{shown} and {len(names) - 6} more"
