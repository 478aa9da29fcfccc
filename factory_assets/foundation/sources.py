"""Where a plant's readings come from, in the plant file."""

from __future__ import annotations

from typing import Literal
from zoneinfo import available_timezones

from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class CmapssSource(_Strict):
    """NASA C-MAPSS archives: `train_*.txt`, `test_*.txt` and `RUL_*.txt`, plain or inside a zip in `folder`."""

    kind: Literal["cmapss"]
    folder: str


class Columns(_Strict):
    """Which column of an export holds what. A tall export names `channel` and `value`; a wide one neither."""

    unit_id: str | None = None
    ts_utc: str | None = None
    cycle: str | None = None
    channel: str | None = None
    value: str | None = None
    quality: str | None = None


class ExportSource(_Strict):
    """CSV or Parquet files that a historian exports into `folder`; dropping a file there starts a run.

    A zip file in the folder is looked into as if it were a folder (`archive.zip/valve1/0.csv`). Where no column names
    the unit, `unit_id` does, once for all files (`pump-1`) or from a file's path (`{parent}`, `{stem}`).
    """

    kind: Literal["export"]
    folder: str
    pattern: str = "**/*.csv"
    layout: Literal["tall", "wide"]
    columns: Columns
    unit_id: str | None = None
    timezone: str = "UTC"
    time_format: str | None = None
    separator: str = ","
    decimal_comma: bool = False
    encoding: Literal["utf-8", "cp1252", "utf-16"] = "utf-8"
    skip_lines: int = Field(0, ge=0)
    good_quality: tuple[int, ...] = (192,)

    @model_validator(mode="after")
    def _columns_fit_layout(self) -> ExportSource:
        tall = self.columns.channel is not None and self.columns.value is not None
        if self.layout == "tall" and not tall:
            msg = "a tall export needs columns.channel and columns.value"
            raise ValueError(msg)
        if self.layout == "wide" and (self.columns.channel or self.columns.value):
            msg = "a wide export has one column a channel: leave columns.channel and columns.value out"
            raise ValueError(msg)
        if self.columns.ts_utc is None and self.columns.cycle is None:
            msg = "give columns.ts_utc or columns.cycle, or both"
            raise ValueError(msg)
        if (self.columns.unit_id is None) == (self.unit_id is None):
            msg = "give either columns.unit_id (a column) or unit_id (a name, or a part of the file's path)"
            raise ValueError(msg)
        if self.decimal_comma and self.separator == ",":
            msg = "decimal_comma needs another separator than a comma (often ';')"
            raise ValueError(msg)
        return self

    @field_validator("timezone")
    @classmethod
    def _zone_is_known(cls, value: str) -> str:
        if value not in available_timezones():
            msg = f"{value!r} is not a time zone of the IANA list (for instance Europe/Berlin)"
            raise ValueError(msg)
        return value


class NoSource(_Strict):
    """A plant without a historian: only its products are looked at."""

    kind: Literal["none"] = "none"
    folder: Literal[""] = ""
