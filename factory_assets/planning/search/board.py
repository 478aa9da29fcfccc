"""A schedule that grows task by task: the earliest place for a load, given all that is placed already."""

from __future__ import annotations

from bisect import bisect_left, bisect_right, insort
from collections.abc import Mapping
from dataclasses import dataclass
from math import inf
from typing import NamedTuple

from factory_assets.planning.problem import Interval, Maintenance, Operator, Task
from factory_assets.planning.search.loads import Choice, Load, NoScheduleError, Shop
from factory_assets.planning.search.timeline import Block, inside


class Place(NamedTuple):
    """Where a load could go: when, by whom (the number of a person, or None), with how many minutes of set-up."""

    choice: Choice
    block: Block
    person: int | None
    tool: int | None
    setup_min: int


class Taken(NamedTuple):
    """A fixed stay on a machine: pinned tasks and maintenance."""

    begin: int
    end: int
    family: str | None
    setup_min: int


@dataclass
class Lane:
    """One person, or one tool, and when it is busy."""

    name: str
    begins: list[int]
    ends: list[int]
    operator: Operator | None = None

    def take(self, begin: int, end: int) -> None:
        """Mark as busy."""
        at = bisect_left(self.begins, begin)
        self.begins.insert(at, begin)
        self.ends.insert(at, end)

    def free_from(self, begin: int, end: int) -> int:
        """`begin` if nothing is in the way of [begin, end), else when what is in the way ends."""
        at = bisect_right(self.begins, begin)
        if at and self.ends[at - 1] > begin:
            return self.ends[at - 1]
        if at < len(self.begins) and self.begins[at] < end:
            return max(self.ends[at], begin + 1)
        return begin


