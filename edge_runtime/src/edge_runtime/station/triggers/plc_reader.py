"""Reads a trigger variable of a PLC over OPC UA, and nothing else: no call here writes to the PLC.

A subscription tells of changes at once. But subscriptions fall silent while their connection looks sound (asyncua's own
reconnect loses values and does not notice), so the variable is read now and then as well. On any doubt the connection
is closed and made anew. The first value of a connection is where the PLC stands, and no part: if it is another one than
the last that was seen, then parts went by untriggered, and that is told.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from multiprocessing.connection import Connection
from typing import TYPE_CHECKING, Any

from edge_runtime.environment import with_secrets
from edge_runtime.station.clock import utc_now
from edge_runtime.station.config import PlcTrigger
from edge_runtime.station.records import Trigger
from edge_runtime.station.triggers.base import LONGEST_ID
from edge_runtime.station.triggers.plc_messages import PlcMessage, Seen

if TYPE_CHECKING:
    from asyncua import ua
    from asyncua.client.client import Client
    from asyncua.common.node import Node

REQUEST_S = 2.0
# The variable is read so often; what was read and not told of for so many reads was not told of at all.
CHECK_S, SILENT_CHECKS = 0.5, 2
PUBLISH_MS, SAMPLE_MS, QUEUED = 10.0, 0.0, 100
PAUSES_S = (0.2, 0.5, 1.0, 2.0, 5.0)
# Part 4, 7.39: the bits of a data value's status that say that values before it were thrown away.
INFO_IS_DATA_VALUE, OVERFLOW = 0x400, 0x80

Tell = Callable[[PlcMessage], None]


class Doubt(Exception):  # noqa: N818 (the name says what happened)
    """The connection cannot be relied on any more."""


def run_plc(settings: PlcTrigger, seen: Seen | None, connection: Connection) -> None:
    """Read until the station closes the pipe.

    Args:
        settings: What is read.
        seen: The newest value that a process before this one saw.
        connection: Takes `PlcMessage` objects.
    """
    # What it says of lost connections is told in words of our own.
    logging.getLogger("asyncua").setLevel(logging.CRITICAL)
    asyncio.run(_until_closed(PlcReader(settings, connection.send, seen), connection))


async def _until_closed(reader: PlcReader, connection: Connection) -> None:
    reading = asyncio.create_task(reader.run())
    # The station never writes, so the pipe is readable only at its end.
    asyncio.get_running_loop().add_reader(connection.fileno(), reading.cancel)
    await asyncio.wait([reading])
    if not reading.cancelled() and (error := reading.exception()):
        raise error


class PlcReader:
    """Makes triggers of the changes of a variable.

    A yes or no triggers when it becomes yes, a text when it becomes another one that is not empty, a number when it
    becomes another one.

    Args:
        settings: What is read.
        tell: Called with every message.
        seen: The newest value that is known already.
    """

    def __init__(self, settings: PlcTrigger, tell: Tell, seen: Seen | None = None) -> None:
        self._settings, self._tell, self._seen = settings, tell, seen
        self._failures = 0
        # By this connection: what was told of, how often, and the reads that contradict it.
        self._current: Seen | None = None
        self._told, self._told_before, self._contradicted = 0, 0, 0

    async def run(self) -> None:
        """Connect, read, and connect again, for ever."""
        from asyncua.client.client import Client

        while True:
            client = None
            try:
                client = Client(with_secrets(self._settings.endpoint), timeout=REQUEST_S)
                await asyncio.wait_for(client.connect(), 3 * REQUEST_S)
                await self._follow(client)
            # Whatever goes wrong, the connection is made anew.
            except Exception as error:  # noqa: BLE001
                text = str(error) if isinstance(error, Doubt) else f"{type(error).__name__} {error}".strip()
                self._tell(PlcMessage("lost", f"{self._settings.endpoint}: {text}"))
            finally:
                if client is not None:
                    await _let_go(client)
            await asyncio.sleep(PAUSES_S[min(self._failures, len(PAUSES_S) - 1)])
            self._failures += 1

    async def _follow(self, client: Client) -> None:
        from asyncua import ua
        from asyncua.common.subscription import DataChangeEvent, StatusChangeEvent

        node = await _node(client, self._settings.node)
        part_id = self._settings.part_id_node
        part_node = None if part_id is None else await _node(client, part_id)
        self._current, self._told, self._told_before, self._contradicted = None, 0, 0, 0
        subscription = await client.create_subscription(PUBLISH_MS, queue_maxsize=100 * QUEUED)
        await subscription.subscribe_data_change(node, queuesize=QUEUED, sampling_interval=ua.Double(SAMPLE_MS))
        loop = asyncio.get_running_loop()
        check_s = loop.time() + CHECK_S
        while True:
            event = await subscription.next_event(timeout=max(0.001, check_s - loop.time()))
            if isinstance(event, DataChangeEvent):
                await self._changed(event.data.monitored_item.Value, part_node)
            elif isinstance(event, StatusChangeEvent):
                raise Doubt(f"the server ended the subscription: {event.notification.Status.name}")
            if loop.time() >= check_s:
                await self._check(node)
                check_s = loop.time() + CHECK_S

    async def _changed(self, data: ua.DataValue | None, part_node: Node | None) -> None:
        """The subscription tells of a value."""
        seen = _seen(data)
        self._told += 1
        if self._current is None:
            self._baseline(seen)
            return
        if _overflowed(data):
            self._missed("the server threw values of the trigger variable away")
        before, self._current = self._current, seen
        if seen == before:
            return
        self._seen = seen
        # A yes or no that comes anew as yes was no in between.
        is_new = seen.value != before.value or (seen.is_flag and seen.source_utc != before.source_utc)
        if not is_new or seen.value in ("", str(False)):
            self._tell(PlcMessage("seen", seen=seen))
            return
        await self._trigger(seen, part_node)

    def _baseline(self, seen: Seen) -> None:
        before, self._seen, self._current = self._seen, seen, seen
        self._failures = 0
        self._tell(
            PlcMessage("connected", f"{self._settings.endpoint}: {self._settings.node} is {seen.value}", seen=seen)
        )
        if before is None or before == seen:
            return
        if before.value != seen.value:
            self._missed(f"the trigger variable went from {before.value} to {seen.value} while it could not be read")
        elif seen.is_flag:
            self._missed("the trigger variable was written while it could not be read")

    def _missed(self, text: str) -> None:
        self._tell(PlcMessage("missed", f"{text}: parts may have gone by untriggered", seen=self._seen))

    async def _trigger(self, seen: Seen, part_node: Node | None) -> None:
        """Tell of a part. Not even a part whose id cannot be read is lost."""
        at_utc = utc_now()
        name = f"{seen.value}@{seen.source_utc or at_utc}"
        part_id, fault = (name if seen.is_flag else seen.value), None
        if part_node is not None:
            try:
                value = await part_node.read_value()
                part_id = str(value) or name
            except Exception as error:  # noqa: BLE001 (told below, once the part is)
                part_id, fault = name, error
        trigger = Trigger(f"plc:{name}"[:LONGEST_ID], part_id[:LONGEST_ID], "plc", at_utc)
        self._tell(PlcMessage("trigger", trigger=trigger, seen=seen))
        if fault is not None:
            raise Doubt(f"the part id at {self._settings.part_id_node} cannot be read: {fault}")

    async def _check(self, node: Node) -> None:
        """Read the variable: the subscription must have told of what it is."""
        read = _seen(await node.read_data_value(raise_on_bad_status=False))
        is_known = self._current is not None and read.value == self._current.value
        # What is told of between two reads shows that the subscription lives.
        self._contradicted = 0 if is_known or self._told != self._told_before else self._contradicted + 1
        self._told_before = self._told
        if self._contradicted >= SILENT_CHECKS:
            raise Doubt(f"the subscription is silent, though the variable is {read.value}")


async def _node(client: Client, name: str) -> Node:
    """A variable by its id; `nsu=URI;s=Name` finds it even where the server numbers its namespaces anew."""
    if name.startswith("nsu="):
        uri, _, rest = name[4:].partition(";")
        name = f"ns={await client.get_namespace_index(uri)};{rest}"
    return client.get_node(name)


async def _let_go(client: Client) -> None:
    try:
        await asyncio.wait_for(client.disconnect(), REQUEST_S)
    except Exception:  # noqa: BLE001 (what is broken cannot be closed in good order)
        client.disconnect_socket()


def _seen(data: ua.DataValue | None) -> Seen:
    """A data value as text, as far as it can be relied on.

    Raises:
        Doubt: Its status is not good.
    """
    if data is None or data.Value is None or (data.StatusCode is not None and not data.StatusCode.is_good()):
        status = "no value" if data is None or data.StatusCode is None else data.StatusCode.name
        raise Doubt(f"the trigger variable is {status}")
    value: Any = data.Value.Value
    at = data.SourceTimestamp or data.ServerTimestamp
    shown = "" if value is None else str(value)
    return Seen(shown[:LONGEST_ID], "" if at is None else at.isoformat(), isinstance(value, bool))


def _overflowed(data: ua.DataValue | None) -> bool:
    status = 0 if data is None or data.StatusCode is None else int(data.StatusCode.value)
    return bool(status & INFO_IS_DATA_VALUE and status & OVERFLOW)
