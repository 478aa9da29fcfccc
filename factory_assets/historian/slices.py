"""Writes the rows of a segment into one Parquet file a fleet and day, in bounded memory.

Rows gather until there are many, are then spilled, and are put together at the end; the files do not depend on how
the rows came in batches.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

import polars as pl

from factory_assets.foundation.lake import Partition
from factory_assets.historian.reading import ROWS
from factory_assets.historian.schema import EXTRACT, Slice

if TYPE_CHECKING:
    import pyarrow as pa

SPILL_ROWS = 500_000
ROW_GROUP = 262_144
SPILL_FOLDER = ".spilled"


@dataclass
class SliceWriter:
    """Gathers the rows of one segment.

    Attributes:
        folder: The segment's folder, while it is made.
        has_days: Whether slices are days of fleets (running plants) or whole fleets (archives).
        constants: Columns that are the same in all rows (plant, segment_id).
        spill_rows: Rows that are held in memory at most, but for the last batch.
    """

    folder: Path
    has_days: bool
    constants: dict[str, str]
    spill_rows: int = SPILL_ROWS
    held: list[pl.DataFrame] = field(default_factory=list)
    spills: list[dict[Partition, int]] = field(default_factory=list)

    def add(self, rows: pl.DataFrame) -> None:
        """Take rows (as ROWS), in the order in which they came in."""
        if rows.height:
            self.held.append(rows)
        if sum(part.height for part in self.held) >= self.spill_rows:
            self._spill()

    def finish(self) -> list[Slice]:
        """Write all slices, in order of fleet and day, and drop what was spilled."""
        held = self._by_partition()
        found = {*held, *(partition for spill in self.spills for partition in spill)}
        slices = [
            self._write(partition, held.get(partition))
            for partition in sorted(found, key=lambda p: (p.fleet, p.day or ""))
        ]
        for number in range(len(self.spills)):
            self._spill_file(number).unlink()
        if self.spills:
            (self.folder / SPILL_FOLDER).rmdir()
        return slices

    def _by_partition(self) -> dict[Partition, pl.DataFrame]:
        """What is held in memory, by partition; nothing is held afterwards."""
        if not self.held:
            return {}
        rows = pl.concat(self.held)
        self.held = []
        day = pl.col("ts_utc").dt.date() if self.has_days else pl.lit(None, pl.Date)
        parts = rows.with_columns(__day=day).partition_by(
            "fleet", "__day", as_dict=True, maintain_order=True, include_key=True
        )
        return {
            Partition(str(fleet), on_day.isoformat() if on_day else None): part.drop("__day")
            for (fleet, on_day), part in parts.items()
        }

    def _spill_file(self, number: int) -> Path:
        return self.folder / SPILL_FOLDER / f"{number}.arrow"

    def _spill(self) -> None:
        """One file for all that is held, one record batch a partition: many days must not become many files."""
        import pyarrow as pa

        parts = self._by_partition()
        path = self._spill_file(len(self.spills))
        path.parent.mkdir(exist_ok=True)
        schema = _arrow(pl.DataFrame(schema=ROWS)).schema
        with pa.OSFile(str(path), "wb") as file, pa.ipc.new_file(file, schema) as writer:
            for part in parts.values():
                writer.write_batch(_arrow(part).combine_chunks().to_batches()[0])
        self.spills.append({partition: number for number, partition in enumerate(parts)})

    def _pieces(self, partition: Partition, held: pl.DataFrame | None) -> Iterator[pl.DataFrame]:
        import pyarrow as pa

        for number, spill in enumerate(self.spills):
            if partition in spill:
                with pa.OSFile(str(self._spill_file(number)), "rb") as file:
                    batch = pa.ipc.open_file(file).get_batch(spill[partition])
                    yield pl.DataFrame(pl.from_arrow(batch))
        if held is not None:
            yield held

    def _write(self, partition: Partition, held: pl.DataFrame | None) -> Slice:
        import pyarrow.parquet as pq

        path = self.folder / partition.file
        path.parent.mkdir(parents=True, exist_ok=True)
        rows = 0
        schema = _arrow(pl.DataFrame(schema=EXTRACT)).schema
        with pq.ParquetWriter(path, schema, compression="zstd") as writer:
            for group in _regrouped(self._pieces(partition, held)):
                writer.write_table(self._extracted(group), row_group_size=ROW_GROUP)
                rows += group.height
        return Slice(fleet=str(partition.fleet), day=partition.day, rows=rows)

    def _extracted(self, rows: pl.DataFrame) -> pa.Table:
        constants = {name: pl.lit(value, pl.String) for name, value in self.constants.items()}
        shaped = rows.with_columns(**constants).select([pl.col(name).cast(dtype) for name, dtype in EXTRACT.items()])
        return _arrow(shaped).combine_chunks()


def _regrouped(pieces: Iterator[pl.DataFrame]) -> Iterator[pl.DataFrame]:
    """The same rows in groups of exactly ROW_GROUP, the last one shorter."""
    left: list[pl.DataFrame] = []
    for piece in pieces:
        left.append(piece)
        if sum(part.height for part in left) < ROW_GROUP:
            continue
        together = pl.concat(left)
        whole = together.height - together.height % ROW_GROUP
        for start in range(0, whole, ROW_GROUP):
            yield together.slice(start, ROW_GROUP)
        left = [together.slice(whole)] if whole < together.height else []
    if left:
        yield pl.concat(left)


def _arrow(frame: pl.DataFrame) -> pa.Table:
    return frame.to_arrow(compat_level=pl.CompatLevel.oldest())
