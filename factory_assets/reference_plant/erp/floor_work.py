"""The shop floor at work: it follows its dispatch list, or helps itself where it has none.

Every five minutes each idle machine takes the next task of its list, if all is there that the task needs; now and then
another one. What is decided at a moment follows from the plant at that moment alone, so it does not matter how often
somebody looks.
"""

from __future__ import annotations

from collections.abc import Iterable

from factory_assets.reference_plant.erp import chance
from factory_assets.reference_plant.erp.floor import SETUPS, TOOLS
from factory_assets.reference_plant.erp.hours import minute_of
from factory_assets.reference_plant.erp.memory import Job, Memory
from factory_assets.reference_plant.erp.presence import Crews, Machines
from factory_assets.reference_plant.erp.steps import Key, Step, step_of
from factory_assets.reference_plant.erp.store import Store
from factory_assets.reference_plant.erp.work_lists import Task, batch_of, by_due_date, listed_tasks

TICK_MIN = 5
EARLY_MIN = 15  # nobody begins a task of the list earlier than this
PATIENCE_MIN = 30  # so long a machine waits for its next task before it looks at those after it
LOOKED_AT, AHEAD_MIN = 4, 240  # so many tasks of the list, planned for the next four hours
STALE_AFTER_MIN = 30 * 60  # an order that the list does not hold waits so long for a new list


