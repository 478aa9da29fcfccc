"""The data lines of a CSV or Parquet file in batches of bounded size, before anybody asks what they mean.

Lines are counted from 1 without the header and without blank lines; a line whose cells do not fit the header is
handed on apart, as it stands.
"""

from __future__ import annotations

import csv
import io
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import PurePosixPath
from typing import IO, Any

import numpy as np
import polars as pl

from factory_assets.foundation.sources import ExportSource
from factory_assets.historian.folder import opened
from factory_assets.historian.reading import Candidate, SegmentRefusedError

LINE = "__line"
BATCH_BYTES = 4 << 20
BATCH_ROWS = 125_000
CODECS = {"utf-8": "utf-8-sig", "cp1252": "cp1252", "utf-16": "utf-16"}
UTF16_MARKS = (b"\xff\xfe", b"\xfe\xff")
HEADER_CHARACTERS = 1 << 20


@dataclass(frozen=True)
class Lines:
    """Some lines of a file.

    Attributes:
        frame: `__line` and the file's columns; text if it is a CSV file, its own types if it is Parquet.
        ragged: `__line` and `text` of lines that have more or fewer cells than the header.
    """

    frame: pl.DataFrame
    ragged: pl.DataFrame


@dataclass(frozen=True)
class Table:
    """A file's columns and its lines."""

    columns: list[str]
    batches: Iterator[Lines]


