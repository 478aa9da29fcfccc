"""What the plant file says of the daily schedule: where orders come from, how far is planned, what things cost."""

from __future__ import annotations

import datetime as dt
from typing import Annotated, Literal
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from pydantic import BaseModel, ConfigDict, Field, field_validator

Money = Annotated[float, Field(ge=0, allow_inf_nan=False)]
MINUTE = dt.timedelta(minutes=1)


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class MaintenanceSettings(_Strict):
    """What maintenance of a fleet's machines takes, and what a failure does.

    Attributes:
        duration: How long a planned overhaul takes; clock time, shifts or not.
        cost: Parts and work of a planned overhaul.
        repair: How long a failed machine stands.
        failure_cost: Parts, work and scrap of a failure, without the orders that come late.
        lost_per_h: What an hour of a standing machine costs in the time of its shifts.
        skill: What the technician must be able to do, as the ERP calls it; null if nobody is needed.
    """

    duration: dt.timedelta = Field(dt.timedelta(hours=4), gt=dt.timedelta(0))
    cost: Money
    repair: dt.timedelta = Field(dt.timedelta(hours=24), gt=dt.timedelta(0))
    failure_cost: Money
    lost_per_h: Money = 0.0
    skill: str | None = None


class PlanningSettings(_Strict):
    """The daily schedule.

    Attributes:
        erp: The database with orders and routings: `sqlite:///{home}/plant/erp.db` or
            `postgresql://user@host/name`; `{home}` is the plant's home. A password belongs into the environment
            (PGPASSWORD, or the variable that `erp_variable` names), not here.
        erp_variable: The environment variable that holds the address instead, for one with a password.
        timezone: Where the plant is: days begin there.
        day_begins: Local time at which a day's schedule begins.
        horizon: How far is planned.
        frozen: What begins within so much time stays where it is when the schedule is made anew.
        move_cost_per_h: What it costs to move a task by an hour against the schedule in force.
        currency: Of all costs here and in the ERP; a name alone.
        seconds: How long the search may take each morning.
        reschedule_seconds: How long it may take when the floor has changed.
        workers: Threads of the search.
        faulty_rows: `refuse` an ERP with rows that cannot be planned, or `leave_out` these and say which.
        maintenance: By fleet; machines of other fleets get no planned maintenance.
        machines: The ERP's name of a machine, by unit id, where it is another.
    """

    erp: str = "sqlite:///{home}/plant/erp.db"
    erp_variable: str | None = None
    timezone: str = "UTC"
    day_begins: dt.time = dt.time(6, 0)
    horizon: dt.timedelta = Field(dt.timedelta(days=7), ge=dt.timedelta(days=1), le=dt.timedelta(days=60))
    frozen: dt.timedelta = Field(dt.timedelta(hours=2), ge=dt.timedelta(0))
    move_cost_per_h: Money = 0.0
    currency: str = "EUR"
    seconds: float = Field(30.0, gt=0, le=3600)
    reschedule_seconds: float = Field(4.0, gt=0, le=600)
    workers: int = Field(2, ge=1, le=64)
    faulty_rows: Literal["refuse", "leave_out"] = "refuse"
    maintenance: dict[str, MaintenanceSettings] = {}
    machines: dict[str, str] = {}

    @field_validator("timezone")
    @classmethod
    def _zone_is_known(cls, value: str) -> str:
        try:
            ZoneInfo(value)
        except (ZoneInfoNotFoundError, ValueError) as error:
            msg = f"timezone {value!r} is not known: give a name such as Europe/Berlin"
            raise ValueError(msg) from error
        return value

    def start_of(self, day: dt.date) -> dt.datetime:
        """Minute 0 of a day's schedule, in UTC."""
        return dt.datetime.combine(day, self.day_begins, ZoneInfo(self.timezone)).astimezone(dt.UTC)

    def day_of(self, moment: dt.datetime) -> dt.date:
        """The newest day whose schedule has begun by then."""
        local = moment.astimezone(ZoneInfo(self.timezone))
        return local.date() if local.time() >= self.day_begins else local.date() - dt.timedelta(days=1)

    @property
    def horizon_min(self) -> int:
        """How far is planned, in minutes."""
        return self.horizon // MINUTE

    @property
    def frozen_min(self) -> int:
        """What begins within so many minutes stays where it is."""
        return self.frozen // MINUTE

    def machine_of(self, unit_id: str) -> str:
        """The ERP's name of a machine."""
        return self.machines.get(unit_id, unit_id)
