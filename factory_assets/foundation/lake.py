"""The lake: every table a Parquet dataset, one file a partition, written whole.

The only module that knows where a table's files lie. Engines (Polars, DuckDB) read over it.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterable, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import polars as pl

from factory_assets.foundation.errors import FactoryError

if TYPE_CHECKING:
    from collections.abc import Iterator


class PartitionMissingError(FactoryError, FileNotFoundError):
    """A table's partition that was asked for and has not been made."""


@dataclass(frozen=True)
class Partition:
    """A part of a table: a fleet (or inspected product), a day (of a fleet, or of the plant), or the whole table."""

    fleet: str | None = None
    day: str | None = None

    @property
    def file(self) -> Path:
        """The partition's file below its table's folder."""
        if self.fleet is None:
            return Path(f"{self.day or 'all'}.parquet")
        return Path(self.fleet, f"{self.day or 'all'}.parquet")

    def __str__(self) -> str:
        return "/".join(part for part in (self.fleet, self.day) if part) or "all"


@dataclass(frozen=True)
class Written:
    """What a write left behind."""

    path: Path
    rows: int
    sha256: str


@contextmanager
def replacing(path: Path) -> Iterator[Path]:
    """Hand out a temporary path that becomes `path` by rename when the block ends well, and vanishes otherwise."""
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    try:
        yield temporary
        temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)


def sha256_file(path: Path) -> str:
    """Hex digest of a file's bytes."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def combined_digest(digests: Iterable[str]) -> str:
    """One digest for many, in the order given: the data version of a run over several partitions."""
    return hashlib.sha256("\n".join(digests).encode()).hexdigest()


@dataclass(frozen=True)
class Lake:
    """Tables in one folder: `<table>/<fleet>/<day>.parquet`, `<table>/<fleet>/all.parquet`, `<table>/all.parquet`.

    Tables of the plant as a whole that have days are `<table>/<day>.parquet`.
    """

    root: Path

    def path(self, table: str, partition: Partition = Partition()) -> Path:
        """Where a partition's file is, whether or not it exists."""
        return self.root / table / partition.file

    def has(self, table: str, partition: Partition = Partition()) -> bool:
        """Whether a partition has been written."""
        return self.path(table, partition).is_file()

    def write(self, table: str, frame: pl.DataFrame, partition: Partition = Partition()) -> Written:
        """Write a partition whole; readers see the old file or the new one, never half of it."""
        path = self.path(table, partition)
        with replacing(path) as temporary:
            frame.write_parquet(temporary, compression="zstd", statistics=True)
        return Written(path=path, rows=frame.height, sha256=sha256_file(path))

    def read(
        self,
        table: str,
        partition: Partition = Partition(),
        columns: Sequence[str] | None = None,
        where: pl.Expr | None = None,
    ) -> pl.DataFrame:
        """Read one partition, all columns or some, all rows or those for which `where` holds.

        Raises:
            PartitionMissingError: It has not been made.
        """
        path = self.path(table, partition)
        if not path.is_file():
            msg = f"{table} has no partition {partition} yet: materialise {table} for it first ({path})"
            raise PartitionMissingError(msg)
        if where is None:
            return pl.read_parquet(path, glob=False, columns=None if columns is None else list(columns))
        return pl.scan_parquet(path, glob=False).filter(where).select(columns or pl.all()).collect()

    def partitions(self, table: str, fleet: str) -> list[Partition]:
        """All partitions of a fleet that exist, in order of day."""
        days = sorted(path.stem for path in (self.root / table / fleet).glob("[!.]*.parquet"))
        return [Partition(fleet, None if day == "all" else day) for day in days]

    def days(self, table: str) -> list[str]:
        """All days of a table of the plant as a whole that exist, in order."""
        return sorted(path.stem for path in (self.root / table).glob("[!.]*.parquet") if path.stem != "all")

    def newest_day(self, table: str, until: str) -> str | None:
        """The newest day of such a table up to one, that one included; None if there is none."""
        return max((day for day in self.days(table) if day <= until), default=None)

    def read_fleet(self, table: str, fleet: str) -> pl.DataFrame:
        """Read all partitions of a fleet, in order of day.

        Raises:
            PartitionMissingError: There is none.
        """
        partitions = self.partitions(table, fleet)
        if not partitions:
            msg = f"{table} has nothing of fleet {fleet} yet: materialise {table} first"
            raise PartitionMissingError(msg)
        return pl.concat([self.read(table, partition) for partition in partitions])
