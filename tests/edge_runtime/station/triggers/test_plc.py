"""Changes of a PLC's variable are parts: each once, none made up, and what was missed is told."""

from __future__ import annotations

import asyncio
import datetime as dt
import os
import signal
import socket
import threading
import time
from collections.abc import Callable, Coroutine, Iterator
from multiprocessing.connection import wait
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

pytest.importorskip("asyncua")

from asyncua import Server, ua

from edge_runtime.errors import InputError
from edge_runtime.station.config import PlcTrigger
from edge_runtime.station.triggers import TriggerRequest, open_triggers, plc_reader
from edge_runtime.station.triggers.plc import PlcTriggers
from edge_runtime.station.triggers.plc_messages import PlcMessage, Seen
from edge_runtime.station.triggers.plc_reader import Doubt, PlcReader

PATIENCE_S = 20.0
URI = "urn:line"
START: dict[str, Any] = {"counter": 5, "flag": False, "part": "A17"}


class Plc:
    """An OPC UA server with a counter, a flag and a part id, in a thread of its own."""

    def __init__(self) -> None:
        with socket.create_server(("127.0.0.1", 0)) as probe:
            self.endpoint = f"opc.tcp://127.0.0.1:{probe.getsockname()[1]}/line"
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)
        self._thread.start()
        self._server: Server | None = None

    def _do(self, task: Coroutine[Any, Any, Any]) -> Any:
        return asyncio.run_coroutine_threadsafe(task, self._loop).result(PATIENCE_S)

    def start(self, **values: Any) -> None:
        self._do(self._start({**START, **values}))

    def reset(self) -> None:
        """As it was at the start, without the seconds that a start takes."""
        if self._server is None:
            self.start()
        for name, value in START.items():
            self.write(name, value)

    async def _start(self, values: dict[str, Any]) -> None:
        self._server = server = Server()
        await server.init()
        server.set_endpoint(self.endpoint)
        server.set_security_policy([ua.SecurityPolicyType.NoSecurity])
        # The namespace that matters is not at the same place after a restart.
        for number in range(values.pop("others", 0)):
            await server.register_namespace(f"urn:other:{number}")
        index = await server.register_namespace(URI)
        for name, value in values.items():
            await server.nodes.objects.add_variable(ua.NodeId(name, index), name, value)
        await server.start()

    def stop(self) -> None:
        if self._server is not None:
            self._do(self._server.stop())
            self._server = None

    def write(self, name: str, value: Any) -> None:
        assert self._server is not None
        index = self._do(self._server.get_namespace_index(URI))
        now = dt.datetime.now(dt.UTC)
        data = value if isinstance(value, ua.DataValue) else ua.DataValue(ua.Variant(value), SourceTimestamp=now)
        self._do(self._server.get_node(ua.NodeId(name, index)).write_value(data))

    def close(self) -> None:
        self.stop()
        self._do(_cancel_all())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(PATIENCE_S)
        self._loop.close()


async def _cancel_all() -> None:
    """Sessions that were cut off leave tasks behind in the server."""
    left = [task for task in asyncio.all_tasks() if task is not asyncio.current_task()]
    for task in left:
        task.cancel()
    await asyncio.gather(*left, return_exceptions=True)


@pytest.fixture(scope="module")
def server() -> Iterator[Plc]:
    made = Plc()
    yield made
    made.close()


@pytest.fixture
def plc(server: Plc) -> Plc:
    server.reset()
    return server


def settings(endpoint: str = "opc.tcp://127.0.0.1:1/line", node: str = "counter", **more: Any) -> PlcTrigger:
    return PlcTrigger(kind="plc", endpoint=endpoint, node=f"nsu={URI};s={node}", **more)


class Reading:
    """A `PlcReader` at work in this process."""

    def __init__(self, wanted: PlcTrigger, seen: Seen | None = None) -> None:
        self.said: list[PlcMessage] = []
        self._loop = asyncio.new_event_loop()
        self._task = self._loop.create_task(PlcReader(wanted, self.said.append, seen).run())
        self._thread = threading.Thread(target=self._run, daemon=True)

    def _run(self) -> None:
        asyncio.set_event_loop(self._loop)
        try:
            self._loop.run_until_complete(self._task)
        except asyncio.CancelledError:
            pass
        finally:
            self._loop.close()

    def __enter__(self) -> Reading:
        self._thread.start()
        return self

    def __exit__(self, *failure: object) -> None:
        self._loop.call_soon_threadsafe(self._task.cancel)
        self._thread.join(PATIENCE_S)

    def of(self, kind: str) -> list[PlcMessage]:
        return [message for message in list(self.said) if message.kind == kind]

    def parts(self) -> list[str]:
        return [message.trigger.part_id for message in self.of("trigger") if message.trigger is not None]

    def until(self, is_it: Callable[[], bool]) -> None:
        by_s = time.monotonic() + PATIENCE_S
        while not is_it():
            assert time.monotonic() < by_s, self.said
            time.sleep(0.005)


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(plc_reader, "CHECK_S", 0.05)
    monkeypatch.setattr(plc_reader, "PAUSES_S", (0.05,))


