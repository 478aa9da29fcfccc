"""CSV and Parquet exports as a historian source: tall (one row a reading) or wide (one column a channel).

A cell which is no number or no time is set aside as it stands, instead of failing the file or silently becoming null.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import polars as pl

from factory_assets.foundation.plant import Plant
from factory_assets.foundation.sources import ExportSource
from factory_assets.historian import folder as files
from factory_assets.historian.clock import NAIVE, Clock
from factory_assets.historian.lines import BATCH_BYTES, LINE, Lines, Table, table, unique_names
from factory_assets.historian.reading import (
    QUARANTINE,
    ROWS,
    TEXT_COLUMNS,
    Batch,
    Candidate,
    Parsed,
    SegmentRefusedError,
    whole,
)
from factory_assets.historian.schema import GOOD_QUALITY, UTC_TIME
from factory_assets.historian.suspicion import Suspicion

# Names that no column of a wide file has: its channels stand beside them.
CHANNEL, VALUE, TS_UTC, LOCAL, BAD_TIME = "__channel", "__value", "__ts_utc", "__local", "__bad_time"
NOTHING = pl.lit(None, pl.String)


@dataclass(frozen=True)
class ExportFolder:
    """Files below a folder that match the plant file's pattern, plain or inside zips."""

    folder: Path
    source: ExportSource
    plant: Plant
    batch_bytes: int = BATCH_BYTES

    def candidates(self) -> list[Candidate]:
        """One candidate a finished file; see `folder.look`."""
        return files.look(self.folder, self.source.pattern)

    def sha256(self, candidate: Candidate) -> str:
        """Digest of the file's bytes."""
        return files.sha256(candidate)

    def batches(self, candidate: Candidate) -> Iterator[Batch]:
        """Type the cells of one file and find each row's fleet, in batches of about 4 MiB of text."""
        with table(candidate, self.source, batch_bytes=self.batch_bytes) as opened:
            yield from _Reader(candidate, self.source, self.plant, self._unit_of(candidate), opened).batches()

    def read(self, candidate: Candidate, *, limit: int | None = None) -> Parsed:
        """One file in one piece, or its first lines: at least `limit` rows where it has so many."""
        return whole(self, candidate, limit)

    def _unit_of(self, candidate: Candidate) -> str | None:
        if self.source.unit_id is None:
            return None
        parent, stem = files.place(candidate, self.folder)
        return self.source.unit_id.replace("{parent}", parent).replace("{stem}", stem)


