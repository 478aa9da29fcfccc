"""What a channel is called in the house, its unit, and what its values say of its role and limits."""

from __future__ import annotations

import datetime as dt
import math
import re
import unicodedata
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import polars as pl

from factory_assets.foundation.plant import Role

RESERVED = {"plant", "fleet", "unit_id", "cycle", "ts_utc", "n_readings", "line", "life_id"}
# What plants write (in small letters, without blanks, dots and degree signs) -> the unit in pint's words.
UNITS = {
    "degc": "degC", "celsius": "degC", "gradc": "degC", "degf": "degF", "fahrenheit": "degF", "kelvin": "kelvin",
    "bar": "bar", "mbar": "mbar", "psi": "psi", "pa": "Pa", "kpa": "kPa", "mpa": "MPa",
    "rpm": "rpm", "1/min": "1/min", "u/min": "rpm", "min-1": "1/min", "hz": "Hz", "khz": "kHz",
    "ma": "mA", "amp": "A", "amps": "A", "mv": "mV", "volt": "V", "kv": "kV", "kw": "kW", "mw": "MW", "kwh": "kWh",
    "hp": "hp", "kn": "kN", "nm": "N*m", "mm": "mm", "cm": "cm", "um": "um", "µm": "um",
    "mm/s": "mm/s", "mm_s": "mm/s", "mms": "mm/s", "in/s": "in/s", "in_s": "in/s", "ips": "in/s", "m/s": "m/s",
    "m_s": "m/s", "m/s2": "m/s^2", "m/s²": "m/s^2",
    "l/min": "l/min", "l_min": "l/min", "lpm": "l/min", "m3/h": "m^3/h", "m³/h": "m^3/h", "m3_h": "m^3/h",
    "l/h": "l/h", "kg/h": "kg/h", "kg_h": "kg/h", "kg": "kg", "lb/s": "lb/s", "gpm": "gallon/min",
    "%": "percent", "pct": "percent", "percent": "percent", "prozent": "percent", "ppm": "ppm",
    "sec": "s", "ms": "ms", "hours": "h",
}  # fmt: skip
# One letter is a unit in brackets, or where the name says the same quantity.
LETTERS = {
    "c": ("degC", "temp"), "f": ("degF", "temp"), "k": ("kelvin", "temp"), "a": ("A", "curr|strom|amp"),
    "v": ("V", "volt|spann"), "w": ("W", "power|leist"), "n": ("N", "force|kraft"), "g": ("g", "acc|vib|beschl"),
    "s": ("s", "time|dauer|durat"), "h": ("h", "hour|stund|durat"), "m": ("m", "length|level|pos|weg"),
}  # fmt: skip
SLUGS = {
    "degC": "degc", "degF": "degf", "percent": "pct", "1/min": "per_min", "N*m": "nm", "m^3/h": "m3_h",
    "m/s^2": "m_s2", "kelvin": "k", "inch": "in", "gallon/min": "gpm",
}  # fmt: skip
LABEL_WORDS = r"(^|_)(rul|remaining)(_|$)"
VERDICT_WORDS = r"(^|_)(anomaly|changepoint|label|target|fault|alarm)(_|$)"
STATE_WORDS = r"(^|_)(state|status|mode|zustand|betriebsart)(_|$)"
SETTING_WORDS = r"(^|_)(sp|set|setpoint|setting|soll|sollwert|demand|dmd|cmd|command|target|recipe)(_|$)"
STATES = 6
MOST_STATE = 9
SELDOM = 0.05
GERMAN = {
    ord(letter): plain for letter, plain in zip("äöüßÄÖÜ", ("ae", "oe", "ue", "ss", "Ae", "Oe", "Ue"), strict=True)
}
SMALLEST = 1e-9
SENTINELS = {999.0, 9999.0, 99999.0, 32767.0, 32768.0, 65535.0}
FEW = 200  # so many different values are counted one by one
HELD_QUANTILE = 0.95


@dataclass(frozen=True)
class NamedChannel:
    """A channel's name in the house and its unit; `unknown_unit` is what stood there and nobody knows."""

    tag: str
    name: str
    unit: str
    unknown_unit: str = ""


@dataclass(frozen=True)
class Seen:
    """What the sample shows of a channel.

    Attributes:
        low: The least value.
        high: The greatest value.
        robust_low: 99 % of the values lie between robust_low and robust_high.
        robust_high: See robust_low.
        distinct: The different values and how often each was seen, if they are few; values that came once or twice
            (error codes, glitches) are not counted.
        strays: Readings of other values than the few.
        changes: Share of the steps at which the value changes.
        held: For so long, at the most, it shows one value, but for one in twenty readings; None without times.
        count: Readings.
        beyond: Readings beyond the drafted limits.
        no_numbers: Cells that are no number.
    """

    low: float
    high: float
    robust_low: float
    robust_high: float
    distinct: dict[float, int]
    strays: int
    changes: float
    held: dt.timedelta | None
    count: int
    beyond: int
    no_numbers: int

    @property
    def is_integer(self) -> bool:
        """Whether there are few values, all of them whole numbers."""
        return bool(self.distinct) and all(value == round(value) for value in self.distinct)