def test_each_change_is_a_part_and_the_first_value_is_none(plc: Plc) -> None:
    with Reading(settings(plc.endpoint)) as reading:
        reading.until(lambda: bool(reading.of("connected")))
        for number in (6, 7, 8):
            plc.write("counter", number)
        plc.write("counter", 8)
        reading.until(lambda: len(reading.parts()) == 3)
        plc.write("counter", 9)
        reading.until(lambda: len(reading.parts()) == 4)
        assert reading.parts() == ["6", "7", "8", "9"]
        assert len({message.trigger.trigger_id for message in reading.of("trigger") if message.trigger}) == 4
        assert reading.of("missed") == []


def test_a_flag_is_a_part_when_it_becomes_yes_and_the_part_id_is_read_beside_it(plc: Plc) -> None:
    wanted = settings(plc.endpoint, "flag", part_id_node=f"nsu={URI};s=part")
    with Reading(wanted) as reading:
        reading.until(lambda: bool(reading.of("connected")))
        for part in ("B1", "B2"):
            plc.write("part", part)
            plc.write("flag", value=True)
            reading.until(lambda part=part: part in reading.parts())  # type: ignore[misc]
            plc.write("flag", value=False)
        assert reading.parts() == ["B1", "B2"]


def test_a_part_whose_id_cannot_be_read_is_not_lost(plc: Plc) -> None:
    with Reading(settings(plc.endpoint, part_id_node=f"nsu={URI};s=nowhere")) as reading:
        reading.until(lambda: bool(reading.of("connected")))
        plc.write("counter", 6)
        reading.until(lambda: bool(reading.of("lost")))
        assert reading.parts()[0].startswith("6@20")
        assert "the part id at" in reading.of("lost")[0].text


def test_a_restarted_server_is_found_again_and_what_was_missed_is_told(plc: Plc) -> None:
    with Reading(settings(plc.endpoint)) as reading:
        reading.until(lambda: bool(reading.of("connected")))
        plc.write("counter", 6)
        reading.until(lambda: len(reading.parts()) == 1)
        plc.stop()
        reading.until(lambda: bool(reading.of("lost")))
        plc.start(counter=8, others=2)
        reading.until(lambda: len(reading.of("connected")) == 2)
        plc.write("counter", 9)
        reading.until(lambda: len(reading.parts()) == 2)
        assert reading.parts() == ["6", "9"]
        (missed,) = reading.of("missed")
        assert "went from 6 to 8 while it could not be read" in missed.text


def test_a_bad_value_is_no_part(plc: Plc) -> None:
    with Reading(settings(plc.endpoint)) as reading:
        reading.until(lambda: bool(reading.of("connected")))
        bad = ua.StatusCode(ua.StatusCodes.BadSensorFailure)
        plc.write("counter", _with_status(6, bad))
        reading.until(lambda: bool(reading.of("lost")))
        assert "BadSensorFailure" in reading.of("lost")[0].text
        plc.write("counter", 7)
        reading.until(lambda: len(reading.of("connected")) == 2)
        assert reading.parts() == []
        assert "went from 5 to 7" in reading.of("missed")[0].text


def _with_status(value: int, status: ua.StatusCode) -> ua.DataValue:
    return ua.DataValue(ua.Variant(value), status, dt.datetime.now(dt.UTC))


def test_a_variable_that_is_not_there(plc: Plc) -> None:
    with Reading(settings(plc.endpoint, "nowhere")) as reading:
        reading.until(lambda: bool(reading.of("lost")))
        assert "BadNodeIdUnknown" in reading.of("lost")[0].text


def at(value: Any, second: int = 0, status: int = 0) -> ua.DataValue:
    when = dt.datetime(2026, 1, 1, 0, 0, second, tzinfo=dt.UTC)
    return ua.DataValue(ua.Variant(value), ua.StatusCode(status), when)