@contextmanager
def table(candidate: Candidate, source: ExportSource, *, batch_bytes: int = BATCH_BYTES) -> Iterator[Table]:
    """Open a candidate and read its header; the lines follow as they are asked for.

    Raises:
        SegmentRefusedError: It is empty or damaged, or its encoding is another.
    """
    if PurePosixPath(candidate.member or candidate.paths[0].name).suffix.lower() == ".parquet":
        with _seekable(candidate) as file:
            yield _parquet(file, candidate, batch_rows=max(1, batch_bytes * BATCH_ROWS // BATCH_BYTES))
        return
    with opened(candidate) as file:
        header, lines_before = _header(file, candidate, source)
    if lines_before is None:
        yield Table(header, iter(()))
        return
    with opened(candidate) as file:
        yield Table(header, _csv(file, candidate, source, header=header, skip=lines_before, batch_bytes=batch_bytes))


@contextmanager
def _seekable(candidate: Candidate) -> Iterator[IO[bytes]]:
    """Parquet is read from its end; a file inside a zip is unpacked for that."""
    with opened(candidate) as file:
        if candidate.member is None:
            yield file
            return
        with tempfile.TemporaryFile() as unpacked:
            shutil.copyfileobj(file, unpacked, 1 << 20)
            unpacked.seek(0)
            yield unpacked


def _parquet(file: IO[bytes], candidate: Candidate, *, batch_rows: int) -> Table:
    import pyarrow as pa
    import pyarrow.parquet as pq

    def refused(error: Exception) -> SegmentRefusedError:
        msg = (
            f"{candidate.name} is no whole Parquet file ({error}). It may still be written: it is read again as soon "
            "as it changes. Otherwise export it again."
        )
        return SegmentRefusedError(msg)

    try:
        parquet = pq.ParquetFile(file)
    except (pa.ArrowException, OSError) as error:
        raise refused(error) from error

    def batches() -> Iterator[Lines]:
        line = 1
        try:
            for batch in parquet.iter_batches(batch_size=batch_rows, use_threads=False):
                frame = pl.DataFrame(pl.from_arrow(batch))
                yield Lines(_numbered(frame, np.arange(line, line + frame.height)), _ragged([]))
                line += frame.height
        except (pa.ArrowException, OSError) as error:
            raise refused(error) from error

    return Table(list(parquet.schema_arrow.names), batches())


def _header(file: IO[bytes], candidate: Candidate, source: ExportSource) -> tuple[list[str], int | None]:
    """The names of the columns, and how many lines stand before the first data line (None if no line follows)."""
    first = file.read(2)
    file.seek(0)
    if first in UTF16_MARKS and source.encoding != "utf-16":
        msg = f"{candidate.name} is UTF-16 text. Set source.encoding: utf-16 in the plant file."
        raise SegmentRefusedError(msg)
    text = io.TextIOWrapper(file, encoding=CODECS[source.encoding], newline=None)
    number = 0
    try:
        while line := text.readline(HEADER_CHARACTERS):
            number += 1
            if number > source.skip_lines and line.strip():
                cells = next(csv.reader([line], delimiter=source.separator))
                return [cell.strip() for cell in cells], number if line.endswith("\n") else None
    except (UnicodeError, csv.Error) as error:
        raise _wrong_encoding(candidate, source, error) from error
    finally:
        text.detach()
    skipped = f" after the {source.skip_lines} lines that source.skip_lines leaves out" if source.skip_lines else ""
    msg = f"{candidate.name} is empty: it has no header line{skipped}. Export it again."
    raise SegmentRefusedError(msg)


@dataclass
class _Misfits:
    """Lines with another number of cells, as the CSV reader comes across them."""

    lines_before: int
    found: list[tuple[int, str]] = field(default_factory=list)

    def take(self, row: Any) -> str:
        self.found.append((row.number - self.lines_before, row.text))
        return "skip"

    def up_to(self, line: int | None) -> list[tuple[int, str]]:
        """Those before a line (all if None); they are not handed out again."""
        now = [misfit for misfit in self.found if line is None or misfit[0] < line]
        self.found = self.found[len(now) :]
        return now


def _csv(
    file: IO[bytes], candidate: Candidate, source: ExportSource, *, header: list[str], skip: int, batch_bytes: int
) -> Iterator[Lines]:
    import pyarrow as pa
    from pyarrow import csv as arrow_csv

    names = unique_names(header)
    misfits = _Misfits(skip)
    try:
        reader = arrow_csv.open_csv(
            pa.PythonFile(file, mode="r"),
            read_options=arrow_csv.ReadOptions(
                use_threads=False,
                block_size=batch_bytes,
                skip_rows=skip,
                column_names=names,
                encoding=source.encoding,
            ),
            parse_options=arrow_csv.ParseOptions(
                delimiter=source.separator, newlines_in_values=True, invalid_row_handler=misfits.take
            ),
            convert_options=arrow_csv.ConvertOptions(
                column_types=dict.fromkeys(names, pa.large_string()), strings_can_be_null=False
            ),
        )
    except (pa.ArrowException, UnicodeError) as error:
        if "Empty CSV file" not in str(error):
            raise _unreadable(candidate, source, error) from error
        return
    line = 1
    try:
        for batch in reader:
            frame = pl.DataFrame(pl.from_arrow(batch))
            numbers = _numbers(line, frame.height, [misfit[0] for misfit in misfits.found])
            line = int(numbers[-1]) + 1 if frame.height else line
            yield Lines(_numbered(frame, numbers), _told(misfits.up_to(line), candidate))
    except (pa.ArrowException, UnicodeError) as error:
        raise _unreadable(candidate, source, error) from error
    yield Lines(
        pl.DataFrame(schema={LINE: pl.Int64, **dict.fromkeys(names, pl.String)}), _told(misfits.up_to(None), candidate)
    )


def unique_names(header: list[str]) -> list[str]:
    """Names for columns without one, and for those that repeat another."""
    names: list[str] = []
    for position, name in enumerate(header, start=1):
        names.append(name if name and name not in names else f"{name or 'column'}_{position}")
    return names


def _numbers(first: int, count: int, skipped: list[int]) -> np.ndarray:
    """The numbers of the next `count` lines, those of misfits left out."""
    span = count
    while True:
        numbers = np.setdiff1d(np.arange(first, first + span), skipped, assume_unique=True)
        if len(numbers) >= count:
            return numbers[:count]
        span += count - len(numbers)


def _told(misfits: list[tuple[int, str]], candidate: Candidate) -> pl.DataFrame:
    for line, text in misfits:
        if "\n" in text:
            msg = (
                f"{candidate.name}, data line {line}, opens a quotation mark that is not closed on that line. "
                "Correct the line, or export without quotation marks."
            )
            raise SegmentRefusedError(msg)
    return _ragged(misfits)


def _ragged(misfits: list[tuple[int, str]]) -> pl.DataFrame:
    return pl.DataFrame(misfits, schema={LINE: pl.Int64, "text": pl.String}, orient="row")


def _numbered(frame: pl.DataFrame, numbers: np.ndarray) -> pl.DataFrame:
    return frame.insert_column(0, pl.Series(LINE, numbers, pl.Int64))


def _unreadable(candidate: Candidate, source: ExportSource, error: Exception) -> SegmentRefusedError:
    text = str(error)
    if isinstance(error, UnicodeError) or "UTF8" in text:
        return _wrong_encoding(candidate, source, error)
    if "straddling" in text:
        text = "a quotation mark is not closed, or a line is longer than anything a historian writes"
    return SegmentRefusedError(
        f"{candidate.name} cannot be read: {text}. Export it again, or correct source.separator."
    )


def _wrong_encoding(candidate: Candidate, source: ExportSource, error: Exception) -> SegmentRefusedError:
    msg = (
        f"{candidate.name} is not {source.encoding} text ({error}). "
        "Set source.encoding in the plant file (utf-8, cp1252 or utf-16)."
    )
    return SegmentRefusedError(msg)
