"""The plant file (`configs/plants/*.yaml`): lines, machine classes, fleets, channels and where the historian is.

Only the contract and its validation belong here. Nothing that reads plant data, and nothing about one
particular machine class: another class of machine is another plant file, never another line of code.
"""

from __future__ import annotations

import datetime as dt
from fnmatch import fnmatchcase
from functools import cached_property
from pathlib import Path
from typing import Annotated, Any, Literal

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator, model_validator

from factory_assets.foundation.errors import FactoryError, broken_contract

Name = Annotated[str, Field(pattern=r"^[A-Za-z][A-Za-z0-9_-]*$")]
ChannelName = Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]*$")]
Role = Literal["sensor", "setting", "state", "label"]


class UnknownFleetError(FactoryError, KeyError):
    """A fleet that the plant file does not name."""


class PlantFileError(FactoryError, ValueError):
    """A plant file that cannot be used; the message names file, field and mend."""


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Channel(_Strict):
    """One measured quantity of a machine class.

    `unit` is the engineering unit that the platform works in, `source_unit` what the historian writes.
    `setting` channels describe the operating regime, `state` channels the machine's state, and a `label`
    channel carries a known remaining life (archives only); neither of the last two is a model input.
    """

    name: ChannelName
    tag: str = ""
    unit: str = ""
    source_unit: str = ""
    role: Role = "sensor"
    low: float | None = None
    high: float | None = None
    aggregate: Literal["mean", "min", "max", "last"] = "mean"

    @model_validator(mode="after")
    def _limits_in_order(self) -> Channel:
        if self.low is not None and self.high is not None and self.low >= self.high:
            msg = f"channel {self.name}: low {self.low} is not below high {self.high}"
            raise ValueError(msg)
        return self

    @property
    def source_tag(self) -> str:
        """The name that the historian uses for this channel."""
        return self.tag or self.name


class MachineClass(_Strict):
    """Machines that share channels."""

    title: str = ""
    channels: tuple[Channel, ...] = Field(min_length=1)

    @model_validator(mode="after")
    def _names_are_unique(self) -> MachineClass:
        for what in ("name", "source_tag"):
            values = [getattr(channel, what) for channel in self.channels]
            repeated = sorted({value for value in values if values.count(value) > 1})
            if repeated:
                msg = f"channels repeat the {what.replace('source_', '')} {', '.join(repeated)}"
                raise ValueError(msg)
        return self


class Life(_Strict):
    """How the life of a unit ends.

    Running plants tell it by a state channel; archives by the unit's id: `run_to_failure_units` ran until they
    failed, `test_units` were cut off before.
    """

    state_channel: ChannelName | None = None
    running_value: int = 1
    failed_value: int = 2
    overhaul_value: int = 3
    run_to_failure_units: str | None = None
    test_units: str | None = None

    @model_validator(mode="after")
    def _one_way_to_tell(self) -> Life:
        if (self.state_channel is None) == (self.run_to_failure_units is None):
            msg = "give either state_channel (running plants) or run_to_failure_units (archives)"
            raise ValueError(msg)
        return self


class RulSettings(_Strict):
    """What the remaining-useful-life model of a fleet is trained with."""

    window_cycles: int = Field(60, ge=4)
    window_stride: int = Field(2, ge=1)
    cap_cycles: int = Field(125, ge=1)
    regimes: int = Field(1, ge=1)
    validation_fraction: float = Field(0.15, gt=0, lt=0.5)
    test_fraction: float = Field(0.2, ge=0, lt=0.5)
    epochs: int = Field(14, ge=1)
    batch_size: int = Field(256, ge=1)
    seed: int = 1


class Fleet(_Strict):
    """Machines of one class that share a model."""

    name: Name
    machine_class: Name
    line: str = ""
    units: tuple[str, ...] = Field(min_length=1, description="unit ids, or patterns such as press-*")
    life: Life
    rul: RulSettings = RulSettings()

    def has_unit(self, unit_id: str) -> bool:
        """Whether a unit belongs to this fleet."""
        return any(fnmatchcase(unit_id, pattern) for pattern in self.units)


class CmapssSource(_Strict):
    """NASA C-MAPSS archives: `train_*.txt`, `test_*.txt` and `RUL_*.txt`, plain or inside a zip in `folder`."""

    kind: Literal["cmapss"]
    folder: str


