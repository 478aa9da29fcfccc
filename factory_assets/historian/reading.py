"""What every kind of source hands on: rows in batches, or rows set aside with a reason."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import polars as pl

from factory_assets.foundation.errors import FactoryError
from factory_assets.historian.schema import EXTRACT

TEXT_COLUMNS = ("unit_id", "channel", "time", "cycle", "value", "quality")

ROWS: dict[str, pl.DataType] = {
    **{name: EXTRACT[name] for name in ("unit_id", "channel", "ts_utc", "cycle", "value", "quality")},
    "fleet": pl.String(),
    "row": pl.Int64(),
}

# `line` holds the whole line as it stands where its cells cannot be told apart.
QUARANTINE: dict[str, pl.DataType] = {
    **dict.fromkeys(TEXT_COLUMNS, pl.String()),
    "line": pl.String(),
    "row": pl.Int64(),
    "reason": pl.String(),
}


class SegmentRefusedError(FactoryError, ValueError):
    """A file that cannot be read as the plant file says; the message names it and how to mend it."""


@dataclass(frozen=True)
class Candidate:
    """A file (or set of files) in the source folder that may be new.

    Attributes:
        name: How people know it, below the source folder.
        stamp: Cheap fingerprint (sizes and modification times); the content is read only when it changes.
        paths: Where it lies; for a file inside a zip, the zip.
        fleets: The fleets that it is known to hold, or None before it was read.
        member: Its name inside the zip, or None for a plain file.
    """

    name: str
    stamp: str
    paths: tuple[Path, ...]
    fleets: tuple[str, ...] | None = None
    member: str | None = None


@dataclass(frozen=True)
class Batch:
    """Some of a candidate's rows, in the order of the file.

    Attributes:
        rows_read: Rows that were found, counted before they were judged.
        rows: As ROWS.
        quarantined: As QUARANTINE: rows that belong nowhere, as text.
    """

    rows_read: int
    rows: pl.DataFrame
    quarantined: pl.DataFrame


@dataclass(frozen=True)
class Parsed:
    """All of a candidate's rows (or the first ones, where a limit was asked for).

    Attributes:
        sha256: Digest of the content.
        rows_read: Rows that were found.
        rows: unit_id, channel, ts_utc, cycle, value, quality, fleet, row; typed as the extract.
        quarantined: The same columns as text, with `reason`, for rows that belong nowhere.
    """

    sha256: str
    rows_read: int
    rows: pl.DataFrame
    quarantined: pl.DataFrame


class Source(Protocol):
    """A kind of historian."""

    def candidates(self) -> list[Candidate]:
        """What lies in the source folder now, in a stable order."""
        ...

    def sha256(self, candidate: Candidate) -> str:
        """Digest of a candidate's content.

        Raises:
            SegmentRefusedError: It cannot be read.
        """
        ...

    def batches(self, candidate: Candidate) -> Iterator[Batch]:
        """A candidate's rows in batches of bounded size; together they do not depend on that size.

        Raises:
            SegmentRefusedError: It is not what the plant file says; maybe after some batches only.
        """
        ...

    def read(self, candidate: Candidate, *, limit: int | None = None) -> Parsed:
        """Read a candidate in one piece, or its first lines: at least `limit` rows where it has so many.

        Raises:
            SegmentRefusedError: It is not what the plant file says.
        """
        ...


def whole(source: Source, candidate: Candidate, limit: int | None) -> Parsed:
    """All batches of a candidate in one piece, or as many as hold `limit` rows."""
    taken: list[Batch] = []
    for batch in source.batches(candidate):
        taken.append(batch)
        if limit is not None and sum(one.rows_read for one in taken) >= limit:
            break
    return Parsed(
        sha256=source.sha256(candidate),
        rows_read=sum(batch.rows_read for batch in taken),
        rows=pl.concat([pl.DataFrame(schema=ROWS), *[batch.rows for batch in taken]]),
        quarantined=pl.concat([pl.DataFrame(schema=QUARANTINE), *[batch.quarantined for batch in taken]]),
    )
