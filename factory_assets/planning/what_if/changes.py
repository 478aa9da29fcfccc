"""What may be changed in a what-if: values only, in minutes of the problem."""

from __future__ import annotations

from dataclasses import dataclass

from factory_assets.planning.showing.reports import duration_words
from factory_assets.planning.what_if.clock import PlantClock


@dataclass(frozen=True)
class Stop:
    """A machine that stands, or an operator who is away.

    Attributes:
        name: Of the machine or operator.
        begin_min: From when.
        end_min: Until when.
    """

    name: str
    begin_min: int
    end_min: int

    def words(self, clock: PlantClock) -> str:
        """For a planner."""
        return f"{self.name} does not work from {clock.words(self.begin_min)} to {clock.words(self.end_min)}"


@dataclass(frozen=True)
class ExtraShift:
    """A machine or an operator that works at another time too; values as `Stop`."""

    name: str
    begin_min: int
    end_min: int

    def words(self, clock: PlantClock) -> str:
        """For a planner."""
        return f"{self.name} works from {clock.words(self.begin_min)} to {clock.words(self.end_min)} too"


@dataclass(frozen=True)
class RushOrder:
    """A new order that is made like another one.

    A problem knows operations, not products. So the new order has the operations of one that is there, with its
    machines and skills; minutes and materials are multiplied, without a fixed part.

    Attributes:
        like: The order that it is like.
        factor: How many times as many pieces.
        due_min: When it should have ended.
        late_cost_per_min: What each minute after that costs; None for what it costs of the other one.
    """

    like: str
    factor: float
    due_min: int
    late_cost_per_min: float | None = None

    def words(self, clock: PlantClock) -> str:
        """For a planner."""
        cost = "" if self.late_cost_per_min is None else f", {self.late_cost_per_min * 60:,g} an hour late"
        pieces = "as many pieces" if self.factor == 1 else f"{self.factor:g} times as many pieces"
        return f"a rush order like {self.like}, {pieces}, due {clock.words(self.due_min)}{cost}"


@dataclass(frozen=True)
class WithoutOrder:
    """An order that is called off."""

    order: str

    def words(self, _: PlantClock) -> str:
        """For a planner."""
        return f"order {self.order} is called off"


@dataclass(frozen=True)
class NewDue:
    """An order that is due at another time."""

    order: str
    due_min: int

    def words(self, clock: PlantClock) -> str:
        """For a planner."""
        return f"order {self.order} is due {clock.words(self.due_min)}"


@dataclass(frozen=True)
class LateDelivery:
    """Everything of a material that is still to come, comes later."""

    material: str
    late_min: int

    def words(self, _: PlantClock) -> str:
        """For a planner."""
        return f"all {self.material} still to come is {duration_words(self.late_min)} late"


@dataclass(frozen=True)
class ExtraDelivery:
    """So much more of a material comes."""

    material: str
    quantity: float
    at_min: int

    def words(self, clock: PlantClock) -> str:
        """For a planner."""
        return f"{self.quantity:,g} more of {self.material} comes {clock.words(self.at_min)}"


@dataclass(frozen=True)
class MaintenanceAt:
    """Maintenance of a machine that begins at a set time."""

    machine: str
    start_min: int

    def words(self, clock: PlantClock) -> str:
        """For a planner."""
        return f"maintenance of {self.machine} begins {clock.words(self.start_min)}"


@dataclass(frozen=True)
class NoMaintenance:
    """Maintenance of a machine that is left out; its risk is paid."""

    machine: str

    def words(self, _: PlantClock) -> str:
        """For a planner."""
        return f"{self.machine} has no maintenance"


Change = (
    Stop | ExtraShift | RushOrder | WithoutOrder | NewDue | LateDelivery | ExtraDelivery | MaintenanceAt | NoMaintenance
)