class Columns(_Strict):
    """Which column of an export holds what. A tall export names `channel` and `value`; a wide one neither."""

    unit_id: str
    ts_utc: str | None = None
    cycle: str | None = None
    channel: str | None = None
    value: str | None = None
    quality: str | None = None


class ExportSource(_Strict):
    """CSV or Parquet files that a historian exports into `folder`; dropping a file there starts a run."""

    kind: Literal["export"]
    folder: str
    pattern: str = "**/*.csv"
    layout: Literal["tall", "wide"]
    columns: Columns
    timezone: str = "UTC"
    time_format: str | None = None
    separator: str = ","
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
        return self


class Simulator(_Strict):
    """The plant is simulated (the reference plant): days are written up to yesterday, from `start` on."""

    seed: int = 0


class Plant(_Strict):
    """A whole plant file."""

    plant: Name
    title: str = ""
    running: bool
    start: dt.date | None = None
    cycle_length: dt.timedelta = dt.timedelta(hours=1)
    sample_period: dt.timedelta | None = None
    machine_classes: dict[Name, MachineClass]
    fleets: tuple[Fleet, ...] = Field(min_length=1)
    source: CmapssSource | ExportSource = Field(discriminator="kind")
    simulator: Simulator | None = None

    @field_validator("cycle_length")
    @classmethod
    def _cycles_divide_the_day(cls, value: dt.timedelta) -> dt.timedelta:
        if value <= dt.timedelta(0) or dt.timedelta(days=1) % value:
            msg = f"cycle_length {value} must divide a day (for instance PT1H)"
            raise ValueError(msg)
        return value

    @model_validator(mode="after")
    def _fits_together(self) -> Plant:
        names = [fleet.name for fleet in self.fleets]
        if len(set(names)) != len(names):
            msg = "fleet names repeat"
            raise ValueError(msg)
        if self.running and self.start is None:
            msg = "a running plant needs start, the first day of its history (YYYY-MM-DD)"
            raise ValueError(msg)
        for fleet in self.fleets:
            if fleet.machine_class not in self.machine_classes:
                known = ", ".join(self.machine_classes)
                msg = f"fleet {fleet.name}: machine_class {fleet.machine_class} is not one of {known}"
                raise ValueError(msg)
            state = fleet.life.state_channel
            if state is not None and state not in {c.name for c in self.channels(fleet.name)}:
                msg = f"fleet {fleet.name}: life.state_channel {state} is not a channel of {fleet.machine_class}"
                raise ValueError(msg)
        return self

    @cached_property
    def fleet_names(self) -> tuple[str, ...]:
        """The names of all fleets, in the plant file's order."""
        return tuple(fleet.name for fleet in self.fleets)

    def settings_of_readings(self) -> dict[str, Any]:
        """What tables of readings depend on: all but titles, models and the simulator."""
        of_fleets = {"__all__": {"rul", "line"}}
        return self.model_dump(mode="json", exclude={"title": True, "simulator": True, "fleets": of_fleets})

    def fleet(self, name: str) -> Fleet:
        """The fleet of that name; raises UnknownFleetError with the names that exist."""
        for fleet in self.fleets:
            if fleet.name == name:
                return fleet
        msg = f"plant {self.plant} has no fleet {name!r}; it has {', '.join(self.fleet_names)}"
        raise UnknownFleetError(msg)

    def channels(self, fleet: str, *roles: Role) -> tuple[Channel, ...]:
        """The channels of a fleet, all or of the given roles, in the plant file's order."""
        channels = self.machine_classes[self.fleet(fleet).machine_class].channels
        return tuple(c for c in channels if not roles or c.role in roles)


def load_plant(path: Path) -> Plant:
    """Read and check a plant file.

    Raises:
        PlantFileError: The file is missing, is not YAML, or breaks the contract; every broken field is named.
    """
    try:
        text = path.read_text(encoding="utf-8")
    except OSError as error:
        msg = f"plant file {path}: {error.strerror}. Give an existing file by --plant or FACTORY_PLANT."
        raise PlantFileError(msg) from error
    try:
        return Plant.model_validate(yaml.safe_load(text))
    except yaml.YAMLError as error:
        msg = f"plant file {path} is not valid YAML: {error}"
        raise PlantFileError(msg) from error
    except ValidationError as error:
        raise PlantFileError(broken_contract(f"plant file {path}", error)) from error
