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
from factory_assets.foundation.planning_settings import PlanningSettings
from factory_assets.foundation.products import Product
from factory_assets.foundation.rul_settings import RulSettings
from factory_assets.foundation.sources import CmapssSource, ExportSource, NoSource
from factory_assets.foundation.yaml_lines import repeated_keys

Name = Annotated[str, Field(pattern=r"^[A-Za-z][A-Za-z0-9_-]*$")]
ChannelName = Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]*$")]
Role = Literal["sensor", "setting", "state", "label"]


class UnknownFleetError(FactoryError, KeyError):
    """A fleet that the plant file does not name."""


class UnknownProductError(FactoryError, KeyError):
    """A product that the plant file does not name."""


class PlantFileError(FactoryError, ValueError):
    """A plant file that cannot be used; the message names file, field and mend."""


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Follows(_Strict):
    """What a channel must agree with: `factor * reference + offset`, within percentages of that value.

    A reading beyond them is set aside (`off_reference`): so a drifting sensor is found. Readings within `settle`
    after a change of the reference are not judged.
    """

    channel: ChannelName
    factor: float = 1.0
    offset: float = 0.0
    above_pct: float = Field(gt=0)
    below_pct: float = Field(gt=0)
    settle: dt.timedelta = dt.timedelta(0)


class Channel(_Strict):
    """One measured quantity of a machine class.

    `unit` is the engineering unit that the platform works in, `source_unit` what the historian writes.
    `setting` channels describe the operating regime, `state` channels the machine's state, and a `label`
    channel carries a known remaining life (archives only); neither of the last two is a model input.

    Limits, in the engineering unit: outside `low` to `high` (the instrument's range) a reading is set aside. Outside
    `normal_low` to `normal_high` (normal operation) it is kept, but looked at: readings that would be normal in one of
    `mistaken_units` were written in that unit. What a rule of `Plant.cleaning` says of all sensors, `spike_sigmas`
    and `stuck_after` say of one; 0 and PT0S turn the rule off. `max_rate_per_h` is the fastest physical change.
    """

    name: ChannelName
    tag: str = ""
    aliases: tuple[str, ...] = ()
    unit: str = ""
    source_unit: str = ""
    role: Role = "sensor"
    low: float | None = None
    high: float | None = None
    normal_low: float | None = None
    normal_high: float | None = None
    mistaken_units: tuple[str, ...] = ()
    max_rate_per_h: float | None = Field(None, gt=0)
    spike_sigmas: float | None = Field(None, ge=0)
    stuck_after: dt.timedelta | None = None
    follows: Follows | None = None
    aggregate: Literal["mean", "min", "max", "last"] = "mean"

    @model_validator(mode="after")
    def _limits_in_order(self) -> Channel:
        for low, high in (("low", "high"), ("normal_low", "normal_high")):
            least, most = getattr(self, low), getattr(self, high)
            if least is not None and most is not None and least >= most:
                msg = f"channel {self.name}: {low} {least} is not below {high} {most}"
                raise ValueError(msg)
        if self.mistaken_units and self.normal_low is None and self.normal_high is None:
            msg = f"channel {self.name}: mistaken_units needs normal_low or normal_high, to tell normal from mistaken"
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
        names = [channel.name for channel in self.channels]
        tags = [tag for channel in self.channels for tag in (channel.source_tag, *channel.aliases)]
        for what, values in (("name", names), ("tag", tags)):
            repeated = sorted({value for value in values if values.count(value) > 1})
            if repeated:
                msg = f"channels repeat the {what} {', '.join(repeated)}"
                raise ValueError(msg)
        for channel in self.channels:
            if channel.follows is not None and channel.follows.channel not in names:
                msg = f"channel {channel.name}: follows {channel.follows.channel}, which is not a channel of this class"
                raise ValueError(msg)
        return self


