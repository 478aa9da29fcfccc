"""What every kind of source hands on: tall rows, or rows set aside with a reason."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import polars as pl

from factory_assets.foundation.errors import FactoryError


class SegmentRefusedError(FactoryError, ValueError):
    """A file that cannot be read as the plant file says; the message names it and how to mend it."""


@dataclass(frozen=True)
class Candidate:
    """A file (or set of files) in the source folder that may be new.

    Attributes:
        name: How people know it, below the source folder.
        stamp: Cheap fingerprint (sizes and modification times); the content is read only when it changes.
        fleets: The fleets that it is known to hold, or None before it was read.
    """

    name: str
    stamp: str
    paths: tuple[Path, ...]
    fleets: tuple[str, ...] | None = None


@dataclass(frozen=True)
class Parsed:
    """A candidate's rows.

    Attributes:
        sha256: Digest of the content.
        rows: unit_id, channel, ts_utc, cycle, value, quality, fleet; typed as the extract.
        quarantined: The same columns as text, with `reason`, for rows that belong nowhere.
    """

    sha256: str
    rows: pl.DataFrame
    quarantined: pl.DataFrame


class Source(Protocol):
    """A kind of historian."""

    def candidates(self) -> list[Candidate]:
        """What lies in the source folder now, in a stable order."""
        ...

    def read(self, candidate: Candidate) -> Parsed:
        """Read a candidate.

        Raises:
            SegmentRefusedError: It is not what the plant file says.
        """
        ...