def name_channels(tags: Sequence[str], given_units: dict[str, str]) -> list[NamedChannel]:
    """House names for tags: what all tags begin with is left out, the unit stands at the end, and no name repeats.

    Args:
        tags: In the order of the plant file.
        given_units: Tag to unit, where the export names units apart.
    """
    prefix = _common_prefix(tags)
    taken = set(RESERVED)
    named = []
    for tag in tags:
        base, unit, unknown = _base_and_unit(tag.removeprefix(prefix), given_units.get(tag))
        slug = SLUGS.get(unit, re.sub(r"[^a-z0-9]+", "_", unit.lower()).strip("_"))
        name = "_".join(part for part in (snake(base) or "channel", slug) if part)
        unique, number = name, 1
        while unique in taken:
            number += 1
            unique = f"{name}_{number}" if name not in RESERVED else f"{name}_reading"
        taken.add(unique)
        named.append(NamedChannel(tag, unique, unit, unknown))
    return named


def percent(part: float, whole: float) -> str:
    """A share in percent, with three digits; never 100 where something is missing."""
    share = 100 * part / whole
    return f"{share if part == whole else min(share, 99.9):.3g} %"


def plain_letters(text: str) -> str:
    """German letters as they are written without umlauts; other letters lose their accents."""
    text = text.translate(GERMAN)
    return "".join(letter for letter in unicodedata.normalize("NFKD", text) if not unicodedata.combining(letter))


def snake(text: str) -> str:
    """Small letters, digits and underscores, beginning with a letter."""
    apart = re.sub(r"([a-z0-9])([A-Z])", r"\1_\2", re.sub(r"([A-Z]+)([A-Z][a-z])", r"\1_\2", plain_letters(text)))
    words = re.sub(r"[^a-z0-9]+", "_", apart.lower()).strip("_")
    return f"ch_{words}" if words[:1].isdigit() else words


def role_of(channel: NamedChannel, seen: Seen) -> tuple[Role, str]:
    """The likely role and, where it is not plainly a sensor, what speaks for it."""
    name, tag = snake(channel.name), snake(channel.tag)
    shown = ", ".join(f"{value:g}" for value in seen.distinct)
    changes = f"changes at {percent(seen.changes, 1)} of the readings"
    is_rare = len(seen.distinct) > 1 and seen.changes < 0.2
    is_small = seen.is_integer and max(map(abs, seen.distinct)) <= MOST_STATE
    cases: list[tuple[bool, Role, str]] = [
        (bool(re.search(LABEL_WORDS, name)), "label", "its name says a remaining life"),
        (bool(re.search(VERDICT_WORDS, name)) and seen.is_integer, "state",
         f"a verdict, not a measurement ({shown}): kept out of models"),
        (bool(re.search(STATE_WORDS, name)) and seen.is_integer, "state",
         f"its name says so, and its values are {shown}"),
        (bool(re.search(SETTING_WORDS, tag)), "setting", f"its name says so, and it {changes}"),
        (is_rare and is_small, "state", f"few whole values ({shown}), seldom changing; DECIDE: a state, or a setting?"),
        (is_rare, "setting", f"few values ({shown}), seldom changing"),
        (len(seen.distinct) == 1, "sensor", f"always {shown} in the sample"),
        (seen.changes < SELDOM, "sensor", f"{changes} only; if it is a setting: role: setting"),
    ]  # fmt: skip
    return next(((role, why) for applies, role, why in cases if applies), ("sensor", ""))


def seen_in(readings: pl.DataFrame) -> Seen | None:
    """What a sample shows of one channel.

    Args:
        readings: unit_id, place (row number), ts (without zone, may be null), value (null for what is no number).

    Returns:
        None where no cell is a number.
    """
    values = readings.get_column("value").drop_nulls()
    values = values.filter(values.is_finite())
    if not values.len():
        return None
    ordered = readings.filter(pl.col("value").is_finite()).sort("unit_id", "ts", "place")
    changed = (pl.col("value") != pl.col("value").shift(1)) | (pl.col("unit_id") != pl.col("unit_id").shift(1))
    step = pl.col("ts").diff()
    # A sample is cut from several places of a file: what lies between them was not seen to stay the same.
    is_cut = (step > 20 * step.filter(step > dt.timedelta(0)).median()).fill_null(value=False)
    runs = ordered.with_columns(run=(changed.fill_null(value=True) | is_cut).cum_sum())
    spans = runs.select(held=pl.col("ts").max().over("run") - pl.col("ts").min().over("run"))
    held: Any = spans.get_column("held").dt.total_microseconds().quantile(HELD_QUANTILE)
    distinct = _few(values)
    n_units = ordered.get_column("unit_id").n_unique()
    n_changes = ordered.select(changed.fill_null(value=True).sum()).item()
    bounds = (values.min(), values.max(), values.quantile(0.005), values.quantile(0.995))
    low, high, robust_low, robust_high = (float(bound) for bound in bounds)  # type: ignore[arg-type]
    least, most = _limits(robust_low, robust_high)
    return Seen(
        low=low,
        high=high,
        robust_low=robust_low,
        robust_high=robust_high,
        distinct=distinct,
        strays=values.len() - sum(distinct.values()) if distinct else 0,
        changes=max(0.0, float(n_changes) - n_units) / max(1, values.len() - n_units),
        held=None if held is None else dt.timedelta(microseconds=held),
        count=values.len(),
        beyond=int((~values.is_between(least, most)).sum()),
        no_numbers=readings.height - values.len(),
    )


