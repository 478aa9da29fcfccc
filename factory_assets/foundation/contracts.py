"""Judging a frame by its pandera contract: a breach becomes a short list that a person can read."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import pandera.errors
import polars as pl

if TYPE_CHECKING:
    import pandera.polars as pa

SHOWN = 10


@dataclass(frozen=True)
class Breach:
    """Where a table breaks its contract."""

    where: str
    what: str

    def __str__(self) -> str:
        return f"{self.where}: {self.what}"


def breaches(frame: pl.DataFrame, contract: pa.DataFrameSchema, *, where: str) -> list[Breach]:
    """How a frame breaks its contract; empty if it keeps it. `where` names the frame, for the report."""
    try:
        contract.validate(frame, lazy=True)
    except pandera.errors.SchemaErrors as error:
        cases = [(case.get("column"), case.get("check"), case.get("failure_case")) for case in error.failure_cases.to_dicts()]
        shown = [Breach(where, f"column {column}: {check} fails for {value}") for column, check, value in cases[:SHOWN]]
        more = len(cases) - len(shown)
        return shown + ([Breach(where, f"and {more} more")] if more else [])
    return []
