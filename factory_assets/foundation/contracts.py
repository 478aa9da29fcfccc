"""Judging a frame by its pandera contract: a breach becomes a short list that a person can read."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import polars as pl

from factory_assets.foundation.lake import Lake, Partition

if TYPE_CHECKING:
    import pandera.polars as pa

SHOWN = 10
ROWS_TOGETHER = 500_000


@dataclass(frozen=True)
class Breach:
    """Where a table breaks its contract."""

    where: str
    what: str

    def __str__(self) -> str:
        return f"{self.where}: {self.what}"


def breaches_of_many(frames: Iterable[tuple[str, pl.DataFrame]], contract: pa.DataFrameSchema) -> list[Breach]:
    """How named frames of one table break its contract.

    Small frames are judged together: a contract costs tens of milliseconds however few rows it is given, and a
    run may hold hundreds of days.
    """
    found: list[Breach] = []
    together: list[tuple[str, pl.DataFrame]] = []
    for named in frames:
        together.append(named)
        if sum(frame.height for _, frame in together) >= ROWS_TOGETHER:
            found += _judged_together(together, contract)
            together = []
    return found + _judged_together(together, contract)


def breaches_in_lake(
    lake: Lake, table: str, partitions: Sequence[Partition], contract_of: Callable[[str], pa.DataFrameSchema]
) -> list[Breach]:
    """How partitions of a table, as they lie in the lake, break the contract of their fleet."""
    found: list[Breach] = []
    for fleet in dict.fromkeys(str(partition.fleet) for partition in partitions):
        of_fleet = ((str(p), lake.read(table, p)) for p in partitions if p.fleet == fleet)
        found += breaches_of_many(of_fleet, contract_of(fleet))
    return found


def _judged_together(named: list[tuple[str, pl.DataFrame]], contract: pa.DataFrameSchema) -> list[Breach]:
    if not named:
        return []
    where = named[0][0] if len(named) == 1 else f"{named[0][0]} to {named[-1][0]}"
    found = breaches(pl.concat([frame for _, frame in named]), contract, where=where)
    if not found or len(named) == 1:
        return found
    return [breach for name, frame in named for breach in breaches(frame, contract, where=name)] or found


def breaches(frame: pl.DataFrame, contract: pa.DataFrameSchema, *, where: str) -> list[Breach]:
    """How a frame breaks its contract; empty if it keeps it. `where` names the frame, for the report."""
    from pandera.errors import SchemaErrors

    try:
        contract.validate(frame, lazy=True)
    except SchemaErrors as error:
        cases = [
            (case.get("column"), case.get("check"), case.get("failure_case")) for case in error.failure_cases.to_dicts()
        ]
        shown = [Breach(where, f"column {column}: {check} fails for {value}") for column, check, value in cases[:SHOWN]]
        more = len(cases) - len(shown)
        return shown + ([Breach(where, f"and {more} more")] if more else [])
    return []
