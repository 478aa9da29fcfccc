"""Parts of the CP-SAT model: sequences with set-ups on machines, material, and what is to be made small."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING, Any

from factory_assets.planning.costs import risk_at
from factory_assets.planning.search.timeline import Clock

if TYPE_CHECKING:
    from factory_assets.planning.exact.cp_model import Model, Stay, Visit


@dataclass(frozen=True)
class Staying:
    """What it costs that tasks of the schedule in force are moved at all, whatever the distance.

    Attributes:
        cost: For each task that begins at another minute or on another machine.
        few: So many are thought few.
        over_cost: For each one more than that, besides.
    """

    cost: float
    few: int
    over_cost: float

    def total(self, moved: int) -> float:
        """What it costs to move so many tasks."""
        return self.cost * moved + self.over_cost * max(0, moved - self.few)


@dataclass
class Money:
    """How money became whole numbers.

    Attributes:
        scale: Whole numbers of the model in one unit of money.
        error: By how much the model may value a schedule too high, in whole numbers.
    """

    scale: float
    error: float = 0.0

    def whole(self, price: float, most: float) -> int:
        """A price as a whole number; `most` is the largest quantity that it is multiplied with."""
        number = round(price * self.scale)
        self.error += max(0.0, number - price * self.scale) * most
        return number

    def bound(self, value: float) -> float:
        """A proven bound of the model, in money, with the rounding taken off."""
        return (value - self.error) / self.scale


def add_sequences(model: Model) -> None:
    """One thing at a time on each machine, and set-ups between families."""
    visits: list[list[Visit]] = [[] for _ in model.shop.machines]
    for visit in model.visits:
        visits[model.shop.machine_index[visit.task.machine]].append(visit)
    for number, stays in enumerate(model.on_machine):
        fixed = [
            model.interval(pin.start_min, pin.end_min - pin.start_min, pin.end_min, model.true)
            for pin in model.pins.values()
            if pin.name not in model.shop.load_of and model.shop.machine_index[pin.machine] == number
        ]
        for one in visits[number]:
            minutes = one.task.duration_min
            fixed.append(model.interval(one.start, minutes, one.start + minutes, one.literal))
        intervals = [
            model.interval(model.start[s.load.index], s.size, model.end[s.load.index], s.literal) for s in stays
        ]
        with_setups = any(model.shop.machines[number].setup_min.values()) and any(s.load.family for s in stays)
        if not with_setups:
            model.cp.add_no_overlap([*intervals, *fixed])
            continue
        _add_circuit(model, number, stays)
        clock = model.shop.clocks[number]
        if clock.may_pause and not clock.always:
            model.cp.add_no_overlap([*intervals, *fixed])
            model.cp.add_no_overlap(_work_axis(model, clock, stays, visits[number]))
        else:
            blocks = [_block(model, stay) for stay in stays]
            model.cp.add_no_overlap([*blocks, *fixed, *_gaps(model, clock)])


def _gaps(model: Model, clock: Clock) -> list[Any]:
    """The times out of shift, so that set-up and work lie in one shift."""
    if clock.always:
        return []
    edges = zip([0, *clock.ends], [*clock.begins, model.horizon], strict=True)
    return [model.interval(begin, end - begin, end, model.true) for begin, end in edges if begin < end]


def _block(model: Model, stay: Stay) -> Any:
    """Set-up and work as one interval."""
    start, end = model.start[stay.load.index], model.end[stay.load.index]
    if isinstance(stay.setup, int):
        return model.interval(start - stay.setup, stay.setup + stay.size, end, stay.literal)
    begin = model.cp.new_int_var(0, model.horizon, "")
    model.cp.add(begin == start - stay.setup).only_enforce_if(stay.literal)
    size = stay.setup + stay.choice.duration
    return model.interval(begin, size, end, stay.literal)


def _add_circuit(model: Model, number: int, stays: list[Stay]) -> None:
    """Which family load follows which on a machine, and how long each set-up takes."""
    cp, shop = model.cp, model.shop
    loads = [stay for stay in stays if stay.load.family is not None]
    lengths = sorted({0, *shop.machines[number].setup_min.values()})
    for stay in loads:
        if model.pin(stay.load) is None:
            from ortools.sat.python.cp_model import Domain

            stay.setup = cp.new_int_var_from_domain(Domain.from_values(lengths), "")
    pinned = sorted((s for s in loads if model.pin(s.load) is not None), key=lambda s: model.start[s.load.index])
    rank = {stay.load.index: at for at, stay in enumerate(pinned)}
    arcs: list[tuple[int, int, Any]] = []
    empty = cp.new_bool_var("")
    arcs.append((0, 0, empty))
    for at, stay in enumerate(loads, start=1):
        node = stay.load.index
        if stay.literal is not model.true:
            arcs.append((at, at, ~stay.literal))
            cp.add_implication(stay.literal, ~empty)
        else:
            cp.add(empty == 0)
        arcs.append((0, at, _arc(model, number, None, stay)))
        last = cp.new_bool_var("")
        model.arcs[number, node, -1] = last
        arcs.append((at, 0, last))
    nodes = list(enumerate(loads, start=1))
    free = [node for node in nodes if node[1].load.index not in rank]
    node_of = {stay.load.index: at for at, stay in nodes}
    for at, one in nodes:
        targets = nodes
        if one.load.index in rank:
            following = pinned[rank[one.load.index] + 1 :][:1]
            targets = [*free, *((node_of[stay.load.index], stay) for stay in following)]
        for to, other in targets:
            if at != to and _may_follow(model, one, other, rank):
                arcs.append((at, to, _arc(model, number, one, other)))
    cp.add_circuit(arcs)


def _may_follow(model: Model, one: Stay, other: Stay, rank: dict[int, int]) -> bool:
    """Whether a load may come directly after another: pinned ones only in their order, and windows must meet."""
    a, b = one.load.index, other.load.index
    if a in rank and b in rank:
        return rank[b] == rank[a] + 1
    if a in rank and b in model.within:
        return bool(model.end[a] <= model.within[b][1])
    if b in rank and a in model.within:
        return bool(model.within[a][0] + one.choice.duration <= model.start[b])
    return True


def _arc(model: Model, number: int, one: Stay | None, other: Stay) -> Any:
    """A literal for "the other comes directly after the one" (None: first on the machine)."""
    cp, shop = model.cp, model.shop
    before = shop.machines[number].first_family if one is None else one.load.family
    minutes = shop.setup_min(number, before, other.load.family)
    literal = cp.new_bool_var("")
    model.arcs[number, -1 if one is None else one.load.index, other.load.index] = literal
    if model.pin(other.load) is None:
        cp.add(other.setup == minutes).only_enforce_if(literal)
    elif minutes > other.setup and not (one is None or model.pin(one.load) is not None):
        cp.add(literal == 0)
    if one is not None:
        begin = model.start[other.load.index] - other.setup
        if model.shop.clocks[number].may_pause and not model.shop.clocks[number].always:
            begin = model.start[other.load.index]
        if not (model.pin(other.load) and model.pin(one.load)):
            cp.add(begin >= model.end[one.load.index]).only_enforce_if(literal)
    return literal


def _work_axis(model: Model, clock: Clock, stays: list[Stay], visits: list[Visit]) -> list[Any]:
    """Set-up and work, and maintenance, in working minutes: what pauses in clock time is one piece there."""
    found = []
    for stay in stays:
        pin = model.pin(stay.load)
        if pin is not None:
            first, last = clock.worked(pin.setup_start_min), clock.worked(pin.end_min)
            found.append(model.interval(first, last - first, last, model.true))
            continue
        work = _worked(model, clock, model.start[stay.load.index], stay.literal)
        begin = work
        if not isinstance(stay.setup, int):
            begin = model.cp.new_int_var(0, clock.sums[-1], "")
            model.cp.add(begin == work - stay.setup).only_enforce_if(stay.literal)
        found.append(
            model.interval(begin, stay.setup + stay.choice.duration, work + stay.choice.duration, stay.literal)
        )
    for visit in visits:
        begin = _worked(model, clock, visit.start, visit.literal)
        end = _worked(model, clock, visit.start + visit.task.duration_min, visit.literal)
        size = model.cp.new_int_var(0, visit.task.duration_min, "")
        found.append(model.interval(begin, size, end, visit.literal))
    return found


def _worked(model: Model, clock: Clock, minute: Any, present: Any) -> Any:
    """The number of working minutes before a minute, as a variable."""
    cp, total = model.cp, clock.sums[-1]
    worked = cp.new_int_var(0, total, "")
    literals = []
    edges = [0]
    for begin, end in zip(clock.begins, clock.ends, strict=True):
        edges += [begin, end]
    edges.append(max(model.horizon, edges[-1]) + 1)
    for at, (low, high) in enumerate(pairwise(edges)):
        if low >= high:
            continue
        literal = cp.new_bool_var("")
        literals.append(literal)
        cp.add_linear_constraint(minute, low, high - 1).only_enforce_if(literal)
        base = clock.worked(low)
        cp.add(worked == (minute - low + base if at % 2 else base)).only_enforce_if(literal)
    cp.add(sum(literals) == present)
    return worked


def add_materials(model: Model) -> None:
    """Stock never falls below nothing; what has begun has had its materials."""
    shop = model.shop
    begun = {shop.load_of.get(task.name) for task in shop.problem.pinned if task.start_min < 0}
    loads = [load for load in shop.loads if load.index not in begun]
    materials = {material for load in loads for material, quantity in load.materials.items() if quantity > 0}
    for material in sorted(materials):
        takers = [load for load in loads if load.materials.get(material, 0) > 0]
        supplies = [supply for supply in shop.problem.supplies if supply.material == material]
        amounts = [load.materials[material] for load in takers] + [supply.quantity for supply in supplies]
        scale = next((s for s in (1, 10, 100, 1000) if all(abs(a * s - round(a * s)) < 1e-9 for a in amounts)), 10**6)
        times = [model.start[load.index] for load in takers] + [supply.at_min for supply in supplies]
        taken = [-round(load.materials[material] * scale) for load in takers]
        come = [round(supply.quantity * scale) for supply in supplies]
        actives = [model.present[load.index] for load in takers] + [model.true] * len(supplies)
        model.cp.add_reservoir_constraint_with_active(times, [*taken, *come], actives, 0, sum(come) + 1)


def add_values(model: Model) -> Money | None:
    """The objective: the makespan, or all costs."""
    if model.objective == "makespan":
        makespan = model.cp.new_int_var(0, model.horizon, "makespan")
        for number in range(len(model.shop.loads)):
            if not any(model.present[follower] is model.true for follower in model.shop.followers[number]):
                _after(model, makespan, model.end[number], number)
        _add_machine_loads(model, makespan)
        model.cp.minimize(makespan)
        return None
    money = Money(_scale(model))
    terms = [*_lateness(model, money), *_running(model, money), *_risks(model, money), *_moves(model, money)]
    model.cp.minimize(sum(terms))
    return money


def _add_machine_loads(model: Model, makespan: Any) -> None:
    """No machine works longer than the makespan: tightens the bound where machines are chosen."""
    if all(len(stays) == 1 for stays in model.stays):
        return
    for stays in model.on_machine:
        model.cp.add(sum(stay.literal * stay.choice.duration for stay in stays) <= makespan)


def _after(model: Model, late: Any, end: Any, number: int) -> None:
    conditions = [] if model.present[number] is model.true else [model.present[number]]
    model.cp.add(late >= end).only_enforce_if(conditions)


def _scale(model: Model) -> float:
    """Whole numbers in a unit of money, so that the whole objective stays far from overflow."""
    problem = model.shop.problem
    rates = [order.late_cost_per_min for order in problem.orders] + [one.cost_per_min for one in problem.machines]
    most = sum(rates) * model.horizon + sum(
        max((cost for _, cost in one.risk_cost), default=0) for one in problem.maintenance
    )
    most += (problem.move_cost_per_min * model.horizon) * len(problem.before)
    most += model.staying.total(len(problem.before)) if model.staying is not None else 0
    return next((scale for scale in (1000.0, 100.0, 10.0) if most * scale < 1e14), 1.0)


def _lateness(model: Model, money: Money) -> list[Any]:
    terms = []
    for order in model.shop.problem.orders:
        if order.due_min is None or order.late_cost_per_min == 0:
            continue
        late = model.cp.new_int_var(0, max(0, model.horizon - order.due_min), "")
        own = {model.shop.load_of[operation.name] for operation in order.operations}
        for number in own:
            pinned = model.pin(model.shop.loads[number]) is not None
            last = not any(f in own and model.present[f] is model.true for f in model.shop.followers[number])
            if last or pinned or model.present[number] is not model.true:
                _after(model, late, model.end[number] - order.due_min, number)
        terms.append(money.whole(order.late_cost_per_min, model.horizon) * late)
    return terms


def _running(model: Model, money: Money) -> list[Any]:
    """Work and set-ups."""
    terms: list[Any] = []
    for number, stays in enumerate(model.on_machine):
        rate = model.shop.machines[number].cost_per_min
        if rate:
            terms += [money.whole(rate * stay.choice.duration, 1) * stay.literal for stay in stays]
    for (number, before, after), literal in model.arcs.items():
        if after >= 0:
            machine, load = model.shop.machines[number], model.shop.loads[after]
            family = machine.first_family if before < 0 else model.shop.loads[before].family
            minutes = model.shop.setup_min(number, family, load.family)
            if minutes and machine.cost_per_min:
                terms.append(money.whole(machine.cost_per_min * minutes, 1) * literal)
    return terms


def _risks(model: Model, money: Money) -> list[Any]:
    terms: list[Any] = []
    for visit in model.visits:
        points = visit.task.risk_cost
        if not points:
            continue
        costs = [round(cost * money.scale) for _, cost in points]
        risk = model.cp.new_int_var(min(0, *costs) - 1, max(0, *costs) + 1, "")
        money.error += 2.0
        literals = [] if visit.literal is model.true else [~visit.literal]
        for literal in literals:
            model.cp.add(risk >= costs[-1]).only_enforce_if(literal)
        edges = [(min(-1, points[0][0] - 1), costs[0]), *zip((minute for minute, _ in points), costs, strict=True)]
        edges.append((max(model.horizon, points[-1][0]) + 1, costs[-1]))
        for (left, low), (right, high) in pairwise(edges):
            literal = model.cp.new_bool_var("")
            literals.append(literal)
            model.cp.add_linear_constraint(visit.start, left, right).only_enforce_if(literal)
            span = right - left
            model.cp.add(span * risk >= low * span + (high - low) * (visit.start - left)).only_enforce_if(literal)
        model.cp.add_exactly_one(literals)
        terms.append(risk)
    pinned = [task for task in model.shop.problem.maintenance if task.name in model.pins]
    terms.append(sum(round(risk_at(task, model.pins[task.name].start_min) * money.scale) for task in pinned))
    money.error += len(pinned)
    return terms


def _moves(model: Model, money: Money) -> list[Any]:
    terms: list[Any] = []
    moves: list[Any] = []
    price = model.shop.problem.move_cost_per_min
    visits = {visit.task.name: visit for visit in model.visits}
    for task in model.shop.problem.before:
        number = model.shop.load_of.get(task.name)
        if number is not None:
            start, present = model.start[number], model.present[number]
        elif task.name in visits:
            start, present = visits[task.name].start, visits[task.name].literal
        else:
            continue
        if price:
            moved = model.cp.new_int_var(0, max(model.horizon, task.start_min), "")
            model.cp.add(moved >= start - task.start_min).only_enforce_if(present)
            model.cp.add(moved >= task.start_min - start).only_enforce_if(present)
            terms.append(money.whole(price, model.horizon) * moved)
        if model.staying is not None and task.name not in model.pins:
            stays = model.cp.new_bool_var("")
            model.cp.add(start == task.start_min).only_enforce_if(stays)
            for stay in model.stays[number] if number is not None else ():
                if model.shop.machines[stay.choice.machine].name != task.machine:
                    model.cp.add_implication(stays, ~stay.literal)
            moves.append(1 - stays)
    if model.staying is not None and moves:
        over = model.cp.new_int_var(0, len(moves), "")
        model.cp.add(over >= sum(moves) - model.staying.few)
        terms.append(round(model.staying.cost * money.scale) * sum(moves))
        terms.append(round(model.staying.over_cost * money.scale) * over)
    return terms
