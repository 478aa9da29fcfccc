"""What only shows over a whole file: that it is read in the wrong way, or tells two units under one name."""

from __future__ import annotations

from dataclasses import dataclass, field

import polars as pl

from factory_assets.foundation.sources import ExportSource
from factory_assets.historian.lines import LINE
from factory_assets.historian.reading import SegmentRefusedError

COMMA_NUMBER = r"^\s*[+-]?\d+,\d+([eE][+-]?\d+)?\s*$"
POINT_NUMBER = r"^\s*[+-]?\d+\.\d+([eE][+-]?\d+)?\s*$"
LINES_TO_JUDGE = 20


@dataclass
class Suspicion:
    """Counts over the batches of one file; refuses it where most of it makes no sense as the plant file says."""

    name: str
    source: ExportSource
    fitting: int = 0
    misfits: int = 0
    first_misfit: str = ""
    values: int = 0
    other_decimals: int = 0
    first_other_decimal: str = ""
    times: int = 0
    bad_times: int = 0
    first_bad_time: str = ""
    units: _Units = field(init=False)

    def __post_init__(self) -> None:
        self.units = _Units(self.name)

    def lines(self, fitting: int, ragged: pl.DataFrame) -> None:
        """Note how many lines of a batch fit the header."""
        self.fitting += fitting
        if ragged.height:
            line, text = ragged.select(LINE, "text").row(0)
            self.first_misfit = self.first_misfit or f"data line {line}: {text.strip()[:120]}"
        self.misfits += ragged.height

    def refuse_misfits(self) -> None:
        """Refuse a file as soon as many lines, and more than half, do not fit its header."""
        if self.misfits > max(self.fitting, LINES_TO_JUDGE):
            self._refuse_ragged()

    def rows(self, rows: pl.DataFrame, quarantined: pl.DataFrame) -> None:
        """Note the rows of a batch, good and bad."""
        failed = quarantined.filter(pl.col("reason") == "not_a_number")
        other = POINT_NUMBER if self.source.decimal_comma else COMMA_NUMBER
        decimals = failed.filter(pl.col("value").str.contains(other))
        self.values += rows.height + failed.height
        self.other_decimals += decimals.height
        self.first_other_decimal = self.first_other_decimal or _first(decimals, "value")
        bad_times = quarantined.filter(pl.col("reason") == "impossible_time")
        self.times += rows.height + failed.height + bad_times.height
        self.bad_times += bad_times.height
        self.first_bad_time = self.first_bad_time or _first(bad_times, "time")
        if self.source.columns.ts_utc is None:
            self.units.look(rows)

    def refuse_at_the_end(self) -> None:
        """Refuse a file of which most, or in the case of times all, could not be read.

        Raises:
            SegmentRefusedError: With the setting of the plant file that mends it.
        """
        if self.misfits > self.fitting:
            self._refuse_ragged()
        if self.other_decimals > self.values / 2:
            says = "points" if self.source.decimal_comma else "commas"
            mend = (
                "Leave source.decimal_comma out of"
                if self.source.decimal_comma
                else "Set source.decimal_comma: true in"
            )
            msg = (
                f"{self.name}: {self.other_decimals:,} of {self.values:,} values are written with decimal {says}, "
                f"for instance {self.first_other_decimal}. {mend} the plant file."
            )
            raise SegmentRefusedError(msg)
        if self.bad_times >= LINES_TO_JUDGE and self.bad_times == self.times:
            msg = (
                f"{self.name}: not one of {self.times:,} times could be read, for instance {self.first_bad_time!r}. "
                "Set source.time_format in the plant file (for instance '%d.%m.%Y %H:%M:%S')."
            )
            raise SegmentRefusedError(msg)

    def _refuse_ragged(self) -> None:
        msg = (
            f"{self.name}: {self.misfits:,} of {self.misfits + self.fitting:,} lines have more or fewer cells than the "
            f"header, the first at {self.first_misfit}. Correct source.separator or source.skip_lines in the plant "
            "file; where commas are decimal, export with another separator."
        )
        raise SegmentRefusedError(msg)


def _first(frame: pl.DataFrame, column: str) -> str:
    return f"{frame.item(0, column)} (data line {frame.item(0, 'row')})" if frame.height else ""


@dataclass
class _Units:
    """Finds units that begin again in files that tell cycles without time: their cycles would be mixed up."""

    name: str
    first: pl.DataFrame | None = None

    def look(self, rows: pl.DataFrame) -> None:
        """Look through a batch.

        Raises:
            SegmentRefusedError: The first cycle of a unit is told again, with another value, after later ones.
        """
        series = ["unit_id", "channel"]
        here = rows.group_by(series, maintain_order=True).agg(
            first_cycle=pl.col("cycle").first(), first_value=pl.col("value").first(), first_row=pl.col("row").first(),
            later_row=pl.col("row").filter(pl.col("cycle") > pl.col("cycle").first()).first(),
        )  # fmt: skip
        known = here if self.first is None else _merged(self.first, here, rows)
        again = (
            rows.join(known, on=series, maintain_order="left")
            .filter(
                pl.col("cycle") == pl.col("first_cycle"),
                pl.col("row") > pl.col("later_row"),
                pl.col("value").ne_missing(pl.col("first_value")),
            )
            .head(1)
        )
        self.first = known
        if again.height:
            found = again.row(0, named=True)
            msg = (
                f"{self.name}: unit {found['unit_id']} begins again at data line {found['row']} with cycle "
                f"{found['cycle']}, which data line {found['first_row']} told otherwise. Two units share one name, or "
                "two exports were put together: give each unit a name of its own, or split the file there and let "
                "source.unit_id take the unit from the file's name."
            )
            raise SegmentRefusedError(msg)


def _merged(before: pl.DataFrame, here: pl.DataFrame, rows: pl.DataFrame) -> pl.DataFrame:
    series = ["unit_id", "channel"]
    later = (
        rows.join(before.select(*series, "first_cycle"), on=series, maintain_order="left")
        .filter(pl.col("cycle") > pl.col("first_cycle"))
        .group_by(series)
        .agg(pl.col("row").first().alias("later_here"))
    )
    old = before.join(later, on=series, how="left").with_columns(later_row=pl.coalesce("later_row", "later_here"))
    return pl.concat([old.select(before.columns), here.join(before, on=series, how="anti").select(before.columns)])
