"""What operators, tools and materials ask of a schedule."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator

from factory_assets.planning.checking.placement import Placed, Placement
from factory_assets.planning.checking.presence import Presence
from factory_assets.planning.checking.violation import Rule, Violation
from factory_assets.planning.problem import Interval, Operator, Problem, Task

Use = tuple[int, int, str]
MATERIAL_TOLERANCE = 1e-6


def resource_violations(problem: Problem, placement: Placement) -> Iterator[Violation]:
    """Everything that is wrong with operators, tools and materials."""
    if problem.operators:
        yield from _operator_violations(problem, placement)
    yield from _tool_violations(problem, placement)
    yield from _material_violations(problem, placement)


def _operator_violations(problem: Problem, placement: Placement) -> Iterator[Violation]:
    operators = {operator.name: operator for operator in problem.operators}
    presences = {operator.name: Presence(operator.shifts) for operator in problem.operators}
    uses: dict[str, set[Use]] = defaultdict(set)
    for task, skill, pieces, name in _staffed(problem, placement):
        operator = operators.get(task.operator or "")
        if operator is None:
            who = f"{task.operator}, who is no operator" if task.operator else "nobody"
            yield Violation("operator", (task.name,), f"{task.name} needs somebody for {skill}, but {who} is planned")
            continue
        if task.name not in placement.pinned:
            yield from _fitness(task, skill, pieces, operator, presences[operator.name])
        uses[operator.name] |= {(begin, end, name) for begin, end in pieces}
    for name, of_operator in uses.items():
        yield from _excess("operator", name, operators[name].count, of_operator)


def _staffed(problem: Problem, placement: Placement) -> Iterator[tuple[Task, str, list[Interval], str]]:
    """Tasks that need somebody: skill, the minutes, and what they count as (a batch once)."""
    for placed in placement.operations:
        task, skill = placed.task, placed.mode.skill
        if skill is None:
            continue
        pieces = [(task.start_min, task.end_min)]
        if problem.machine[task.machine].may_pause and not placed.is_pinned:
            pieces = placement.presences[task.machine].within(task.start_min, task.end_min)
        yield task, skill, pieces, _occupation(placed)
    for task, maintenance in placement.maintenance:
        if maintenance.skill is not None:
            yield task, maintenance.skill, [(task.start_min, task.end_min)], task.name


def _fitness(
    task: Task, skill: str, pieces: list[Interval], operator: Operator, presence: Presence
) -> Iterator[Violation]:
    if skill not in operator.skills:
        yield Violation("operator", (task.name,), f"{operator.name} cannot do {skill}, which {task.name} needs")
    if not all(presence.holds(begin, end) for begin, end in pieces):
        yield Violation("operator", (task.name,), f"{operator.name} is not there all the time that {task.name} takes")


def _tool_violations(problem: Problem, placement: Placement) -> Iterator[Violation]:
    uses: dict[str, set[Use]] = defaultdict(set)
    for placed in placement.operations:
        if placed.mode.tool is not None:
            uses[placed.mode.tool].add((placed.task.start_min, placed.task.end_min, _occupation(placed)))
    for tool, of_tool in uses.items():
        yield from _excess("tool", tool, problem.tools.get(tool, 0), of_tool)


def _occupation(placed: Placed) -> str:
    batch = placed.operation.batch
    return placed.task.name if batch is None else f"batch {batch} on {placed.task.machine}"


def _excess(rule: Rule, what: str, count: int, uses: Iterable[Use]) -> Iterator[Violation]:
    """The first moment at which more is used than there is; what ends at a minute is free at that minute."""
    changes = [(begin, 1, name) for begin, end, name in uses if begin < end]
    changes += [(end, -1, name) for begin, end, name in uses if begin < end]
    busy: list[str] = []
    for minute, change, name in sorted(changes):
        if change < 0:
            busy.remove(name)
            continue
        busy.append(name)
        if len(busy) > count:
            words = f"{what} is used {len(busy)} times at minute {minute}, but there are {count}: {', '.join(busy)}"
            yield Violation(rule, tuple(busy), words)
            return


def _material_violations(problem: Problem, placement: Placement) -> Iterator[Violation]:
    changes: dict[str, list[tuple[int, int, float, str]]] = defaultdict(list)
    for supply in problem.supplies:
        changes[supply.material].append((supply.at_min, 0, supply.quantity, ""))
    for placed in placement.operations:
        if placed.is_pinned and placed.task.start_min < 0:
            continue
        for material, quantity in placed.operation.materials.items():
            changes[material].append((placed.task.start_min, 1, -quantity, placed.task.name))
    for material, of_material in changes.items():
        stock = 0.0
        for minute, _, quantity, name in sorted(of_material):
            stock += quantity
            if stock < -MATERIAL_TOLERANCE and name:
                words = f"{-stock:g} of {material} is missing when {name} begins at minute {minute}"
                yield Violation("material", (name,), words)
                break