class Board:
    """Places loads one after the other.

    On each machine a load comes after those placed before it; pinned tasks and maintenance stand fast and loads go
    between them. Operators and tools are taken wherever they are free.
    """

    def __init__(self, shop: Shop, maintenance: Mapping[str, int | None] | None = None) -> None:
        """Begin with the pinned tasks and the maintenance at the given minutes (None: left out).

        Raises:
            NoScheduleError: A maintenance task cannot be placed.
        """
        self.shop = shop
        problem = shop.problem
        self.horizon = problem.horizon_min if problem.horizon_min is not None else inf
        self.free = [0] * len(shop.machines)
        self.family = [machine.first_family for machine in shop.machines]
        self.taken: list[list[Taken]] = [[] for _ in shop.machines]
        self.people = [
            Lane(operator.name, [], [], operator) for operator in problem.operators for _ in range(operator.count)
        ]
        self.tools = {kind: [Lane(kind, [], []) for _ in range(count)] for kind, count in problem.tools.items()}
        self.stock: dict[str, list[tuple[int, float]]] = {}
        for supply in sorted(problem.supplies, key=lambda supply: supply.at_min):
            self.stock.setdefault(supply.material, []).append((supply.at_min, supply.quantity))
        self.end: dict[int, int] = {}
        self.tasks: list[Task] = []
        self._pin()
        for task in problem.maintenance:
            if not any(pin.name == task.name for pin in problem.pinned):
                self._place_maintenance(task, maintenance)

    def _pin(self) -> None:
        """Put the pinned tasks where they are."""
        shop = self.shop
        lanes: dict[tuple[int, str | None], Lane] = {}
        for task in sorted(shop.problem.pinned, key=lambda task: task.start_min):
            machine, number = shop.machine_index[task.machine], shop.load_of.get(task.name)
            family = shop.loads[number].family if number is not None else None
            self.tasks.append(task)
            if number is not None and number in self.end:
                continue
            worked = shop.clocks[machine].worked
            setup_min = worked(task.start_min) - worked(task.setup_start_min)
            insort(self.taken[machine], Taken(task.setup_start_min, task.end_min, family, setup_min))
            self._occupy(task.operator, task.start_min, task.end_min, lanes)
            if number is not None:
                self.end[number] = task.end_min
                load = shop.loads[number]
                if task.start_min >= 0:  # what has begun has had its materials
                    self._use(load, task.start_min)
                tool = next((choice.tool for choice in load.choices if choice.machine == machine), None)
                if tool is not None and self.tools.get(tool):
                    lane = self._free_lane(self.tools[tool], task.start_min, task.end_min)
                    lane.take(task.start_min, task.end_min)

    def _occupy(self, name: str | None, begin: int, end: int, lanes: dict[tuple[int, str | None], Lane]) -> None:
        """Take one of the people of a name."""
        alike = [lane for lane in self.people if lane.name == name]
        if alike:
            self._free_lane(alike, begin, end).take(begin, end)

    @staticmethod
    def _free_lane(lanes: list[Lane], begin: int, end: int) -> Lane:
        """A lane that is free, or the first one if none is."""
        return next((lane for lane in lanes if lane.free_from(begin, end) == begin), lanes[0])

    def _place_maintenance(self, task: Maintenance, wanted: Mapping[str, int | None] | None) -> None:
        """Put a maintenance task at the wanted minute or the next that is free."""
        begin = (wanted or {}).get(task.name, task.earliest_min)
        if begin is None:
            return
        place = self.maintenance_place(task, begin)
        if place is None:
            if task.latest_min is None:
                return
            place = self.maintenance_place(task, task.earliest_min)
        if place is None:
            raise NoScheduleError(f"maintenance {task.name} has no place from {task.earliest_min} to {task.latest_min}")
        begin, person = place
        end, machine = begin + task.duration_min, self.shop.machine_index[task.machine]
        insort(self.taken[machine], Taken(begin, end, None, 0))
        if person is not None:
            self.people[person].take(begin, end)
        name = self.people[person].name if person is not None else None
        self.tasks.append(Task(task.name, task.machine, begin, begin, end, name))

    def maintenance_place(self, task: Maintenance, begin: int) -> tuple[int, int | None] | None:
        """The first minute from `begin` at which a maintenance task fits among the fixed stays, and the technician."""
        latest = task.latest_min if task.latest_min is not None else self.horizon - task.duration_min
        machine, begin = self.shop.machine_index[task.machine], max(begin, task.earliest_min)
        skill = task.skill if self.shop.with_people else None
        while begin <= latest and begin + task.duration_min <= self.horizon:
            end = begin + task.duration_min
            clash = max(
                (stay.end for stay in self.taken[machine] if stay.begin < end and begin < stay.end), default=begin
            )
            if clash > begin:
                begin = clash
                continue
            later, person = self._person(skill, begin, end, [(begin, end)])
            if later == begin:
                return begin, person
            if later is None:
                return None
            begin = later
        return None

    def earliest(self, load: Load, choice: Choice, ready: int) -> Place | None:
        """The earliest place of a load on a machine, behind what is there; None if there is none."""
        machine = choice.machine
        low, family = self.free[machine], self.family[machine]
        taken = self.taken[machine]
        for stay in (*taken, None):
            if stay is not None and stay.end <= low and stay.begin < low:
                continue
            setup_min = self.shop.setup_min(machine, family, load.family)
            if stay is None or self._setup_fits(machine, load.family or family, stay):
                high = self.horizon if stay is None else stay.begin
                place = self._within(load, choice, (low, high), ready, setup_min)
                if place is not None:
                    return place
            if stay is not None:
                low, family = max(low, stay.end), stay.family or family
        return None

    def _setup_fits(self, machine: int, family: str | None, stay: Taken) -> bool:
        """Whether the set-up of a pinned task is long enough after a family."""
        return self.shop.setup_min(machine, family, stay.family) <= stay.setup_min

    def _within(self, load: Load, choice: Choice, gap: tuple[int, float], ready: int, setup_min: int) -> Place | None:
        """The earliest place between two fixed stays."""
        low, high = gap
        clock = self.shop.clocks[choice.machine]
        while True:
            block = clock.block(low, setup_min, ready, choice.duration)
            if block is None or block.end > high:
                return None
            later, person, tool = self._resources(load, choice, block)
            if later is None:
                return None
            if later <= block.start:
                return Place(choice, block, person, tool, setup_min)
            ready = later

    def _resources(self, load: Load, choice: Choice, block: Block) -> tuple[int | None, int | None, int | None]:
        """The block's start with the person and the tool, or a later minute to try (None: never)."""
        start, end = block.start, block.end
        person = tool = None
        if load.materials:
            later = self._material(load, start)
            if later is None or later > start:
                return later, None, None
        if choice.tool is not None:
            lanes = self.tools.get(choice.tool, [])
            frees = [lane.free_from(start, end) for lane in lanes]
            first = min(frees, default=None)
            if first is None or first > start:
                return first, None, None
            tool = frees.index(start)
        if choice.skill is not None:
            parts = self.shop.clocks[choice.machine].parts(start, end)
            later, person = self._person(choice.skill, start, end, parts)
            return later, person, tool
        return start, person, tool

    def _person(self, skill: str | None, start: int, end: int, parts: list[Interval]) -> tuple[int | None, int | None]:
        """`start` and who is free and there, or a later minute to try (None: nobody ever)."""
        if skill is None:
            return start, None
        first: int | None = None
        for number, lane in enumerate(self.people):
            operator = lane.operator
            if operator is None or skill not in operator.skills:
                continue
            later: int | None = lane.free_from(start, end)
            if later == start and not inside(parts, operator.shifts):
                later = next((begin for begin, _ in operator.shifts or () if begin > start), None)
            if later == start:
                return start, number
            if later is not None and (first is None or later < first):
                first = later
        return first, None

    def _material(self, load: Load, start: int) -> int | None:
        """The first minute from which the stock lasts for what a load takes."""
        for material, quantity in load.materials.items():
            total, lasts_from = 0.0, None
            events = self.stock.get(material, [])
            balance = []
            for _, amount in events:
                total += amount
                balance.append(total)
            lowest = inf
            for (minute, _), left in zip(reversed(events), reversed(balance), strict=True):
                lowest = min(lowest, left)
                if lowest < quantity - 1e-9:
                    break
                lasts_from = minute
            if quantity > 0 and lasts_from is None:
                return None
            start = max(start, lasts_from or 0)
        return start

    def _use(self, load: Load, start: int) -> None:
        for material, quantity in load.materials.items():
            insort(self.stock.setdefault(material, []), (start, -quantity))

    def put(self, load: Load, place: Place) -> None:
        """Place a load."""
        machine, block = place.choice.machine, place.block
        self.family[machine] = load.family or self._family_at(machine, block.setup_start)
        self.free[machine] = block.end
        person = None
        if place.person is not None:
            self.people[place.person].take(block.start, block.end)
            person = self.people[place.person].name
        if place.tool is not None and place.choice.tool is not None:
            self.tools[place.choice.tool][place.tool].take(block.start, block.end)
        self._use(load, block.start)
        self.end[load.index] = block.end
        name = self.shop.machines[machine].name
        self.tasks += [Task(task, name, block.setup_start, block.start, block.end, person) for task in load.names]

    def _family_at(self, machine: int, minute: int) -> str | None:
        """What a machine is set up for when a load without a family begins."""
        family = self.family[machine]
        for stay in self.taken[machine]:
            if self.free[machine] <= stay.begin and stay.end <= minute:
                family = stay.family or family
        return family

    def best(self, load: Load, ready: int, choices: tuple[Choice, ...] | None = None) -> Place | None:
        """The place that ends first, the cheapest of those that end together."""
        found, key = None, (inf, inf)
        for choice in choices or load.choices:
            place = self.earliest(load, choice, ready)
            if place is not None:
                cost = self.shop.machines[choice.machine].cost_per_min * (choice.duration + place.setup_min)
                if (place.block.end, cost) < key:
                    found, key = place, (place.block.end, cost)
        return found

    def ready(self, load: Load, active: frozenset[int]) -> int:
        """When all that a load waits for has ended."""
        ends = [self.end[number] for number in load.after if number in active]
        return max([load.release, *ends])
