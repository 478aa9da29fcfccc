"""CSV and Parquet exports as a historian source: tall (one row a reading) or wide (one column a channel).

Everything is read as text first, so that a cell which is no number or no time can be set aside as it stands
instead of failing the file or silently becoming null.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import polars as pl
from polars.exceptions import PolarsError

from factory_assets.foundation.lake import sha256_file
from factory_assets.foundation.plant import ExportSource, Plant
from factory_assets.historian.reading import Candidate, Parsed, SegmentRefusedError
from factory_assets.historian.schema import GOOD_QUALITY, UTC_TIME

UNFINISHED_SUFFIXES = (".tmp", ".partial", ".part", ".crdownload")
HAS_OFFSET = r":\d{2}(\.\d+)?\s*(Z|[+-]\d{2}:?\d{2})$"
TEXT_COLUMNS = ("unit_id", "channel", "time", "cycle", "value", "quality")


@dataclass(frozen=True)
class ExportFolder:
    """Files below a folder that match the plant file's pattern."""

    folder: Path
    source: ExportSource
    plant: Plant

    def candidates(self) -> list[Candidate]:
        """One candidate a finished file; names that start with a dot or end with .tmp, .part are left alone."""
        found = []
        for path in sorted(self.folder.glob(self.source.pattern)):
            if path.name.startswith(".") or path.suffix in UNFINISHED_SUFFIXES or not path.is_file():
                continue
            stat = path.stat()
            name = path.relative_to(self.folder).as_posix()
            found.append(Candidate(name=name, stamp=f"{stat.st_size}:{stat.st_mtime_ns}", paths=(path,)))
        return found

    def read(self, candidate: Candidate) -> Parsed:
        """Read one file, type its cells, and find each row's fleet and day."""
        path = candidate.paths[0]
        text = self._tall(self._as_text(path), path)
        typed = text.with_columns(
            ts_utc=self._time(text),
            cycle_number=pl.col("cycle").str.strip_chars().cast(pl.Int64, strict=False),
            number=pl.col("value").str.strip_chars().cast(pl.Float64, strict=False),
            quality_code=self._quality(),
            fleet=self._fleet(text),
        )
        needs_time = self.source.columns.ts_utc is not None
        reason = (
            pl.when(pl.col("fleet").is_null()).then(pl.lit("unknown_unit"))
            .when(pl.lit(needs_time) & pl.col("ts_utc").is_null()).then(pl.lit("impossible_time"))
            .when(pl.lit(not needs_time) & pl.col("cycle_number").is_null()).then(pl.lit("impossible_cycle"))
            .when(pl.col("number").is_null()).then(pl.lit("not_a_number"))
        )  # fmt: skip
        judged = typed.with_columns(reason=reason)
        rows = judged.filter(pl.col("reason").is_null()).select(
            "unit_id", "channel", "ts_utc", "fleet",
            cycle="cycle_number", value="number", quality="quality_code",
        )  # fmt: skip
        quarantined = judged.filter(pl.col("reason").is_not_null()).select(*TEXT_COLUMNS, "reason")
        return Parsed(sha256=sha256_file(path), rows=rows, quarantined=quarantined)

    def _as_text(self, path: Path) -> pl.DataFrame:
        try:
            if path.suffix == ".parquet":
                frame = pl.read_parquet(path, glob=False)
                return frame.with_columns(pl.all().cast(pl.String))
            return pl.read_csv(path, separator=self.source.separator, infer_schema=False, glob=False)
        except (PolarsError, OSError) as error:
            msg = f"{path.name} cannot be read: {error}. Export it again, or correct source.separator."
            raise SegmentRefusedError(msg) from error

    def _tall(self, frame: pl.DataFrame, path: Path) -> pl.DataFrame:
        """The columns of TEXT_COLUMNS, one row a reading, whatever the layout."""
        columns = self.source.columns
        mapped = {
            "unit_id": columns.unit_id, "time": columns.ts_utc, "cycle": columns.cycle,
            "channel": columns.channel, "value": columns.value, "quality": columns.quality,
        }  # fmt: skip
        missing = [name for name in mapped.values() if name is not None and name not in frame.columns]
        if missing:
            msg = (
                f"{path.name} has no column {', '.join(missing)}; its columns are {', '.join(frame.columns)}. "
                "Correct source.columns in the plant file."
            )
            raise SegmentRefusedError(msg)
        if self.source.layout == "wide":
            keys = [name for name in mapped.values() if name is not None]
            frame = frame.unpivot(index=keys, variable_name="__channel", value_name="__value")
            frame = frame.filter(pl.col("__value").is_not_null() & (pl.col("__value") != ""))
            mapped |= {"channel": "__channel", "value": "__value"}
        nothing = pl.lit(None, pl.String)
        return frame.select(**{name: pl.col(source) if source else nothing for name, source in mapped.items()}).select(
            TEXT_COLUMNS
        )

    def _time(self, text: pl.DataFrame) -> pl.Expr:
        """Times in UTC: those that name their offset by it, the others by the plant file's time zone."""
        cell = pl.col("time").str.strip_chars()
        if self.source.time_format:
            local = cell.str.to_datetime(self.source.time_format, time_unit="us", strict=False)
            if isinstance(text.select(local.alias("t")).schema["t"], pl.Datetime) and "%z" in self.source.time_format:
                return local.dt.convert_time_zone("UTC")
            return self._from_local(local)
        plain = pl.when(~cell.str.contains(HAS_OFFSET)).then(cell)
        offset = pl.when(cell.str.contains(HAS_OFFSET)).then(cell.str.replace("Z$", "+00:00"))
        normal = offset.str.replace(" ", "T").str.replace(r"(\d{2})(\d{2})$", "$1:$2")
        has_plain = text.select(plain.is_not_null().any()).item()
        with_offset = normal.str.to_datetime("%Y-%m-%dT%H:%M:%S%.f%:z", time_unit="us", strict=False)
        if not has_plain:
            return with_offset.cast(UTC_TIME)
        without = self._from_local(plain.str.to_datetime(time_unit="us", strict=False))
        return pl.coalesce(with_offset.cast(UTC_TIME), without)

    def _from_local(self, naive: pl.Expr) -> pl.Expr:
        """An hour that a clock change tells twice, or skips, is no certain time: null."""
        zoned = naive.dt.replace_time_zone(self.source.timezone, ambiguous="null", non_existent="null")
        return zoned.dt.convert_time_zone("UTC").cast(UTC_TIME)

    def _quality(self) -> pl.Expr:
        """The quality code; the plant's own good codes become the OPC good code, a missing one counts as good."""
        if self.source.columns.quality is None:
            return pl.lit(GOOD_QUALITY, pl.Int32)
        code = pl.col("quality").str.strip_chars().cast(pl.Int32, strict=False).fill_null(0)
        return pl.when(code.is_in(list(self.source.good_quality))).then(GOOD_QUALITY).otherwise(code).cast(pl.Int32)

    def _fleet(self, text: pl.DataFrame) -> pl.Expr:
        units = text.get_column("unit_id").drop_nulls().unique().to_list()
        fleet_of = {unit: fleet.name for unit in units for fleet in self.plant.fleets if fleet.has_unit(unit)}
        return pl.col("unit_id").replace_strict(fleet_of, default=None, return_dtype=pl.String)