class Life(_Strict):
    """How the life of a unit ends.

    Running plants tell it by a state channel; archives by the unit's id: `run_to_failure_units` ran until they
    failed, `test_units` were cut off before; both are an id, a pattern, or several of them. Where neither is given
    nobody knows of failures: such a fleet has no model of remaining life (`rul: null`).
    """

    state_channel: ChannelName | None = None
    running_value: int = 1
    failed_value: int = 2
    overhaul_value: int = 3
    run_to_failure_units: str | tuple[str, ...] | None = None
    test_units: str | tuple[str, ...] | None = None

    @model_validator(mode="after")
    def _one_way_to_tell(self) -> Life:
        if self.state_channel is not None and self.run_to_failure_units is not None:
            msg = "give either state_channel (running plants) or run_to_failure_units (archives)"
            raise ValueError(msg)
        return self

    @property
    def tells_failures(self) -> bool:
        """Whether failures can be known at all."""
        return self.state_channel is not None or self.run_to_failure_units is not None

    @property
    def run_to_failure_patterns(self) -> tuple[str, ...]:
        """Ids and patterns of the units that ran until they failed."""
        return _several(self.run_to_failure_units)

    def ran_until_failure(self, unit_id: str) -> bool:
        """Whether the plant file says that this unit ran until it failed."""
        return any(fnmatchcase(unit_id, pattern) for pattern in self.run_to_failure_patterns)

    def is_kept_for_test(self, unit_id: str) -> bool:
        """Whether the plant file says that this unit is kept for the test."""
        return any(fnmatchcase(unit_id, pattern) for pattern in _several(self.test_units))


def _several(patterns: str | tuple[str, ...] | None) -> tuple[str, ...]:
    return (patterns,) if isinstance(patterns, str) else patterns or ()


class Fleet(_Strict):
    """Machines of one class that share a model of remaining useful life; `rul: null` for none."""

    name: Name
    machine_class: Name
    line: str = ""
    units: tuple[str, ...] = Field(min_length=1, description="unit ids, or patterns such as press-*")
    life: Life = Life()
    rul: RulSettings | None = RulSettings()

    @model_validator(mode="after")
    def _a_model_needs_failures(self) -> Fleet:
        if self.rul is not None and not self.life.tells_failures:
            msg = (
                f"fleet {self.name}: life says neither by state_channel nor by run_to_failure_units when a machine "
                "failed; give one of them, or rul: null for a fleet without a model of remaining life"
            )
            raise ValueError(msg)
        return self

    def has_unit(self, unit_id: str) -> bool:
        """Whether a unit belongs to this fleet."""
        return any(fnmatchcase(unit_id, pattern) for pattern in self.units)


class Cleaning(_Strict):
    """Rules of cleaning for all sensor channels; a rule that is left out is not applied.

    `spike_sigmas`: a lone reading so many times the channel's noise away from its neighbours is a spike.
    `stuck_after`: a sensor that shows one value for so long is stuck.
    `gap_periods`: so many sample periods (archives: cycles) without a reading are a gap.
    """

    spike_sigmas: float | None = Field(None, ge=4)
    stuck_after: dt.timedelta | None = Field(None, gt=dt.timedelta(0), le=dt.timedelta(hours=12))
    gap_periods: int = Field(3, ge=1)


class RenderedParts(_Strict):
    """How the simulator renders the parts of one product.

    `count` parts, each photographed one to three times; `defect_share` of them are defective (without it, the share
    that the simulator knows). `kinds` says how much more often than others a kind of defect comes: so rare ones are
    oversampled.
    """

    count: int = Field(100, ge=10, le=9000)
    defect_share: float | None = Field(None, ge=0, le=1)
    kinds: dict[Name, Annotated[float, Field(ge=0)]] = {}


class Simulator(_Strict):
    """The plant is simulated (the reference plant): days are written up to yesterday, from `start` on.

    `parts` says how products that it knows are rendered, by product; without it each is rendered as usual.
    """

    seed: int = 0
    parts: dict[Name, RenderedParts] = {}


