"""Finding the tables in export files: which files, how they are written, and a bounded sample of their rows.

Everything stays text here; what the columns mean is told elsewhere.
"""

from __future__ import annotations

import codecs
import csv
import io
import re
import zipfile
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, Literal, cast

import polars as pl
from polars.exceptions import PolarsError

from factory_assets.foundation.errors import FactoryError

SUFFIXES = (".csv", ".txt", ".tsv", ".dat", ".parquet")
HEAD_BYTES, PIECE_BYTES, PIECES = 4 * 2**20, 2**19, 4
PARQUET_ROWS = 100_000
SNIFFED_LINES = 200
SEPARATORS = (";", "\t", "|", ",")
NUMBER = r"^\s*[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?\s*$"
COMMA_NUMBER = r"^\s*[+-]?\d+,\d+([eE][+-]?\d+)?\s*$"
Encoding = Literal["utf-8", "cp1252", "utf-16"]


class DraftError(FactoryError, ValueError):
    """Exports of which no plant file can be drafted; the message says what to change in them."""


class NoTableError(DraftError):
    """A file that holds no table."""


@dataclass(frozen=True)
class ExportFile:
    """A file that may hold a table.

    Attributes:
        name: Its path below the folder; in a zip `archive.zip/inner/path.csv`.
        path: The file itself, or the zip that it is in.
        member: Its name in the zip.
        size: Bytes, unpacked.
    """

    name: str
    path: Path
    member: str | None
    size: int

    @property
    def suffix(self) -> str:
        """The ending of its name, in small letters."""
        return Path(self.name).suffix.lower()


@dataclass(frozen=True)
class Dialect:
    """How a text file writes its table."""

    encoding: Encoding = "utf-8"
    separator: str = ","
    decimal_comma: bool = False
    skip_lines: int = 0


@dataclass(frozen=True)
class Table:
    """A sample of a file.

    Attributes:
        file: Where it comes from.
        dialect: How it is written; None for Parquet.
        frame: Rows as text, in the file's order.
        is_whole: Whether these are all of its rows.
        units: Column to unit, where a line below the header names units.
    """

    file: ExportFile
    dialect: Dialect | None
    frame: pl.DataFrame
    is_whole: bool
    units: dict[str, str]


def find_files(given: Sequence[Path]) -> tuple[Path, list[ExportFile]]:
    """The files that are given, and those in folders and zips that are given.

    Returns:
        The folder that all of them lie below, and the files in order of name.

    Raises:
        DraftError: A path that is not there, a damaged zip, or nothing that could hold a table.
    """
    for path in given:
        if not path.exists():
            msg = f"{path} is not there: give export files, folders of them, or zips"
            raise DraftError(msg)
    places = [path.resolve() for path in given]
    folders = [path if path.is_dir() else path.parent for path in places]
    folder = _common(folders)
    found = [file for path in places for file in _below(path, folder)]
    unique = {file.name: file for file in found}
    if not unique:
        msg = f"no file ends in {', '.join(SUFFIXES)} or .zip in {', '.join(map(str, given))}: give the exports"
        raise DraftError(msg)
    return folder, [unique[name] for name in sorted(unique)]


def read_sample(file: ExportFile) -> Table:
    """Find out how a file is written and read a bounded sample of it: its beginning, pieces of the rest, its end.

    Raises:
        NoTableError: The file holds no table with a header.
    """
    if file.suffix == ".parquet":
        return _read_parquet(file)
    chunks = _chunks(file)
    encoding = _encoding(chunks[0])
    texts = [_decode(chunk, encoding) for chunk in chunks]
    is_whole = len(chunks) == 1 and file.size <= HEAD_BYTES
    head = texts[0] if is_whole else _whole_lines(texts[0], is_first=True)
    lines = head.splitlines()
    separator, skip_lines, width = _layout(file, lines)
    rows = "\n".join([*lines[skip_lines:], *(line for text in texts[1:] for line in _whole_lines(text).splitlines())])
    frame = _frame(file, rows, separator)
    units = _units_line(frame)
    if units:
        frame = frame.slice(1)
    dialect = Dialect(encoding, separator, separator != "," and _has_decimal_commas(frame), skip_lines)
    if len(frame.columns) != width or all(re.match(NUMBER, name) for name in frame.columns):
        msg = f"{file.name} has no header line with names of its columns: export it with one"
        raise NoTableError(msg)
    return Table(file, dialect, frame, is_whole, units)


def _common(folders: Sequence[Path]) -> Path:
    first = folders[0]
    for folder in (first, *first.parents):
        if all(other.is_relative_to(folder) for other in folders):
            return folder
    return first


def _below(path: Path, folder: Path) -> Iterator[ExportFile]:
    if path.is_dir():
        for child in sorted(path.rglob("*")):
            if child.is_file() and not child.name.startswith("."):
                yield from _below(child, folder)
    elif path.suffix.lower() == ".zip":
        name = path.relative_to(folder).as_posix()
        try:
            with zipfile.ZipFile(path) as archive:
                for member in archive.infolist():
                    if "__MACOSX" not in member.filename and Path(member.filename).suffix.lower() in SUFFIXES:
                        yield ExportFile(f"{name}/{member.filename}", path, member.filename, member.file_size)
        except (zipfile.BadZipFile, OSError) as error:
            msg = f"{path} is no whole zip file ({error}): copy or export it again"
            raise DraftError(msg) from error
    elif path.suffix.lower() in SUFFIXES:
        yield ExportFile(path.relative_to(folder).as_posix(), path, None, path.stat().st_size)