def limits(seen: Seen) -> tuple[float, float]:
    """Wide limits to begin with: as far again on both sides as the values reach; not below 0 if they never are."""
    return _limits(seen.robust_low, seen.robust_high)


def known_unit(text: str) -> str | None:
    """A unit as it was written, in pint's words; None if nobody knows it."""
    plain = re.sub(r"[\s.]", "", text.lower()).replace("°", "deg")
    if plain in UNITS:
        return UNITS[plain]
    if plain in LETTERS:
        return LETTERS[plain][0]
    import pint

    try:
        return text.strip() if str(pint.get_application_registry().Unit(text.strip())) else None
    except Exception:  # noqa: BLE001 pint's parser raises whatever Python's tokenizer does
        return None


def _base_and_unit(tag: str, given: str | None) -> tuple[str, str, str]:
    bracket = re.search(r"\s*[\[(]([^\])]*)[\])]\s*$", tag)
    base = tag[: bracket.start()] if bracket else tag
    stated = given or (bracket.group(1) if bracket else None)
    if stated is not None and stated.strip() in {"", "-", "1"}:
        return base, "", ""
    if stated is not None:
        unit = known_unit(stated)
        return (_without_suffix(base, unit), unit, "") if unit else (base, "", stated.strip())
    for pattern in (r"[_. ]([A-Za-z][A-Za-z0-9]*[_/][A-Za-z0-9]+)$", r"[_. ]([A-Za-z%°]+)$"):
        ending = re.search(pattern, tag)
        unit = _suffix_unit(tag[: ending.start()], ending.group(1)) if ending else None
        if ending and unit:
            return tag[: ending.start()], unit, ""
    return tag, "", ""


def _suffix_unit(base: str, suffix: str) -> str | None:
    low = suffix.lower().replace("°", "deg")
    if low in LETTERS:
        unit, words = LETTERS[low]
        return unit if re.search(words, base.lower()) else None
    return UNITS.get(low)


def _without_suffix(base: str, unit: str) -> str:
    """Without the unit in the name as well, so that it does not stand there twice."""
    ending = re.search(r"[_. ]([A-Za-z%°]+)$", base)
    return base[: ending.start()] if ending and _suffix_unit(base[: ending.start()], ending.group(1)) == unit else base


def _common_prefix(tags: Sequence[str]) -> str:
    if len(tags) < 2:
        return tags[0][: tags[0].rfind(".") + 1] if tags and not tags[0].endswith(".") else ""
    first, last = min(tags), max(tags)
    shared = next((i for i, (a, b) in enumerate(zip(first, last, strict=False)) if a != b), min(len(first), len(last)))
    cut = max(first.rfind(mark, 0, shared) for mark in "./:\\")
    return first[: cut + 1]


def _limits(robust_low: float, robust_high: float) -> tuple[float, float]:
    span = (robust_high - robust_low) or abs(robust_high) or 1.0
    low = 0.0 if robust_low >= 0 else _rounded(robust_low - span, math.floor)
    return low, _rounded(robust_high + span, math.ceil)


def _rounded(value: float, direction: Callable[[float], int]) -> float:
    """Two digits; what is nearer to zero than SMALLEST goes there, or to SMALLEST."""
    step = max(SMALLEST, 10.0 ** (math.floor(math.log10(abs(value))) - 1)) if value else SMALLEST
    return float(f"{direction(value / step) * step:.6g}")


def _few(values: pl.Series) -> dict[float, int]:
    counts = values.value_counts(name="count").filter(pl.col("count") >= min(3, values.len())).sort(values.name)
    if values.n_unique() > FEW or counts.height > STATES or counts.get_column("count").sum() < 0.9 * values.len():
        return {}
    # Historians write what failed as a number that no measurement has.
    return {value: count for value, count in counts.iter_rows() if abs(value) not in SENTINELS}