@dataclass
class _Reader:
    """Reads one file; keeps what can be told only at its end."""

    candidate: Candidate
    source: ExportSource
    plant: Plant
    unit: str | None
    table: Table
    told_twice: list[pl.DataFrame] = field(default_factory=list)
    fleet_of: dict[str, str | None] = field(default_factory=dict)

    def __post_init__(self) -> None:
        columns = self.source.columns
        named = {
            "unit_id": columns.unit_id, "time": columns.ts_utc, "cycle": columns.cycle,
            "channel": columns.channel, "value": columns.value, "quality": columns.quality,
        }  # fmt: skip
        self.mapped = {key: name for key, name in named.items() if name is not None}
        self._refuse_columns_that_do_not_fit()
        of_keys = set(self.mapped.values())
        self.channels = [name for name in unique_names(self.table.columns) if name not in of_keys]
        self.clock = Clock(self.source.timezone, self.source.time_format)
        self.suspicion = Suspicion(self.candidate.name, self.source)

    @property
    def is_wide(self) -> bool:
        return self.source.layout == "wide"

    def batches(self) -> Iterator[Batch]:
        for lines in self.table.batches:
            yield self._batch(lines)
            self.suspicion.refuse_misfits()
        yield self._told_twice()
        self.suspicion.refuse_at_the_end()

    def _refuse_columns_that_do_not_fit(self) -> None:
        have, name = self.table.columns, self.candidate.name
        missing = [column for column in self.mapped.values() if column not in have]
        if missing:
            separator = " The separator may be another: see source.separator." if len(have) == 1 else ""
            msg = (
                f"{name} has no column {', '.join(missing)}; its columns are {', '.join(have)}. "
                f"Correct source.columns in the plant file.{separator}"
            )
            raise SegmentRefusedError(msg)
        wanted = {column for column in have if column} if self.is_wide else set(self.mapped.values())
        repeated = sorted(column for column in wanted if have.count(column) > 1)
        if repeated:
            msg = f"{name} has more than one column {', '.join(repeated)}: export each quantity under a name of its own"
            raise SegmentRefusedError(msg)

    def _batch(self, lines: Lines) -> Batch:
        frame = lines.frame
        is_header = self._is_header(frame)
        headers, data = frame.filter(is_header), frame.filter(~is_header)
        rows_read = self._rows_in(data) + headers.height + lines.ragged.height
        self.suspicion.lines(frame.height, lines.ragged)
        timed = self._timed(self._keyed(data))
        is_told_twice = pl.col(LOCAL).is_not_null()
        self.told_twice.append(timed.filter(is_told_twice))
        found = self._judged(timed.filter(~is_told_twice))
        quarantined = [found.quarantined, self._set_aside(headers), _ragged(lines.ragged)]
        ordered = pl.concat(quarantined).sort("row", maintain_order=True)
        return Batch(rows_read, found.rows, ordered)

    def _rows_in(self, data: pl.DataFrame) -> int:
        """Rows that the lines hold, counted apart from what becomes of them."""
        if not self.is_wide:
            return data.height
        return sum(int((~_is_empty(data.get_column(name))).sum()) for name in self.channels)

    def _is_header(self, frame: pl.DataFrame) -> pl.Series:
        """Lines that repeat the header: exports that were put together."""
        is_header = pl.ones(frame.height, dtype=pl.Boolean, eager=True)
        for name in self.mapped.values():
            if frame.schema[name] != pl.String or not is_header.any():
                return pl.zeros(frame.height, dtype=pl.Boolean, eager=True)
            cells = frame.get_column(name)
            is_header &= (cells.str.strip_chars("\ufeff \t") == name).fill_null(value=False)
        return is_header

    def _keyed(self, data: pl.DataFrame) -> pl.DataFrame:
        """The lines' keys by our names; a wide file's channels beside them."""
        given = {key: pl.col(name) for key, name in self.mapped.items()}
        if self.unit is not None:
            given["unit_id"] = pl.lit(self.unit)
        named = {
            key: given.get(key, NOTHING) for key in TEXT_COLUMNS if not (self.is_wide and key in ("channel", "value"))
        }
        renamed = {f"__key_{key}": expression for key, expression in named.items()}
        unit = pl.col("__key_unit_id").cast(pl.String).str.strip_chars()
        keyed = data.select(LINE, **renamed).with_columns(unit)
        return keyed.hstack(data.select(self.channels)) if self.is_wide else keyed

    def _timed(self, keyed: pl.DataFrame) -> pl.DataFrame:
        if self.source.columns.ts_utc is None:
            return keyed.with_columns(
                pl.lit(None, UTC_TIME).alias(TS_UTC), pl.lit(None, NAIVE).alias(LOCAL), NOTHING.alias(BAD_TIME)
            )
        told = self.clock.told(keyed.get_column("__key_time")).rename({"ts_utc": TS_UTC, "local": LOCAL})
        is_impossible = pl.col(TS_UTC).is_null() & pl.col(LOCAL).is_null()
        reason = pl.when(is_impossible).then(pl.lit("impossible_time")).alias(BAD_TIME)
        return keyed.hstack(told.with_columns(reason))

    def _told_twice(self) -> Batch:
        """The rows of hours that the clock tells twice, once all passes are known; they were counted before."""
        held = pl.concat(self.told_twice) if self.told_twice else None
        if held is None or held.is_empty():
            return Batch(0, pl.DataFrame(schema=ROWS), pl.DataFrame(schema=QUARANTINE))
        series = ["__key_unit_id"] if self.is_wide else ["__key_unit_id", "__key_channel"]
        told = held.select(*series, ts_utc=TS_UTC, local=LOCAL)
        resolved = held.with_columns(self.clock.told_twice(told, series).get_column("ts_utc").alias(TS_UTC))
        ambiguous = pl.when(pl.col(TS_UTC).is_null()).then(pl.lit("ambiguous_time")).alias(BAD_TIME)
        found = self._judged(resolved.with_columns(ambiguous))
        return Batch(0, found.rows, found.quarantined)

    def _judged(self, timed: pl.DataFrame) -> Batch:
        typed = self._tall(timed).with_columns(fleet=self._fleet(timed), number=self._number(), code=self._quality())
        typed = typed.with_columns(cycle_number=_stripped("__key_cycle", typed).cast(pl.Int64, strict=False))
        needs_cycle = pl.lit(self.source.columns.ts_utc is None)
        reason = (
            pl.when(pl.col("fleet").is_null()).then(pl.lit("unknown_unit"))
            .when(pl.col(BAD_TIME).is_not_null()).then(BAD_TIME)
            .when(needs_cycle & pl.col("cycle_number").is_null()).then(pl.lit("impossible_cycle"))
            .when(pl.col("number").is_null()).then(pl.lit("not_a_number"))
        )  # fmt: skip
        judged = typed.with_columns(reason=reason)
        rows = judged.filter(pl.col("reason").is_null()).select(
            unit_id="__key_unit_id", channel=CHANNEL, ts_utc=TS_UTC, cycle="cycle_number", value="number",
            quality="code", fleet="fleet", row=LINE,
        )  # fmt: skip
        quarantined = judged.filter(pl.col("reason").is_not_null()).select(
            pl.col("__key_unit_id").alias("unit_id"),
            pl.col(CHANNEL).alias("channel"),
            *[pl.col(f"__key_{key}").cast(pl.String).alias(key) for key in ("time", "cycle")],
            pl.col(VALUE).cast(pl.String).alias("value"),
            pl.col("__key_quality").cast(pl.String).alias("quality"),
            NOTHING.alias("line"),
            pl.col(LINE).alias("row"),
            "reason",
        )
        self.suspicion.rows(rows, quarantined)
        return Batch(0, rows, quarantined)

    def _tall(self, timed: pl.DataFrame) -> pl.DataFrame:
        """One row a reading, in the order of lines and, within a line, of columns; empty cells are no readings."""
        if not self.is_wide:
            channel = _stripped("__key_channel", timed)
            return timed.rename({"__key_value": VALUE}).with_columns(channel.alias(CHANNEL)).drop("__key_channel")
        keys = [name for name in timed.columns if name not in self.channels]
        if not self.channels:
            return timed.head(0).with_columns(NOTHING.alias(CHANNEL), NOTHING.alias(VALUE))
        if not all(timed.schema[name].is_numeric() for name in self.channels):
            timed = timed.with_columns(pl.col(self.channels).cast(pl.String))
        tall = timed.unpivot(on=self.channels, index=keys, variable_name=CHANNEL, value_name=VALUE)
        return tall.filter(~_is_empty(tall.get_column(VALUE))).sort(LINE, maintain_order=True)

    def _fleet(self, timed: pl.DataFrame) -> pl.Expr:
        for unit in timed.get_column("__key_unit_id").drop_nulls().unique():
            if unit not in self.fleet_of:
                found = (fleet.name for fleet in self.plant.fleets if fleet.has_unit(unit))
                self.fleet_of[unit] = next(found, None)
        return pl.col("__key_unit_id").replace_strict(self.fleet_of, default=None, return_dtype=pl.String)

    def _number(self) -> pl.Expr:
        text = pl.col(VALUE).cast(pl.String).str.strip_chars()
        if not self.source.decimal_comma:
            return text.cast(pl.Float64, strict=False)
        # A point may group thousands or part decimals: nobody can tell, so such a cell is no number.
        with_point = text.str.replace(",", ".", literal=True).cast(pl.Float64, strict=False)
        return pl.when(~text.str.contains(".", literal=True)).then(with_point)

    def _quality(self) -> pl.Expr:
        """The quality code; the plant's own good codes become the OPC good code, one that is no number is bad."""
        if self.source.columns.quality is None:
            return pl.lit(GOOD_QUALITY, pl.Int32)
        code = pl.col("__key_quality").cast(pl.String).str.strip_chars().cast(pl.Int32, strict=False).fill_null(0)
        return pl.when(code.is_in(list(self.source.good_quality))).then(GOOD_QUALITY).otherwise(code).cast(pl.Int32)

    def _set_aside(self, headers: pl.DataFrame) -> pl.DataFrame:
        cells = {
            key: pl.col(self.mapped[key]).cast(pl.String) if key in self.mapped else NOTHING for key in TEXT_COLUMNS
        }
        return headers.select(**cells, line=NOTHING, row=LINE, reason=pl.lit("repeated_header"))


def _ragged(lines: pl.DataFrame) -> pl.DataFrame:
    nothing = dict.fromkeys(TEXT_COLUMNS, NOTHING)
    return lines.select(**nothing, line="text", row=LINE, reason=pl.lit("ragged_line"))


def _is_empty(cells: pl.Series) -> pl.Series:
    if cells.dtype != pl.String:
        return cells.is_null()
    return (cells.str.strip_chars() == "").fill_null(value=True)


def _stripped(name: str, frame: pl.DataFrame) -> pl.Expr:
    cell = pl.col(name)
    return cell.str.strip_chars() if frame.schema[name] == pl.String else cell.cast(pl.String)
