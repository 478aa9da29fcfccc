"""What SQL must know of the plant file besides channels: lives of fleets, tags of channels, when planned days begin."""

from __future__ import annotations

import polars as pl

from factory_assets.foundation.plant import Plant

FLEET_CATALOGUE: dict[str, pl.DataType] = {
    "plant": pl.String(),
    "fleet": pl.String(),
    "machine_class": pl.String(),
    "state_channel": pl.String(),
    "running_value": pl.Int64(),
    "failed_value": pl.Int64(),
    "overhaul_value": pl.Int64(),
    "cycle_length_s": pl.Float64(),
    "sample_period_s": pl.Float64(),
}

FLEET_CATALOGUE_COLUMNS = {
    "state_channel": "the channel that tells the machine's state; null where the end of a life is told otherwise",
    "running_value": "its value while the machine runs",
    "failed_value": "its value after a failure",
    "overhaul_value": "its value during an overhaul; any other value means stopped",
    "cycle_length_s": "how long an operating cycle of a running plant is",
    "sample_period_s": "how often the historian writes a channel; null where the plant file does not say",
}

CHANNEL_TAG: dict[str, pl.DataType] = {
    "plant": pl.String(),
    "fleet": pl.String(),
    "tag": pl.String(),
    "channel": pl.String(),
}

CHANNEL_TAG_COLUMNS = {
    "tag": "a name that the historian uses, or has used",
    "channel": "the plant file's name",
}

PLANNING_CALENDAR: dict[str, pl.DataType] = {
    "plant": pl.String(),
    "timezone": pl.String(),
    "day_begins": pl.Time(),
}

PLANNING_CALENDAR_COLUMNS = {
    "timezone": "where the plant is, as an IANA name",
    "day_begins": "local time at which a day's schedule begins",
}


def fleet_catalogue(plant: Plant) -> pl.DataFrame:
    """One row a fleet, as FLEET_CATALOGUE, in the plant file's order."""
    rows = [
        {
            "plant": plant.plant,
            "fleet": fleet.name,
            "machine_class": fleet.machine_class,
            "state_channel": fleet.life.state_channel,
            "running_value": fleet.life.running_value,
            "failed_value": fleet.life.failed_value,
            "overhaul_value": fleet.life.overhaul_value,
            "cycle_length_s": plant.cycle_length.total_seconds(),
            "sample_period_s": plant.sample_period.total_seconds() if plant.sample_period else None,
        }
        for fleet in plant.fleets
    ]
    return pl.DataFrame(rows, schema=FLEET_CATALOGUE)


def channel_tag(plant: Plant) -> pl.DataFrame:
    """One row a tag of a fleet, aliases included, as CHANNEL_TAG."""
    rows = [
        {"plant": plant.plant, "fleet": fleet, "tag": tag, "channel": channel.name}
        for fleet in plant.fleet_names
        for channel in plant.channels(fleet)
        for tag in (channel.source_tag, *channel.aliases)
    ]
    return pl.DataFrame(rows, schema=CHANNEL_TAG)


def planning_calendar(plant: Plant) -> pl.DataFrame:
    """One row, as PLANNING_CALENDAR; none if nothing is planned in the plant."""
    settings = plant.planning
    rows = [] if settings is None else [(plant.plant, settings.timezone, settings.day_begins)]
    return pl.DataFrame(rows, schema=PLANNING_CALENDAR, orient="row")