@contextmanager
def _opened(file: ExportFile) -> Iterator[BinaryIO]:
    if file.member is None:
        with file.path.open("rb") as plain:
            yield plain
    else:
        with zipfile.ZipFile(file.path) as archive, archive.open(file.member) as packed:
            yield cast("BinaryIO", packed)


def _chunks(file: ExportFile) -> list[bytes]:
    with _opened(file) as opened:
        chunks = [opened.read(HEAD_BYTES)]
        left = file.size - HEAD_BYTES
        if left > 0 and not chunks[0].startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
            size = min(PIECE_BYTES, left // PIECES + 1)
            for number in range(1, PIECES + 1):
                opened.seek(max(HEAD_BYTES, HEAD_BYTES + left * number // PIECES - size))
                chunks.append(opened.read(size))
    return chunks


def _encoding(head: bytes) -> Encoding:
    if head.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        return "utf-16"
    try:
        codecs.getincrementaldecoder("utf-8")().decode(head)
    except UnicodeDecodeError:
        return "cp1252"
    return "utf-8"


def _decode(chunk: bytes, encoding: Encoding) -> str:
    return chunk.decode(encoding, errors="replace").removeprefix("\ufeff")


def _whole_lines(text: str, *, is_first: bool = False) -> str:
    """Without the lines that the cut went through."""
    start = 0 if is_first else text.find("\n") + 1
    return text[start : text.rfind("\n") + 1]


def _layout(file: ExportFile, lines: Sequence[str]) -> tuple[str, int, int]:
    """Separator, lines above the header, columns: the first separator by which nearly all lines have as many cells."""
    filled = [(number, line) for number, line in enumerate(lines[:SNIFFED_LINES]) if line.strip()]
    if len(filled) < 2:
        msg = f"{file.name} holds no rows"
        raise NoTableError(msg)
    for separator in SEPARATORS:
        widths = [(number, len(next(csv.reader([line], delimiter=separator)))) for number, line in filled]
        width, count = Counter(width for _, width in widths).most_common(1)[0]
        header = next(number for number, cells in widths if cells == width)
        below = [cells for number, cells in widths if number >= header]
        if width > 1 and count >= 0.9 * len(below) and count > 1:
            return separator, header, width
    words = {len(line.split()) for _, line in filled}
    if len(words) == 1 and words.pop() > 1:
        msg = f"{file.name} separates its columns by spaces: export it with ';' or ',' between them, and a header line"
        raise NoTableError(msg)
    msg = f"{file.name} holds no table: no one of ; tab | , cuts its lines into the same number of columns"
    raise NoTableError(msg)


def _frame(file: ExportFile, rows: str, separator: str) -> pl.DataFrame:
    try:
        return pl.read_csv(
            io.BytesIO(rows.encode()), separator=separator, infer_schema=False, truncate_ragged_lines=True
        )
    except PolarsError as error:
        msg = f"{file.name} cannot be read as a table: {error}"
        raise NoTableError(msg) from error


def _read_parquet(file: ExportFile) -> Table:
    try:
        with _opened(file) as opened:
            source = file.path if file.member is None else io.BytesIO(opened.read())
        scan = pl.scan_parquet(source, glob=False)
        rows = scan.select(pl.len()).collect().item()
        if rows <= 2 * PARQUET_ROWS:
            frame = scan.collect()
        else:
            frame = pl.concat([scan.head(PARQUET_ROWS).collect(), scan.tail(PARQUET_ROWS).collect()])
        text = frame.with_columns(pl.all().cast(pl.String))
    except (PolarsError, OSError) as error:
        msg = f"{file.name} is no whole Parquet file with plain columns ({error}): export it again"
        raise NoTableError(msg) from error
    if not rows:
        msg = f"{file.name} holds no rows"
        raise NoTableError(msg)
    return Table(file, None, text, rows == frame.height, {})


def _units_line(frame: pl.DataFrame) -> dict[str, str]:
    """Units, where the line below the header has words in columns that are numbers from there on."""
    if frame.height < 3:
        return {}
    first, rest = frame.row(0, named=True), frame.slice(1, 50)
    units = {}
    for name, cell in first.items():
        below = rest.get_column(name).drop_nulls()
        is_numeric = below.len() > 0 and bool(below.str.contains(f"{NUMBER}|{COMMA_NUMBER}").all())
        if is_numeric and cell is not None and not re.match(f"{NUMBER}|{COMMA_NUMBER}", cell):
            units[name] = cell.strip().strip("[]()")
    return units if len(units) > 0.5 * max(1, len(first) - 2) else {}


def _has_decimal_commas(frame: pl.DataFrame) -> bool:
    cells = pl.concat([column.alias("cell") for column in frame.head(2000).iter_columns()]).drop_nulls()
    return bool(cells.str.contains(COMMA_NUMBER).sum() > cells.str.contains(r"^\s*[+-]?\d+\.\d+\s*$").sum())
