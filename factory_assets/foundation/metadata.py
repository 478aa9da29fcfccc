"""What assets tell the Dagster UI about the tables and files that they wrote."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import dagster as dg
import polars as pl

from factory_assets.foundation.lake import Written, combined_digest

DATA_TEAM = ["team:data-engineering"]
ML_TEAM = ["team:ml-engineering"]
MAX_TABLE_ROWS = 50


def column_schema(schema: Mapping[str, pl.DataType], descriptions: Mapping[str, str] | None = None) -> dg.TableSchema:
    """A Polars schema as Dagster's."""
    known = descriptions or {}
    return dg.TableSchema(
        columns=[dg.TableColumn(name, str(dtype), description=known.get(name)) for name, dtype in schema.items()]
    )


def table(frame: pl.DataFrame) -> dg.MarkdownMetadataValue:
    """A small frame as a markdown table, cut at 50 rows."""
    shown = frame.head(MAX_TABLE_ROWS)
    lines = ["| " + " | ".join(shown.columns) + " |", "|" + " --- |" * shown.width]
    lines += ["| " + " | ".join(_cell(value) for value in row) + " |" for row in shown.iter_rows()]
    if frame.height > MAX_TABLE_ROWS:
        lines.append(f"\n{frame.height - MAX_TABLE_ROWS} more rows")
    return dg.MetadataValue.md("\n".join(lines))


def _cell(value: object) -> str:
    if value is None:
        return ""
    return f"{value:.4g}" if isinstance(value, float) else str(value)


def picture(png: bytes) -> dg.MarkdownMetadataValue:
    """A PNG, shown inside the UI."""
    import base64

    return dg.MetadataValue.md(f"![plot](data:image/png;base64,{base64.b64encode(png).decode()})")


def written(
    parts: Sequence[Written],
    schema: Mapping[str, pl.DataType],
    descriptions: Mapping[str, str] | None = None,
    *,
    more: Mapping[str, Any] | None = None,
) -> tuple[dict[str, Any], dg.DataVersion]:
    """Metadata and data version of a table's partitions that were just written."""
    rows = sum(part.rows for part in parts)
    metadata = {
        "dagster/row_count": rows,
        "dagster/column_schema": column_schema(schema, descriptions),
        "partitions_written": len(parts),
        "written_to": dg.MetadataValue.path(str(_common_folder(parts))),
        **(more or {}),
    }
    return metadata, dg.DataVersion(combined_digest(part.sha256 for part in parts))


def _common_folder(parts: Sequence[Written]) -> Path:
    if len(parts) == 1:
        return parts[0].path
    return Path(os.path.commonpath([part.path.parent for part in parts])) if parts else Path()
