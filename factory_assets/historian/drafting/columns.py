"""What the columns of an export hold: told from their names and cells."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Literal

import polars as pl

from factory_assets.foundation.sources import Columns
from factory_assets.historian.drafting.files import COMMA_NUMBER, NUMBER, DraftError, Table

HINTS = {
    "ts_utc": {"time", "timestamp", "datetime", "date", "ts", "datum", "zeit", "zeitstempel", "uhrzeit", "zeitpunkt"},
    "cycle": {"cycle", "cycles", "zyklus", "takt", "shot"},
    "unit_id": {"unit", "machine", "asset", "equipment", "device", "serial", "engine", "maschine", "anlage",
                "aggregat"},
    "channel": {"tag", "tagname", "channel", "sensor", "signal", "point", "variable", "parameter", "kanal",
                "messstelle", "messpunkt"},
    "value": {"value", "val", "reading", "measurement", "wert", "messwert"},
    "quality": {"quality", "qual", "opcquality", "status", "qualitaet", "qualität", "guete", "güte"},
}  # fmt: skip
OFFSET = r":\d{2}(\.\d+)?\s*(Z|[+-]\d{2}:?\d{2})$"
ISO = r"^\s*\d{4}-\d{2}-\d{2}[T ]\d{2}:\d{2}"
TIME_FORMATS = (
    "%d.%m.%Y %H:%M:%S", "%d.%m.%Y %H:%M", "%d.%m.%Y %H:%M:%S%.f", "%d.%m.%y %H:%M:%S", "%d.%m.%y %H:%M",
    "%d/%m/%Y %H:%M:%S", "%d/%m/%Y %H:%M", "%m/%d/%Y %H:%M:%S", "%m/%d/%Y %H:%M", "%m/%d/%Y %I:%M:%S %p",
    "%d-%b-%Y %H:%M:%S", "%d-%b-%y %H:%M:%S", "%Y/%m/%d %H:%M:%S", "%Y/%m/%d %H:%M", "%Y%m%d %H%M%S", "%Y%m%d%H%M%S",
)  # fmt: skip
ONLY_DATE = r"^\s*(\d{1,2}[./]\d{1,2}[./]\d{2,4}|\d{4}-\d{2}-\d{2})\s*$"
ONLY_TIME = r"^\s*\d{1,2}:\d{2}(:\d{2}([.,]\d+)?)?\s*$"
SHARE = 0.9


@dataclass(frozen=True)
class TimeCells:
    """How times are written.

    Attributes:
        time_format: For strptime; None for ISO 8601.
        offset_share: Share of the times that name their offset from UTC.
        other_format: Another format that fits as well (day and month in the other order).
    """

    time_format: str | None = None
    offset_share: float = 0.0
    other_format: str | None = None


@dataclass(frozen=True)
class Reading:
    """How rows are read.

    Attributes:
        layout: tall (one row a reading) or wide (one column a channel).
        columns: As in the plant file.
        channels: Wide: the columns that are channels.
        text_columns: Wide: columns that are neither numbers nor keys; their cells cannot be readings.
        time: None where there are only cycles.
        is_guess: Whether which column is the unit or the tag was told by their cells alone.
    """

    layout: Literal["tall", "wide"]
    columns: Columns
    channels: tuple[str, ...]
    text_columns: tuple[str, ...]
    time: TimeCells | None
    is_guess: bool


def tell_columns(table: Table) -> Reading:
    """Which column holds what.

    Raises:
        DraftError: There is neither a time nor a cycle, or date and time stand in two columns.
    """
    frame = table.frame.head(5000)
    numeric = [name for name in frame.columns if _share(frame, name, f"{NUMBER}|{COMMA_NUMBER}") >= SHARE]
    time_name, time = _time_column(table, frame)
    left = [name for name in frame.columns if name != time_name]
    cycle = _hinted("cycle", [name for name in left if name in numeric])
    if time_name is None and cycle is None:
        msg = (
            f"{table.file.name}: no column holds a time or a cycle; its columns are {', '.join(frame.columns)}. "
            "Export one time a row (2026-09-01T06:00:00Z), or name the counting column cycle."
        )
        raise DraftError(msg)
    left = [name for name in left if name != cycle]
    texts = [name for name in left if name not in numeric and frame.get_column(name).drop_nulls().len()]
    value = _hinted("value", [name for name in left if name in numeric])
    numbers = [name for name in left if name in numeric]
    tag = _hinted("channel", texts)
    if value is not None and texts and (tag is not None or len(numbers) <= 2):
        return _tall(frame, texts=texts, numbers=numbers, value=value, tag=tag, keys=(time_name, cycle), time=time)
    unit = _hinted("unit_id", [*texts, *numbers]) or (texts[0] if _is_key(frame, texts) else None)
    channels = tuple(name for name in left if name != unit and name not in texts)
    return Reading(
        layout="wide",
        columns=Columns(unit_id=unit, ts_utc=time_name, cycle=cycle),
        channels=channels,
        text_columns=tuple(name for name in texts if name != unit),
        time=time,
        is_guess=unit is not None and _hinted("unit_id", [unit]) is None,
    )


def parsed_times(cells: pl.Series, time: TimeCells) -> pl.Series:
    """Times as `Datetime`, without zone; those with an offset in UTC. What is no time is null."""
    text = cells.str.strip_chars()
    if time.time_format is not None:
        return text.str.to_datetime(time.time_format, time_unit="us", strict=False)
    if time.offset_share > 0:
        normal = text.str.replace("Z$", "+00:00").str.replace(" ", "T").str.replace(r"(\d{2})(\d{2})$", "$1:$2")
        aware = normal.str.to_datetime("%Y-%m-%dT%H:%M:%S%.f%:z", time_unit="us", strict=False)
        naive = text.str.replace("T", " ").str.to_datetime("%Y-%m-%d %H:%M:%S%.f", time_unit="us", strict=False)
        return aware.dt.convert_time_zone("UTC").dt.replace_time_zone(None).fill_null(naive)
    return text.str.replace("T", " ").str.to_datetime(time_unit="us", strict=False)


def _tall(
    frame: pl.DataFrame, *, texts: Sequence[str], numbers: Sequence[str], value: str, tag: str | None,
    keys: tuple[str | None, str | None], time: TimeCells | None,
) -> Reading:  # fmt: skip
    quality = _hinted("quality", [name for name in [*numbers, *texts] if name not in (value, tag)])
    rest = [name for name in texts if name not in (tag, quality)]
    is_guess = tag is None
    if tag is None:
        # A unit has several tags: of two columns of names the one with more different names holds the tags.
        tag = max(rest, key=lambda name: frame.get_column(name).n_unique(), default=texts[0])
    rest = [name for name in rest if name != tag]
    unit = _hinted("unit_id", [*rest, *(name for name in numbers if name not in (value, quality))])
    if unit is None and rest:
        unit, is_guess = rest[0], True
    columns = Columns(unit_id=unit, ts_utc=keys[0], cycle=keys[1], channel=tag, value=value, quality=quality)
    return Reading("tall", columns, (), (), time, is_guess)


def _time_column(table: Table, frame: pl.DataFrame) -> tuple[str | None, TimeCells | None]:
    for name in _hinted_first("ts_utc", frame.columns):
        time = _time_cells(frame.get_column(name).drop_nulls())
        if time is not None:
            return name, time
    dates = [name for name in frame.columns if _share(frame, name, ONLY_DATE) >= SHARE]
    clocks = [name for name in frame.columns if _share(frame, name, ONLY_TIME) >= SHARE]
    if dates and clocks:
        msg = (
            f"{table.file.name}: date and time stand in two columns ({dates[0]}, {clocks[0]}), and a plant file names "
            "one. Export them as one column, or join them before (2026-09-01T06:00:00)."
        )
        raise DraftError(msg)
    return None, None


def _time_cells(cells: pl.Series) -> TimeCells | None:
    if not cells.len():
        return None
    if cells.str.contains(ISO).mean() >= SHARE:  # type: ignore[operator]
        return TimeCells(offset_share=float(cells.str.contains(OFFSET).mean()))  # type: ignore[arg-type]
    fits = [name for name in TIME_FORMATS if _fit(cells, name) >= SHARE]
    best = max((_fit(cells, name) for name in fits), default=0.0)
    fits = [name for name in fits if _fit(cells, name) >= best - 0.001]
    if not fits:
        return None
    other = next((name for name in fits[1:] if name[1] != fits[0][1] and name[1] in "dm"), None)
    return TimeCells(time_format=fits[0], other_format=other)


def _fit(cells: pl.Series, time_format: str) -> float:
    parsed = cells.str.strip_chars().str.to_datetime(time_format, strict=False)
    return float(parsed.is_not_null().sum()) / cells.len()


def _share(frame: pl.DataFrame, name: str, pattern: str) -> float:
    cells = frame.get_column(name).drop_nulls()
    cells = cells.filter(cells.str.strip_chars() != "")
    return float(cells.str.contains(pattern).sum()) / cells.len() if cells.len() else 0.0


def _words(name: str) -> set[str]:
    return set(re.split(r"[^0-9a-zà-ÿ]+", re.sub(r"([a-z])([A-Z])", r"\1_\2", name).lower()))


def _hinted(what: str, names: Sequence[str]) -> str | None:
    """The first column whose name says so: best the name as a whole, else one of its words."""
    whole: Callable[[str], bool] = lambda name: name.strip().lower() in HINTS[what]  # noqa: E731
    part: Callable[[str], bool] = lambda name: bool(_words(name) & HINTS[what])  # noqa: E731
    return next((name for test in (whole, part) for name in names if test(name)), None)


def _hinted_first(what: str, names: Sequence[str]) -> list[str]:
    return sorted(names, key=lambda name: not _words(name) & HINTS[what])


def _is_key(frame: pl.DataFrame, texts: Sequence[str]) -> bool:
    """Whether the only column of words may name units: few names for many rows."""
    return len(texts) == 1 and frame.get_column(texts[0]).n_unique() <= max(2, frame.height // 10)
