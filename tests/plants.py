"""Small plants for tests: a running one with a CSV historian, and an archive of the same machines."""

from __future__ import annotations

import datetime as dt
from pathlib import Path

import polars as pl
import yaml

from factory_assets.foundation.settings import Settings, Site, load_site

START = dt.date(2026, 9, 1)

CHANNELS = [
    {
        "name": "oil_temp_degc",
        "tag": "OIL_TEMP",
        "unit": "degC",
        "source_unit": "degF",
        "low": -10,
        "high": 150,
    },
    {"name": "pressure_bar", "tag": "PRESSURE", "unit": "bar", "low": 0, "high": 400},
    {"name": "load_pct", "tag": "LOAD", "unit": "percent", "role": "setting", "low": 0, "high": 120},
    {"name": "machine_state", "tag": "STATE", "role": "state", "low": 0, "high": 3, "aggregate": "max"},
]


def plant_dict(**changes: object) -> dict[str, object]:
    """A running plant with two fleets of one machine class."""
    fleet = {
        "machine_class": "press",
        "life": {"state_channel": "machine_state"},
        "rul": {"window_cycles": 6, "window_stride": 1, "cap_cycles": 20, "epochs": 1},
    }
    return {
        "plant": "small",
        "running": True,
        "start": START.isoformat(),
        "cycle_length": "PT1H",
        "sample_period": "PT20M",
        "machine_classes": {"press": {"channels": CHANNELS}},
        "fleets": [
            {"name": "north", "units": ["north-*"], **fleet},
            {"name": "south", "units": ["south-*"], **fleet},
        ],
        "source": {
            "kind": "export",
            "folder": "{home}/historian",
            "layout": "tall",
            "columns": {
                "unit_id": "machine", "channel": "tag", "ts_utc": "timestamp", "value": "value", "quality": "quality",
            },
        },
        **changes,
    }  # fmt: skip


def make_site(folder: Path, **changes: object) -> Site:
    """A plant file in a folder, with its state below it."""
    plant_file = folder / "plant.yaml"
    plant_file.write_text(yaml.safe_dump(plant_dict(**changes)), encoding="utf-8")
    return load_site(Settings(plant=plant_file, home=folder / "home", data=folder))


def drop(site: Site, name: str, lines: list[str], header: str = "machine,tag,timestamp,value,quality") -> Path:
    """Let a historian file appear in the plant's folder."""
    folder = site.folder(site.plant.source.folder)
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / name
    path.write_text("\n".join([header, *lines]) + "\n", encoding="utf-8")
    return path


def day_of_readings(unit: str, day: dt.date, *, hours: range = range(24), state: int = 1) -> list[str]:
    """One reading an hour of every channel."""
    lines = []
    for hour in hours:
        at = f"{day.isoformat()}T{hour:02d}:00:00Z"
        for tag, value in (("OIL_TEMP", 104 + hour / 10), ("PRESSURE", 210), ("LOAD", 80), ("STATE", state)):
            lines.append(f"{unit},{tag},{at},{value},192")
    return lines


def readings(rows: list[tuple[str, str, dt.datetime, float, int, str]]) -> pl.DataFrame:
    """An extract from (unit, tag, time, value, quality, segment) rows, in the order in which they came in."""
    from factory_assets.historian.schema import EXTRACT

    keyed = [
        {
            "plant": "small", "fleet": "north", "unit_id": unit, "channel": tag, "ts_utc": at, "cycle": None,
            "value": value, "quality": quality, "segment_id": segment, "row": line,
        }
        for line, (unit, tag, at, value, quality, segment) in enumerate(rows, start=1)
    ]  # fmt: skip
    frame = pl.DataFrame(keyed, schema=EXTRACT)
    return frame.sort("unit_id", "channel", "ts_utc", "cycle", maintain_order=True)
