"""The problem as a model of OR-Tools CP-SAT, and its solution as a schedule.

Each load has a start, an end and one literal per choice. Shifts are the allowed starts (by how long the work pauses),
set-ups a circuit through the families of each machine, operators and tools cumulative resources, material a reservoir.
Source of intervals with modes: Laborie, Rogerie, Shaw, Vilim: IBM ILOG CP optimizer for scheduling (Constraints 2018).
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from factory_assets.planning.costs import Objective
from factory_assets.planning.exact.cp_parts import Money, Staying, add_materials, add_sequences, add_values
from factory_assets.planning.problem import Maintenance, Operator, Schedule, Task
from factory_assets.planning.search.loads import Choice, Load, Shop
from factory_assets.planning.search.timeline import start_pieces

if TYPE_CHECKING:
    from ortools.sat.python import cp_model


@dataclass
class Stay:
    """A load on one machine, as variables.

    Attributes:
        load: The load.
        choice: How it is done.
        literal: Whether it is done so.
        size: Minutes from start to end.
        setup: Minutes of set-up before it; 0 if its machine has none.
        people: A literal for each operator who could do it.
    """

    load: Load
    choice: Choice
    literal: Any
    size: Any
    setup: Any = 0
    people: list[tuple[Operator, Any]] = field(default_factory=list)


@dataclass
class Visit:
    """A maintenance task, as variables."""

    task: Maintenance
    start: Any
    literal: Any
    people: list[tuple[Operator, Any]] = field(default_factory=list)


class Model:
    """The model of a problem.

    Attributes:
        cp: The CP-SAT model.
        horizon: Nothing ends after.
        money: How money became whole numbers; None where the makespan is the objective.
    """

    def __init__(
        self,
        shop: Shop,
        objective: Objective,
        horizon: int,
        *,
        staying: Staying | None = None,
        within: dict[int, tuple[int, int]] | None = None,
    ) -> None:
        """Build the model.

        Args:
            shop: The problem.
            objective: What is to be made small.
            horizon: Nothing ends after.
            staying: What it costs that tasks of `before` are moved at all; then no bound of the cost is proved.
            within: For some loads, first and last start.
        """
        from ortools.sat.python import cp_model

        self.shop, self.objective, self.horizon = shop, objective, horizon
        self.staying, self.within = staying, within or {}
        self.cp: cp_model.CpModel = cp_model.CpModel()
        self.true = self.cp.new_constant(1)
        self.pins = {task.name: task for task in shop.problem.pinned}
        self.start: list[Any] = []
        self.end: list[Any] = []
        self.present: list[Any] = []
        self.stays: list[list[Stay]] = []
        self.on_machine: list[list[Stay]] = [[] for _ in shop.machines]
        self.arcs: dict[tuple[int, int, int], Any] = {}
        self.routing = self._routings()
        for load in shop.loads:
            self._add_load(load)
        for load in shop.loads:
            self._add_precedence(load)
        self.visits = [self._add_visit(task) for task in shop.problem.maintenance if task.name not in self.pins]
        self._add_resources()
        add_sequences(self)
        add_materials(self)
        self.money: Money | None = add_values(self)

    def pin(self, load: Load) -> Task | None:
        """The pinned task of a load."""
        return self.pins.get(load.names[0])

    def _routings(self) -> list[list[Any]]:
        found = []
        for order, routings in enumerate(self.shop.routings):
            literals = [self.cp.new_bool_var(f"routing {order} {number}") for number in range(len(routings))]
            if literals:
                self.cp.add_exactly_one(literals)
            found.append(literals)
        return found

    def _presence(self, load: Load) -> Any:
        """Whether a load is done."""
        for order in load.orders:
            holding = [
                literal
                for literal, loads in zip(self.routing[order], self.shop.routings[order], strict=True)
                if load.index in loads
            ]
            if holding and len(holding) < len(self.routing[order]):
                if len(holding) == 1:
                    return holding[0]
                present = self.cp.new_bool_var("")
                self.cp.add(sum(holding) == present)
                return present
        return self.true

    def _add_load(self, load: Load) -> None:
        pin, present = self.pin(load), self._presence(load)
        self.present.append(present)
        if pin is not None:
            machine = self.shop.machine_index[pin.machine]
            alike = [choice for choice in load.choices if choice.machine == machine]
            worked = self.shop.clocks[machine].worked
            minutes = worked(pin.end_min) - worked(pin.start_min)
            choice = min(alike, key=lambda choice: abs(choice.duration - minutes))
            self.cp.add(present == 1)
            self.start.append(pin.start_min)
            self.end.append(pin.end_min)
            setup = worked(pin.start_min) - worked(pin.setup_start_min)
            stay = Stay(load, choice, self.true, pin.end_min - pin.start_min, setup)
            if pin.operator is not None:
                stay.people = [(one, self.true) for one in self.shop.problem.operators if one.name == pin.operator]
            self.stays.append([stay])
            self.on_machine[machine].append(stay)
            return
        first, last = self.within.get(load.index, (load.release, self.horizon))
        start = self.cp.new_int_var(max(first, load.release), max(last, load.release), f"start {load.names[0]}")
        only = load.choices[0] if len(load.choices) == 1 else None
        always = only is not None and self.shop.clocks[only.machine].always
        end: Any = start + only.duration if only is not None and always else self.cp.new_int_var(0, self.horizon, "")
        self.start.append(start)
        self.end.append(end)
        stays = []
        for choice in load.choices:
            literal = present if only is not None else self.cp.new_bool_var(f"{load.names[0]} on {choice.machine}")
            stay = Stay(load, choice, literal, self._size(choice))
            if not always or choice.skill is not None:
                self._add_times(stay)
            stays.append(stay)
            self.on_machine[choice.machine].append(stay)
        if always:
            self.cp.add(end <= self.horizon).only_enforce_if([] if present is self.true else [present])
        if only is None:
            self.cp.add(sum(stay.literal for stay in stays) == present)
        self.stays.append(stays)

    def _size(self, choice: Choice) -> Any:
        """Minutes from start to end: a number, or a variable where work may pause."""
        clock = self.shop.clocks[choice.machine]
        pauses = not clock.always and clock.may_pause
        return self.cp.new_int_var(choice.duration, self.horizon, "") if pauses else choice.duration

    def _add_times(self, stay: Stay) -> None:
        """Tie start, end and the choice of operator to the shifts."""
        load, choice = stay.load, stay.choice
        clock = self.shop.clocks[choice.machine]
        start, end = self.start[load.index], self.end[load.index]
        if choice.skill is None:
            self._allow(start_pieces(clock, choice.duration, self.horizon), start, end, choice.duration, stay.literal)
            return
        for operator in self.shop.problem.operators:
            if choice.skill not in operator.skills:
                continue
            literal = self.cp.new_bool_var("")
            pieces = start_pieces(clock, choice.duration, self.horizon, operator.shifts)
            self._allow(pieces, start, end, choice.duration, literal)
            stay.people.append((operator, literal))
        self.cp.add(sum(literal for _, literal in stay.people) == stay.literal)

    def _allow(
        self, pieces: dict[int, list[tuple[int, int]]], start: Any, end: Any, minutes: int, literal: Any
    ) -> None:
        """Allow these starts, with the end that belongs to each."""
        from ortools.sat.python import cp_model

        if not pieces:
            self.cp.add(literal == 0)
            return
        chosen = [literal] if len(pieces) == 1 else [self.cp.new_bool_var("") for _ in pieces]
        if len(chosen) > 1:
            self.cp.add(sum(chosen) == literal)
        for one, (pause, starts) in zip(chosen, pieces.items(), strict=True):
            domain = cp_model.Domain.from_intervals([list(piece) for piece in starts])
            self.cp.add_linear_expression_in_domain(start, domain).only_enforce_if(one)
            self.cp.add(end == start + minutes + pause).only_enforce_if(one)

    def _add_precedence(self, load: Load) -> None:
        for number in load.after:
            # What is pinned may have begun before its time, but not what only stands still beside a window.
            if self.pin(load) is not None and number not in self.within:
                continue
            conditions = [one for one in (self.present[number], self.present[load.index]) if one is not self.true]
            self.cp.add(self.start[load.index] >= self.end[number]).only_enforce_if(conditions)

    def _add_visit(self, task: Maintenance) -> Visit:
        latest = self.horizon - task.duration_min if task.latest_min is None else task.latest_min
        literal = self.cp.new_bool_var("") if task.latest_min is None else self.true
        start = self.cp.new_int_var(task.earliest_min, max(latest, task.earliest_min), f"start {task.name}")
        visit = Visit(task, start, literal)
        if task.skill is not None and self.shop.with_people:
            for operator in self.shop.problem.operators:
                if task.skill in operator.skills:
                    chosen = self.cp.new_bool_var("")
                    shifts = operator.shifts if operator.shifts is not None else ((0, self.horizon),)
                    pieces = [(a, b - task.duration_min) for a, b in shifts if b - a >= task.duration_min]
                    self._allow(
                        {0: pieces} if pieces else {}, start, start + task.duration_min, task.duration_min, chosen
                    )
                    visit.people.append((operator, chosen))
            self.cp.add(sum(chosen for _, chosen in visit.people) == literal)
        return visit

    def _add_resources(self) -> None:
        """Operators and tools."""
        busy: dict[str, list[Any]] = defaultdict(list)
        tools: dict[str, list[Any]] = defaultdict(list)
        for stays in self.stays:
            for stay in stays:
                number = stay.load.index
                for operator, literal in stay.people:
                    busy[operator.name].append(self.interval(self.start[number], stay.size, self.end[number], literal))
                if stay.choice.tool is not None:
                    interval = self.interval(self.start[number], stay.size, self.end[number], stay.literal)
                    tools[stay.choice.tool].append(interval)
        for visit in self.visits:
            for operator, literal in visit.people:
                minutes = visit.task.duration_min
                busy[operator.name].append(self.interval(visit.start, minutes, visit.start + minutes, literal))
        self._pin_technicians(busy)
        for operator in self.shop.problem.operators:
            self._limit(busy[operator.name], operator.count)
        for tool, intervals in tools.items():
            self._limit(intervals, self.shop.problem.tools.get(tool, 0))

    def _pin_technicians(self, busy: dict[str, list[Any]]) -> None:
        for task in self.shop.problem.pinned:
            if task.name not in self.shop.load_of and task.operator is not None:
                minutes = task.end_min - task.start_min
                busy[task.operator].append(self.interval(task.start_min, minutes, task.end_min, self.true))

    def interval(self, start: Any, size: Any, end: Any, literal: Any) -> Any:
        """An interval that is there if the literal is true."""
        if literal is self.true:
            return self.cp.new_interval_var(start, size, end, "")
        return self.cp.new_optional_interval_var(start, size, end, literal, "")

    def _limit(self, intervals: list[Any], count: int) -> None:
        if count == 1:
            self.cp.add_no_overlap(intervals)
        elif intervals:
            self.cp.add_cumulative(intervals, [1] * len(intervals), count)

    def hint(self, schedule: Schedule) -> None:
        """Begin the search at a schedule."""
        placed = schedule.task
        self.cp.clear_hints()
        for stays in self.stays:
            load = stays[0].load
            task = placed.get(load.names[0])
            if self.pin(load) is not None or task is None:
                continue
            self.cp.add_hint(self.start[load.index], task.start_min)
            if len(stays) > 1:
                for stay in stays:
                    self.cp.add_hint(stay.literal, self.shop.machines[stay.choice.machine].name == task.machine)
        for order, literals in enumerate(self.routing):
            for literal, loads in zip(literals, self.shop.routings[order], strict=True):
                self.cp.add_hint(literal, all(self.shop.loads[number].names[0] in placed for number in loads))
        for visit in self.visits:
            task = placed.get(visit.task.name)
            if task is not None:
                self.cp.add_hint(visit.start, task.start_min)
            if visit.literal is not self.true:
                self.cp.add_hint(visit.literal, task is not None)
        self._hint_arcs(placed)

    def _hint_arcs(self, placed: dict[str, Task]) -> None:
        if not self.arcs:
            return
        following: set[tuple[int, int, int]] = set()
        by_machine: dict[int, list[tuple[int, int]]] = defaultdict(list)
        for load in self.shop.loads:
            task = placed.get(load.names[0])
            if task is not None and load.family is not None:
                by_machine[self.shop.machine_index[task.machine]].append((task.start_min, load.index))
        for machine, loads in by_machine.items():
            chain = [number for _, number in sorted(loads)]
            following |= {(machine, a, b) for a, b in zip([-1, *chain], [*chain, -1], strict=True)}
        for arc, literal in self.arcs.items():
            self.cp.add_hint(literal, arc in following)

    def tasks(self, solver: cp_model.CpSolver | cp_model.CpSolverSolutionCallback) -> list[Task]:
        """The solution's tasks."""
        found = list(self.shop.problem.pinned)
        for stays in self.stays:
            stay = next((stay for stay in stays if solver.boolean_value(stay.literal)), None)
            if stay is None or self.pin(stay.load) is not None:
                continue
            start, end = (solver.value(times[stay.load.index]) for times in (self.start, self.end))
            clock, setup_min = self.shop.clocks[stay.choice.machine], solver.value(stay.setup)
            setup_start = start
            if setup_min:
                before = clock.begin_of(clock.worked(start) - setup_min)
                setup_start = start if before is None else before
            person = next((one.name for one, literal in stay.people if solver.boolean_value(literal)), None)
            machine = self.shop.machines[stay.choice.machine].name
            found += [Task(name, machine, setup_start, start, end, person) for name in stay.load.names]
        for visit in self.visits:
            if solver.boolean_value(visit.literal):
                start = solver.value(visit.start)
                person = next((one.name for one, literal in visit.people if solver.boolean_value(literal)), None)
                end = start + visit.task.duration_min
                found.append(Task(visit.task.name, visit.task.machine, start, start, end, person))
        return found