class Plant(_Strict):
    """A whole plant file."""

    plant: Name
    title: str = ""
    running: bool
    start: dt.date | None = None
    cycle_length: dt.timedelta = dt.timedelta(hours=1)
    sample_period: dt.timedelta | None = None
    cleaning: Cleaning = Cleaning()
    machine_classes: dict[Name, MachineClass] = {}
    fleets: tuple[Fleet, ...] = ()
    products: tuple[Product, ...] = ()
    source: CmapssSource | ExportSource | NoSource = Field(NoSource(), discriminator="kind")
    simulator: Simulator | None = None
    planning: PlanningSettings | None = None

    @field_validator("cycle_length")
    @classmethod
    def _cycles_divide_the_day(cls, value: dt.timedelta) -> dt.timedelta:
        if value <= dt.timedelta(0) or dt.timedelta(days=1) % value:
            msg = f"cycle_length {value} must divide a day (for instance PT1H)"
            raise ValueError(msg)
        return value

    @model_validator(mode="after")
    def _fits_together(self) -> Plant:
        for what, names in (("fleet", self.fleet_names), ("product", self.product_names)):
            if len(set(names)) != len(names):
                msg = f"{what} names repeat"
                raise ValueError(msg)
        if both := sorted(set(self.fleet_names) & set(self.product_names)):
            msg = f"{', '.join(both)} is a fleet and a product: partitions need names of their own"
            raise ValueError(msg)
        if not self.fleets and not self.products:
            msg = "a plant needs fleets (with a source), products, or both"
            raise ValueError(msg)
        if bool(self.fleets) != (self.source.kind != "none"):
            msg = "fleets need a source, and a source needs fleets"
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

    @model_validator(mode="after")
    def _rendered_parts_are_products(self) -> Plant:
        rendered = self.simulator.parts if self.simulator else {}
        if unknown := sorted(set(rendered) - set(self.product_names)):
            msg = f"simulator.parts names {', '.join(unknown)}, which is none of the products"
            raise ValueError(msg)
        return self

    @model_validator(mode="after")
    def _what_is_planned_is_there(self) -> Plant:
        if self.planning is None:
            return self
        if not self.running:
            msg = "planning is for running plants: leave it out of an archive's file"
            raise ValueError(msg)
        if unknown := sorted(set(self.planning.maintenance) - {f.name for f in self.fleets if f.rul is not None}):
            msg = f"planning.maintenance names {', '.join(unknown)}: name fleets with a model of remaining life"
            raise ValueError(msg)
        return self

    @cached_property
    def fleet_names(self) -> tuple[str, ...]:
        """The names of all fleets, in the plant file's order."""
        return tuple(fleet.name for fleet in self.fleets)

    @cached_property
    def product_names(self) -> tuple[str, ...]:
        """The names of all inspected products, in the plant file's order."""
        return tuple(product.name for product in self.products)

    @cached_property
    def modelled_fleets(self) -> tuple[str, ...]:
        """The names of the fleets that have a model of remaining useful life."""
        return tuple(fleet.name for fleet in self.fleets if fleet.rul is not None)

    @property
    def releases_something(self) -> bool:
        """Whether any model of the plant is released to the edge."""
        return bool(self.modelled_fleets or self.products)

    def rul_settings(self, fleet: str) -> RulSettings:
        """What a fleet's model is trained with; raises UnknownFleetError if it has none."""
        settings = self.fleet(fleet).rul
        if settings is None:
            msg = f"fleet {fleet} of plant {self.plant} has no model (rul: null in the plant file)"
            raise UnknownFleetError(msg)
        return settings

    @property
    def is_timed(self) -> bool:
        """Whether readings are placed by time; some archives know cycles alone."""
        return self.source.kind == "export" and self.source.columns.ts_utc is not None

    def settings_of_readings(self) -> dict[str, Any]:
        """What tables of readings depend on: all but titles, models, products and the simulator."""
        of_fleets = {"__all__": {"rul", "line"}}
        others = dict.fromkeys(("title", "simulator", "products", "planning"), True)
        left_out: dict[str, Any] = {**others, "fleets": of_fleets}
        return self.model_dump(mode="json", exclude=left_out)

    def product(self, name: str) -> Product:
        """The product of that name; raises UnknownProductError with the names that exist."""
        for product in self.products:
            if product.name == name:
                return product
        msg = f"plant {self.plant} has no product {name!r}; it has {', '.join(self.product_names) or 'none'}"
        raise UnknownProductError(msg)

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
    except UnicodeDecodeError as error:
        msg = f"plant file {path} is not UTF-8 text ({error.reason} at byte {error.start}): save it as UTF-8"
        raise PlantFileError(msg) from error
    try:
        repeated = repeated_keys(text)
        values = yaml.safe_load(text)
    except (yaml.YAMLError, ValueError) as error:
        msg = f"plant file {path} is not valid YAML: {error}"
        raise PlantFileError(msg) from error
    if repeated:
        lines = "\n".join(f"  line {line}, {key}: stands here for the second time" for key, line in repeated)
        msg = f"plant file {path} gives a key twice; keep one of them:\n{lines}"
        raise PlantFileError(msg)
    try:
        return Plant.model_validate(values)
    except ValidationError as error:
        raise PlantFileError(broken_contract(f"plant file {path}", error, text=text, contract=Plant)) from error
