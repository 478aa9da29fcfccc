"""Readings from a CSV: one row a unit and cycle, one column a channel, empty where a reading is missing."""

from __future__ import annotations

import csv
import math
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from edge_runtime.errors import InputError

UNIT = "unit_id"
CYCLE = "cycle"
FLEET = "fleet"
LARGEST_CYCLE = 10**9

_NUMBER = re.compile(r"[+-]?([0-9]+(\.[0-9]*)?|\.[0-9]+)([eE][+-]?[0-9]+)?")
_LARGEST = float(np.finfo(np.float32).max)


@dataclass(frozen=True)
class Row:
    """One line of the file, as text."""

    line: int
    cells: tuple[str, ...]


@dataclass(frozen=True)
class Table:
    """A CSV file as text: its name for messages, its header and its rows."""

    source: str
    header: tuple[str, ...]
    rows: tuple[Row, ...]

    def column(self, name: str) -> int:
        """Position of a column.

        Raises:
            InputError: The header does not have it.
        """
        if name not in self.header:
            raise InputError(
                f"{self.source}: line 1: column {name!r} is missing",
                f"add it; the columns found are {', '.join(self.header)} (separated by commas)",
            )
        return self.header.index(name)


@dataclass(frozen=True)
class Readings:
    """Readings of one or more units.

    Attributes:
        unit_ids: Unit of each row.
        cycles: (n,) int64 cycle numbers.
        values: (n, channels) float32 in raw engineering units, NaN where missing.
    """

    unit_ids: tuple[str, ...]
    cycles: np.ndarray
    values: np.ndarray


def read_table(path: Path) -> Table:
    """Read a CSV file (UTF-8, a byte order mark is allowed) as text, blank lines left out.

    Raises:
        InputError: The file cannot be read, is empty, has a column twice or a row of another length.
    """
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            reader = csv.reader(file, strict=True)
            lines = [Row(reader.line_num, tuple(cell.strip() for cell in cells)) for cells in reader if cells]
    except OSError as error:
        raise InputError(f"{path} cannot be read: {error.strerror}", "give a CSV file of readings") from error
    except UnicodeDecodeError as error:
        raise InputError(f"{path} is not UTF-8 (byte {error.start})", "save it as CSV in UTF-8") from error
    except csv.Error as error:
        raise InputError(f"{path}: {error}", "save it as a plain CSV with commas") from error
    if len(lines) < 2:
        raise InputError(f"{path} holds no readings", f"it needs a header ({UNIT}, {CYCLE}, channels) and rows")
    header = lines[0].cells
    doubled = sorted({name for name in header if header.count(name) > 1})
    if doubled:
        raise InputError(f"{path}: line 1: column {doubled[0]!r} comes twice", "keep one of them")
    for row in lines[1:]:
        if len(row.cells) != len(header):
            raise InputError(
                f"{path}: line {row.line}: {len(row.cells)} cells, the header has {len(header)}",
                "give every row the header's columns; leave a cell empty where a reading is missing",
            )
    return Table(source=str(path), header=header, rows=tuple(lines[1:]))


def parse_readings(table: Table, channels: Sequence[str]) -> Readings:
    """Turn the text of a table into readings of the given channels; other columns are ignored.

    Raises:
        InputError: A column is missing, a cell cannot be read, a unit has a cycle twice, or a unit has no
            reading at all at its last cycle. The message says line, column and how to mend it.
    """
    unit_column, cycle_column = table.column(UNIT), table.column(CYCLE)
    columns = [table.column(channel) for channel in channels]
    values = np.full((len(table.rows), len(columns)), np.nan, np.float32)
    unit_ids: list[str] = []
    cycles: list[int] = []
    seen: dict[tuple[str, int], int] = {}
    for index, row in enumerate(table.rows):
        where = f"{table.source}: line {row.line}"
        unit = row.cells[unit_column]
        if not unit:
            raise InputError(f"{where}: column {UNIT!r} is empty", "name the unit")
        cycle = _cycle(where, row.cells[cycle_column])
        first = seen.setdefault((unit, cycle), row.line)
        if first != row.line:
            raise InputError(
                f"{where}: column {CYCLE!r}: unit {unit} has cycle {cycle} already in line {first}",
                "keep one",
            )
        unit_ids.append(unit)
        cycles.append(cycle)
        values[index] = [_number(where, table.header[column], row.cells[column]) for column in columns]
    readings = Readings(unit_ids=tuple(unit_ids), cycles=np.array(cycles, np.int64), values=values)
    _check_last_cycles(table, readings)
    return readings


def read_readings(path: Path, channels: Sequence[str]) -> Readings:
    """Read a CSV file with columns `unit_id`, `cycle` and the channels.

    Raises:
        InputError: As `read_table` and `parse_readings`.
    """
    return parse_readings(read_table(path), channels)


def _cycle(where: str, text: str) -> int:
    # Not str.isdigit: it takes superscripts; not int(): it takes underscores.
    if re.fullmatch(r"[0-9]{1,10}", text) is None or int(text) > LARGEST_CYCLE:
        raise InputError(
            f"{where}: column {CYCLE!r}: {text!r} is not a cycle number",
            f"write a whole number from 0 to {LARGEST_CYCLE}, without decimals",
        )
    return int(text)


def _number(where: str, channel: str, text: str) -> float:
    if not text:
        return math.nan
    if _NUMBER.fullmatch(text) is None or abs(float(text)) > _LARGEST:
        raise InputError(
            f"{where}: column {channel!r}: {text!r} is not a finite number",
            "write a number with a decimal point, or leave the cell empty where the reading is missing",
        )
    return float(text)


def _check_last_cycles(table: Table, readings: Readings) -> None:
    last: dict[str, int] = {}
    for index, unit in enumerate(readings.unit_ids):
        if unit not in last or readings.cycles[index] > readings.cycles[last[unit]]:
            last[unit] = index
    for unit, index in last.items():
        if np.isnan(readings.values[index]).all():
            raise InputError(
                f"{table.source}: line {table.rows[index].line}: unit {unit} has no reading of any channel "
                f"at its last cycle {readings.cycles[index]}",
                "remove the row to predict at the cycle before, or fill it in",
            )
