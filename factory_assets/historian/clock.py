"""Times of an export as UTC: those that name their offset by it, the others by the plant file's time zone.

The hour that a clock change tells twice is told apart by the order in the file: where the local time of a series
steps back, its second pass begins.
"""

from __future__ import annotations

from dataclasses import dataclass

import polars as pl

from factory_assets.historian.schema import UTC_TIME

OFFSET = r"(:\d{2}(?:\.\d+)?)(?:Z|z|[+-]\d{2}(?::?\d{2})?)$"
NAIVE = pl.Datetime("us")
FORMATS = ("%Y-%m-%dT%H:%M:%S%.f", "%Y-%m-%dT%H:%M", "%Y-%m-%d")
OFFSET_FORMATS = ("%Y-%m-%dT%H:%M:%S%.f%:z", "%Y-%m-%dT%H:%M%:z")
TIMES = {"ts_utc": UTC_TIME, "local": NAIVE}


@dataclass(frozen=True)
class Clock:
    """How a source tells time.

    Attributes:
        zone: IANA name of the zone of times that name no offset.
        time_format: The source's own format (strptime), or None for ISO 8601.
    """

    zone: str
    time_format: str | None = None

    def told(self, cells: pl.Series) -> pl.DataFrame:
        """Cells as `ts_utc` and `local`, row by row.

        `local` is set, and `ts_utc` null, only for a local time that the clock tells twice; both are null for a cell
        that is no time, or an hour that the clock skips.
        """
        if cells.dtype == pl.String or not cells.dtype.is_temporal():
            texts = cells.cast(pl.String).alias("cell")
            each = texts.unique().to_frame()
            known = each.with_columns(self._of_text(each.get_column("cell")))
            return (
                texts.to_frame()
                .join(known, on="cell", how="left", maintain_order="left", nulls_equal=True)
                .drop("cell")
            )
        if isinstance(cells.dtype, pl.Datetime) and cells.dtype.time_zone is not None:
            return pl.DataFrame({"ts_utc": cells.cast(UTC_TIME)}).with_columns(local=pl.lit(None, NAIVE))
        return pl.DataFrame(self._of_local(cells.cast(NAIVE, strict=False)))

    def _of_text(self, cells: pl.Series) -> list[pl.Series]:
        cell = pl.col("cell").str.strip_chars()
        frame = cells.to_frame("cell")
        if self.time_format:
            own = frame.select(t=cell.str.to_datetime(self.time_format, time_unit="us", strict=False)).to_series()
            if isinstance(own.dtype, pl.Datetime) and own.dtype.time_zone is not None:
                return [own.cast(UTC_TIME).alias("ts_utc"), pl.Series("local", [None] * own.len(), NAIVE)]
            return self._of_local(own.cast(NAIVE))
        iso = cell.str.replace_all("/", "-").str.replace(r"[T\s]\s*", "T").str.replace_all(r"\s+", "")
        iso = iso.str.replace(r"(:\d{2}),(\d+)", "$1.$2")
        frame = frame.select(cell=iso)
        has_offset = frame.select(pl.col("cell").str.contains(OFFSET).fill_null(value=False)).to_series()
        with_offset = _with_offset(frame.get_column("cell").zip_with(has_offset, pl.Series([None], dtype=pl.String)))
        plain = frame.get_column("cell").zip_with(~has_offset, pl.Series([None], dtype=pl.String))
        from_local, local = self._of_local(_first_that_fits(plain, FORMATS, NAIVE))
        return [with_offset.zip_with(has_offset, from_local).alias("ts_utc"), local]

    def _of_local(self, naive: pl.Series) -> list[pl.Series]:
        frame = naive.to_frame("local")
        if self.zone == "UTC":
            ts_utc = frame.select(ts_utc=pl.col("local").dt.replace_time_zone("UTC").cast(UTC_TIME)).to_series()
            return [ts_utc, pl.Series("local", [None] * naive.len(), NAIVE)]
        certain = self._in_zone(frame, "null")
        if certain.null_count() == naive.null_count():
            return [certain, pl.Series("local", [None] * naive.len(), NAIVE)]
        is_told_twice = certain.is_null() & self._in_zone(frame, "earliest").is_not_null()
        return [certain, naive.zip_with(is_told_twice, pl.Series([None], dtype=NAIVE)).alias("local")]

    def _in_zone(self, frame: pl.DataFrame, ambiguous: pl._typing.Ambiguous) -> pl.Series:
        zoned = pl.col("local").dt.replace_time_zone(self.zone, ambiguous=ambiguous, non_existent="null")
        return frame.select(ts_utc=zoned.dt.convert_time_zone("UTC").cast(UTC_TIME)).to_series()

    def told_twice(self, told: pl.DataFrame, series: list[str]) -> pl.DataFrame:
        """Fill `ts_utc` of local times that the clock tells twice, where the order of lines says which pass it is.

        Within a night and a series, the local time must step back exactly once (or be told exactly twice); what comes
        before is daylight-saving time, what comes from there on standard time. Elsewhere `ts_utc` stays null.

        Args:
            told: `local`, the columns of `series`, in the order of the file.
            series: What tells series of readings apart (unit, and channel in tall files).
        """
        night = [*series, "__night"]
        step = pl.col("local").diff()
        frame = (
            told.with_columns(__night=pl.col("local").dt.date())
            .with_columns(__back=(step < pl.duration()).over(night), __same=(step == pl.duration()).over(night))
            .with_columns(pl.col("__back", "__same").fill_null(value=False))
            .with_columns(
                __backs=pl.col("__back").sum().over(night),
                __is_pair=(pl.len() == 2).over(night) & (pl.col("__same").sum() == 1).over(night),
            )
        )
        begins = pl.when(pl.col("__backs") == 1).then("__back").when(pl.col("__is_pair")).then("__same")
        frame = frame.with_columns(__second=begins.cast(pl.Int32).cum_sum().over(night))
        first, second = self._in_zone(frame, "earliest"), self._in_zone(frame, "latest")
        passes = frame.with_columns(first.alias("__first"), second.alias("__last")).with_columns(
            ts_utc=pl.when(pl.col("__second") == 0).then("__first").when(pl.col("__second") == 1).then("__last")
        )
        return passes.select(told.columns)


def _with_offset(cells: pl.Series) -> pl.Series:
    minutes = cells.str.replace("[Zz]$", "+00:00").str.replace(r"([+-]\d{2})$", "$1:00")
    # An offset of hours alone gets minutes; one without a colon gets the colon.
    normal = minutes.str.replace(r"([+-]\d{2})(\d{2})$", "$1:$2")
    return _first_that_fits(normal, OFFSET_FORMATS, UTC_TIME)


def _first_that_fits(cells: pl.Series, formats: tuple[str, ...], dtype: pl.DataType) -> pl.Series:
    """Each cell by the first format that fits it, whatever the others are: a format is never guessed from a file."""
    found = pl.Series([None] * cells.len(), dtype=dtype)
    for text in formats:
        left = found.is_null() & cells.is_not_null()
        if not left.any():
            break
        tried = cells.filter(left).str.to_datetime(text, time_unit="us", strict=False).cast(dtype)
        places = left.arg_true()
        found = found.scatter(places, tried)
    return found
