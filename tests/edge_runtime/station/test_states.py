from __future__ import annotations

import itertools

import pytest
from transitions import MachineError

from edge_runtime.station.states import EVENTS_KEPT, STATES, TRANSITIONS, Event, EventLog, State, StateMachine

# The shortest way from the start to each state.
WAYS: dict[State, tuple[str, ...]] = {
    "Preoperational": (),
    "Initialized": ("power_up",),
    "Ready": ("power_up", "prepare"),
    "SingleExecution": ("power_up", "prepare", "start_single"),
    "ContinuousExecution": ("power_up", "prepare", "start_continuous"),
    "Error": ("fail",),
    "Halted": ("halt",),
}


def machine_in(state: State) -> StateMachine:
    machine = StateMachine(EventLog())
    for event in WAYS[state]:
        machine.trigger(event)  # type: ignore[attr-defined]
    assert machine.state == state
    return machine


@pytest.mark.parametrize(("event", "source", "to"), TRANSITIONS)
def test_every_transition_is_taken_and_noted(event: str, source: State, to: State) -> None:
    machine = machine_in(source)
    machine.trigger(event)  # type: ignore[attr-defined]
    assert machine.state == to
    noted = machine._log.events[-1]
    assert noted.kind == "StateChanged"
    assert noted.values == {"from": source, "to": to, "by": event}


ALLOWED = {(source, event) for event, source, _ in TRANSITIONS}
REFUSED = [
    (state, event)
    for state, event in itertools.product(STATES, sorted({event for event, _, _ in TRANSITIONS}))
    if (state, event) not in ALLOWED
]


@pytest.mark.parametrize(("state", "event"), REFUSED)
def test_nothing_else_is(state: State, event: str) -> None:
    machine = machine_in(state)
    with pytest.raises(MachineError):
        machine.trigger(event)  # type: ignore[attr-defined]
    assert machine.state == state


@pytest.mark.parametrize(("source", "target"), itertools.product(STATES, STATES))
def test_every_state_can_be_reached_from_every_other(source: State, target: State) -> None:
    machine = machine_in(source)
    machine._log.events.clear()
    machine.go_to(target)
    assert machine.state == target
    passed = [event.values["to"] for event in machine._log.events]
    assert passed == [] if source == target else passed[-1] == target
    # Nothing fails or halts on its way to somewhere else.
    assert target == "Preoperational" or not {"Error", "Halted"} & set(passed[:-1])


def test_an_execution_of_one_part_is_noted_but_not_told() -> None:
    told: list[Event] = []
    machine = StateMachine(EventLog(told.append))
    for state in ("Ready", "SingleExecution", "Ready", "SingleExecution", "Error"):
        machine.go_to(state)  # type: ignore[arg-type]
    assert [event.values["to"] for event in told] == ["Initialized", "Ready", "Error"]
    assert len(machine._log.events) == 6


def test_events_are_bounded_and_those_of_every_part_are_not_told() -> None:
    told: list[Event] = []
    log = EventLog(told.append)
    for number in range(EVENTS_KEPT + 10):
        log.add("ResultReady", sequence=number)
    log.fault("camera", "unplugged")
    assert len(log.events) == EVENTS_KEPT
    assert [event.as_json()["text"] for event in told] == ["unplugged"]
    assert told[0].as_json()["at_utc"].endswith("+00:00")