class Floor:
    """The floor from the moment of a memory on; `work_until` takes the memory along."""

    def __init__(self, memory: Memory, seed: int, machines: Machines, crews: Crews) -> None:
        self.memory, self.seed, self.machines, self.crews = memory, seed, machines, crews
        self.running: dict[str, tuple[Job, Step]] = {}
        self.family = dict(memory.families)
        self.routing = {order: routing for order, routing, _ in memory.jobs}
        self.release = {order: minute_of(row["release_utc"]) for order, row in memory.orders.items()}
        self.free_from: dict[str, int] = {}
        for key, job in sorted(memory.jobs.items(), key=lambda item: item[1].begin):
            self._remember(job, step_of(key))
        for order in memory.work_orders:
            if order.state == "begun" and order.ends is not None:
                self._occupy(order.machine, order.ends)
        self.store = Store(memory, seed)
        self.lists = listed_tasks(memory)
        listed = {key[0] for tasks in self.lists.values() for task in tasks for key in task.keys}
        self.unlisted = by_due_date(memory, (order for order in memory.orders if order not in listed))

    def work_until(self, now: int) -> None:
        """Let the time pass."""
        memory = self.memory
        for minute in range(memory.now - memory.now % TICK_MIN + TICK_MIN, now + 1, TICK_MIN):
            self.store.move(minute)
            self._maintain(minute)
            idle = {name for name in self.machines.hours if self._is_idle(name, minute)}
            if idle:
                self._follow_the_lists(idle, minute)
                self._help_themselves(idle, minute)
        self.store.move(now)
        memory.now = now

    # What machines do next

    def _maintain(self, minute: int) -> None:
        """Begin maintenance that is due, on machines that are free."""
        for order in self.memory.work_orders:
            is_due = order.state == "planned" and order.begin <= minute and order.machine in self.machines.hours
            if is_due and self.free_from.get(order.machine, 0) <= minute:
                minutes = order.end - order.begin
                factor = chance.maintenance_factor_of(self.seed, order.name)
                order.state, order.begin, order.end = "begun", minute, minute + minutes
                order.ends = minute + max(1, round(minutes * factor))
                self._occupy(order.machine, order.ends)

    def _follow_the_lists(self, idle: set[str], minute: int) -> None:
        heads = [tasks[0] for machine, tasks in self.lists.items() if machine in idle and tasks]
        for head in sorted(heads, key=lambda task: task.planned_for):
            tasks = self.lists[head.machine]
            for task in self._choice(tasks, minute):
                if self._begin(task, minute):
                    tasks.remove(task)
                    idle.discard(task.machine)
                    break

    def _choice(self, tasks: list[Task], minute: int) -> list[Task]:
        """What a machine would do now, best first."""
        head = tasks[0]
        if head.planned > minute + EARLY_MIN:
            return []
        if chance.is_swapped(self.seed, head.name):
            return [*(task for task in tasks[1:2] if task.planned <= minute + AHEAD_MIN), head]
        if minute >= head.planned + PATIENCE_MIN and chance.is_impatient(self.seed, head.name):
            return [task for task in tasks[:LOOKED_AT] if task.planned <= minute + AHEAD_MIN]
        return [head]

    def _help_themselves(self, idle: set[str], minute: int) -> None:
        memory = self.memory
        if not self.unlisted or (memory.listed_from is not None and minute < memory.listed_from + STALE_AFTER_MIN):
            return
        self.unlisted = [key for key in self.unlisted if key not in memory.jobs]
        for key in self.unlisted:
            machines = idle.intersection(step_of(key).machines)
            if not machines or key in memory.jobs or self.release[key[0]] > minute:
                continue
            if not self._is_ready(batch_of(memory, key), minute):
                continue
            tasks = [Task(batch_of(memory, key), machine) for machine in machines]
            for task in sorted(tasks, key=lambda task: (self._setup_min(task.machine, step_of(key)), task.machine)):
                if self._has_time(task, minute) and self._begin(task, minute):
                    idle.discard(task.machine)
                    break

    def _has_time(self, task: Task, minute: int) -> bool:
        """Whether it is over before the machine's list goes on."""
        tasks = self.lists.get(task.machine)
        return not tasks or tasks[0].planned >= self.machines.shifts[task.machine].end_of(
            minute, self._setup_min(task.machine, step_of(task.keys[0])) + self._planned_min(task)
        )

    # What a task needs

    def _is_idle(self, machine: str, minute: int) -> bool:
        return self.free_from.get(machine, 0) <= minute and self.machines.hours[machine].is_open(minute)

    def _is_ready(self, keys: Iterable[Key], minute: int) -> bool:
        for key in keys:
            order, routing, _ = key
            if self.release[order] > minute or self.routing.get(order, routing) != routing:
                return False
            before = (self.memory.jobs.get((order, routing, number)) for number in step_of(key).after)
            if any(job is None or job.end > minute for job in before):
                return False
        return self.store.holds(keys)

    def _place(self, task: Task, minute: int) -> Job | None:
        """The job, if operator and tool are there to begin it now."""
        step, hours = step_of(task.keys[0]), self.machines.hours[task.machine]
        setup, planned = self._setup_min(task.machine, step), self._planned_min(task)
        setup = round(setup * chance.setup_factor_of(self.seed, task.name))
        begin, operator = hours.next_open(hours.end_of(minute, setup)), None
        if step.skill is not None:
            operator = self._operator(task, step.skill, begin, planned)
            if operator is None:
                return None
        if step.tool is not None and self._in_use(begin, tool=step.tool) >= TOOLS[step.tool]:
            return None
        minutes = max(1, round(planned * chance.factor_of(self.seed, task.name)))
        return Job(task.machine, operator, minute, begin, hours.end_of(begin, minutes))

    def _operator(self, task: Task, skill: str, begin: int, planned: int) -> str | None:
        able = self.crews.able(skill, self.machines.shifts[task.machine], begin, planned)
        able.sort(key=lambda name: (name != task.operator, name))
        free = (name for name in able if self._in_use(begin, operator=name) < self.crews.present(name, begin))
        return next(free, None)

    def _in_use(self, minute: int, *, operator: str | None = None, tool: str | None = None) -> int:
        return sum(
            job.end > minute and (step.tool == tool if operator is None else job.operator == operator)
            for job, step in self.running.values()
        )

    def _planned_min(self, task: Task) -> int:
        return max(step_of(key).planned_min(self.memory.orders[key[0]]["pieces"]) for key in task.keys)

    def _setup_min(self, machine: str, step: Step) -> int:
        before = self.family.get(machine)
        if before is None or step.family is None:
            return 0
        return SETUPS.get(machine.rsplit("-", 1)[0], {}).get(before, {}).get(step.family, 0)

    def _begin(self, task: Task, minute: int) -> bool:
        if not self._is_ready(task.keys, minute):
            return False
        job = self._place(task, minute)
        if job is None:
            return False
        for key in task.keys:
            self.memory.jobs[key], self.routing[key[0]] = job, key[1]
            self.store.promise(key, job)
        self._remember(job, step_of(task.keys[0]))
        return True

    def _remember(self, job: Job, step: Step) -> None:
        self.running[job.machine] = (job, step)
        self.family[job.machine] = step.family or self.family.get(job.machine)
        self._occupy(job.machine, job.end)

    def _occupy(self, machine: str, until: int) -> None:
        self.free_from[machine] = max(until, self.free_from.get(machine, 0))
