"""Column types and tables of the reference plant's names: what millions of rows are told apart by, in a byte each."""

from __future__ import annotations

import polars as pl

from factory_assets.reference_plant.faults import NEW_TAGS
from factory_assets.reference_plant.fleets import FLEETS

UTC_TIME = pl.Datetime("us", "UTC")
FLEET = pl.Enum(sorted(fleet.name for fleet in FLEETS))
MACHINE = pl.Enum(sorted(machine for fleet in FLEETS for machine in fleet.machines))
CHANNEL = pl.Enum(sorted({channel.name for fleet in FLEETS for channel in fleet.channels}))
TAG = pl.Enum(sorted({*(channel.tag for fleet in FLEETS for channel in fleet.channels), *NEW_TAGS.values()}))
NAME_TYPES: dict[str, pl.DataType] = {"fleet": FLEET, "machine": MACHINE, "channel": CHANNEL}


def channel_table() -> pl.DataFrame:
    """fleet, channel, tag, scale, offset, decimals of every channel: floor = scale * engineering + offset."""
    rows = [(f.name, c.name, c.tag, *c.conversion, c.decimals) for f in FLEETS for c in f.channels]
    schema: dict[str, pl.DataType] = {
        "fleet": FLEET, "channel": CHANNEL, "tag": TAG,
        "scale": pl.Float64(), "offset": pl.Float64(), "decimals": pl.Int8(),
    }  # fmt: skip
    return pl.DataFrame(rows, schema=schema, orient="row")