def told(*values: ua.DataValue, seen: Seen | None = None) -> list[PlcMessage]:
    said: list[PlcMessage] = []
    reader = PlcReader(settings(), said.append, seen)

    async def tell() -> None:
        for value in values:
            await reader._changed(value, None)

    asyncio.run(tell())
    return said


def test_the_same_change_has_the_same_trigger_id() -> None:
    ids = {told(at(5), at(6, 1))[-1].trigger for _ in range(2)}
    assert {trigger.trigger_id for trigger in ids if trigger} == {"plc:6@2026-01-01T00:00:01+00:00"}


def test_a_value_that_is_told_twice_is_one_part() -> None:
    assert [message.kind for message in told(at(5), at(6, 1), at(6, 1), at(6, 2))] == ["connected", "trigger", "seen"]


def test_a_flag_that_comes_anew_as_yes_was_no_in_between() -> None:
    kinds = [message.kind for message in told(at(value=False), at(value=True, second=1), at(value=True, second=2))]
    assert kinds == ["connected", "trigger", "trigger"]


def test_an_empty_text_is_no_part() -> None:
    assert [message.kind for message in told(at("A"), at("", 1), at("A", 2))] == ["connected", "seen", "trigger"]


def test_values_that_the_server_threw_away_are_told() -> None:
    kinds = [message.kind for message in told(at(5), at(9, 1, status=0x480))]
    assert kinds == ["connected", "missed", "trigger"]


@pytest.mark.parametrize(
    ("before", "now", "is_told"),
    [
        (Seen("5", "2026-01-01T00:00:00+00:00"), at(5), False),
        (Seen("5", "2025-01-01T00:00:00+00:00"), at(5), False),
        (Seen("4", "2025-01-01T00:00:00+00:00"), at(5), True),
        (Seen("True", "2025-01-01T00:00:00+00:00", is_flag=True), at(value=True), True),
    ],
)
def test_what_a_process_before_saw_is_compared(before: Seen, now: ua.DataValue, is_told: bool) -> None:
    assert [message.kind for message in told(now, seen=before)] == ["connected", "missed"][: 1 + is_told]


def test_a_subscription_that_falls_silent_is_found_out() -> None:
    reader = PlcReader(settings(), lambda message: None)

    async def read(**_: Any) -> ua.DataValue:
        return at(8, 3)

    async def follow() -> None:
        await reader._changed(at(5), None)
        for _ in range(10):
            await reader._check(SimpleNamespace(read_data_value=read))  # type: ignore[arg-type]

    with pytest.raises(Doubt, match="silent, though the variable is 8"):
        asyncio.run(follow())


def requests_of(triggers: PlcTriggers, is_enough: Callable[[list[TriggerRequest]], bool]) -> list[TriggerRequest]:
    requests: list[TriggerRequest] = []
    by_s = time.monotonic() + PATIENCE_S
    while not is_enough(requests):
        assert time.monotonic() < by_s, (requests, triggers.health())
        if wait(triggers.connections(), 0.05):
            requests += triggers.take()
    return requests


def test_the_side_process_is_killed_and_started_again(plc: Plc, tmp_path: Path) -> None:
    triggers = open_triggers(settings(plc.endpoint), tmp_path)
    assert isinstance(triggers, PlcTriggers)
    try:
        assert triggers.health().state == "warning"
        requests_of(triggers, lambda _: triggers.health().state == "ok")
        plc.write("counter", 6)
        (request,) = requests_of(triggers, lambda requests: len(requests) == 1)
        assert (request.trigger.part_id, request.trigger.source) == ("6", "plc")
        triggers.take_events()
        os.kill(triggers.pid or 0, signal.SIGKILL)
        requests_of(triggers, lambda _: triggers.health().state == "failed")
        plc.write("counter", 7)
        requests_of(triggers, lambda _: triggers.health().state == "warning")
        assert "went from 6 to 7" in triggers.health().text
        plc.write("counter", 8)
        assert requests_of(triggers, bool)[0].trigger.part_id == "8"
        assert triggers.health().state == "ok"
        events = triggers.take_events()
        assert any("process that reads the PLC is gone" in event for event in events)
        assert any("parts may have gone by untriggered" in event for event in events)
    finally:
        triggers.close()
    assert triggers.pid is None


def test_without_asyncua(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    with pytest.raises(InputError, match=r"factory-edge\[plc\]"):
        open_triggers(settings(), tmp_path)
