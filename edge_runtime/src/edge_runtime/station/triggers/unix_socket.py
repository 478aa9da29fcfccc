"""Triggers through a Unix socket: a line of JSON asks, a line of JSON answers; a slow or dead client hurts only itself.

Ask `{"part_id": "A17"}`, or `{"part_id": "A17", "trigger_id": "..."}` to be able to ask again for the same verdict. The
answer is the verdict's record, or `{"error": "...", "mend": "..."}`. Answers come as verdicts are given: several
questions of one client are told apart by `trigger.trigger_id`.
"""

from __future__ import annotations

import json
import selectors
import socket
import stat
from contextlib import suppress
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any, cast
from uuid import uuid4

from edge_runtime.errors import InputError
from edge_runtime.station.clock import utc_now
from edge_runtime.station.records import Health, Trigger, VerdictRecord
from edge_runtime.station.triggers.base import LONGEST_ID, TriggerRequest

LARGEST_CLIENTS = 32
LONGEST_LINE_BYTES = 4096
READ_BYTES = 65536
# A client that does not read its answers is let go of beyond this.
LARGEST_UNREAD_BYTES = 1 << 20
LARGEST_UNANSWERED = 256
LONGEST_PATH_BYTES = 107


@dataclass(eq=False)
class _Client:
    socket: socket.socket
    received: bytearray = field(default_factory=bytearray)
    unsent: bytearray = field(default_factory=bytearray)
    unanswered: int = 0
    says_no_more: bool = False
    is_gone: bool = False


class SocketTriggers:
    """The socket of a station, for programs of the same user.

    Args:
        path: Where it lies; one that a killed service left is removed.

    Raises:
        InputError: Another service listens there, or the socket cannot be made.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._listener = _listening(path)
        self._mark = _mark(path)
        self._selector = selectors.DefaultSelector()
        self._selector.register(self._listener, selectors.EVENT_READ)
        self._clients: set[_Client] = set()
        self._events: list[str] = []

    def connections(self) -> list[Any]:
        """The selector itself can be waited for: it is ready when any client is."""
        return [self._selector]

    def take(self) -> list[TriggerRequest]:
        """The triggers that came; sends what could not be sent before, and takes new clients."""
        requests: list[TriggerRequest] = []
        for key, events in self._selector.select(0):
            client = cast("_Client | None", key.data)
            if client is None:
                self._welcome()
                continue
            if events & selectors.EVENT_WRITE:
                self._send(client)
            if events & selectors.EVENT_READ and not client.is_gone:
                requests += self._heard(client)
        return requests

    def take_events(self) -> list[str]:
        """Clients that were let go of, and why."""
        events, self._events = self._events, []
        return events

    def health(self) -> Health:
        """Good as long as the socket is there under its name."""
        if _mark(self._path) != self._mark:
            return Health("triggers", "failed", f"socket {self._path} was removed / start the service again")
        return Health("triggers", "ok", f"{len(self._clients)} clients at {self._path}")

    def close(self) -> None:
        """Close all clients and remove the socket."""
        for client in list(self._clients):
            self._drop(client)
        self._selector.close()
        self._listener.close()
        if _mark(self._path) == self._mark:
            self._path.unlink(missing_ok=True)

    def _welcome(self) -> None:
        try:
            accepted, _ = self._listener.accept()
        except OSError:
            return
        accepted.settimeout(0)
        if len(self._clients) >= LARGEST_CLIENTS:
            with suppress(OSError):
                accepted.send(_error(f"{LARGEST_CLIENTS} clients are connected", "close those that are not needed"))
            accepted.close()
            self._events.append(f"a client was turned away: {LARGEST_CLIENTS} are connected")
            return
        client = _Client(accepted)
        self._clients.add(client)
        self._selector.register(accepted, selectors.EVENT_READ, client)

    def _heard(self, client: _Client) -> list[TriggerRequest]:
        try:
            data = client.socket.recv(READ_BYTES)
        except BlockingIOError:
            return []
        except OSError:
            self._drop(client)
            return []
        if not data:
            # It may still wait for answers.
            client.says_no_more = True
            self._settle(client)
            return []
        client.received += data
        requests = []
        *lines, rest = client.received.split(b"\n")
        client.received = bytearray(rest)
        for line in lines:
            if line.strip():
                requests += self._asked(client, bytes(line))
        if len(rest) > LONGEST_LINE_BYTES and not client.is_gone:
            self._answer(client, _error(f"a line of more than {LONGEST_LINE_BYTES} bytes", "end lines with a newline"))
            self._drop(client)
        return requests

    def _asked(self, client: _Client, line: bytes) -> list[TriggerRequest]:
        if client.is_gone:
            return []
        try:
            trigger = _trigger(line)
            if client.unanswered >= LARGEST_UNANSWERED:
                raise InputError(f"{LARGEST_UNANSWERED} triggers of this client wait", "wait for their verdicts")
        except InputError as error:
            self._answer(client, _error(error.what, error.mend))
            return []
        client.unanswered += 1
        return [TriggerRequest(trigger, partial(self._reply, client))]

    def _reply(self, client: _Client, record: VerdictRecord) -> None:
        client.unanswered -= 1
        if not client.is_gone:
            self._answer(client, json.dumps(record.as_json(), separators=(",", ":")).encode() + b"\n")
            self._settle(client)

    def _answer(self, client: _Client, line: bytes) -> None:
        client.unsent += line
        self._send(client)
        if len(client.unsent) > LARGEST_UNREAD_BYTES and not client.is_gone:
            self._drop(client, f"it left {len(client.unsent)} bytes of answers unread")

    def _send(self, client: _Client) -> None:
        if client.unsent and not client.is_gone:
            try:
                sent = client.socket.send(client.unsent)
            except BlockingIOError:
                sent = 0
            except OSError:
                self._drop(client)
                return
            del client.unsent[:sent]
        self._settle(client)

    def _settle(self, client: _Client) -> None:
        """Wait for what is still to come of a client, or let go of one that is through."""
        if client.is_gone:
            return
        if client.says_no_more and not client.unsent and client.unanswered <= 0:
            self._drop(client)
            return
        events = (0 if client.says_no_more else selectors.EVENT_READ) | (selectors.EVENT_WRITE if client.unsent else 0)
        registered = self._selector.get_map().get(client.socket)
        if registered is None and events:
            self._selector.register(client.socket, events, client)
        elif registered is not None and not events:
            self._selector.unregister(client.socket)
        elif registered is not None and registered.events != events:
            self._selector.modify(client.socket, events, client)

    def _drop(self, client: _Client, reason: str | None = None) -> None:
        client.is_gone = True
        self._clients.discard(client)
        with suppress(KeyError, ValueError):
            self._selector.unregister(client.socket)
        client.socket.close()
        if reason is not None:
            self._events.append(f"a client was let go of: {reason}")


def _mark(path: Path) -> tuple[int, int, int] | None:
    """What tells a socket from another one that took its name; None if it is gone."""
    try:
        facts = path.stat()
    except OSError:
        return None
    return facts.st_dev, facts.st_ino, facts.st_mtime_ns


def _listening(path: Path) -> socket.socket:
    if len(bytes(path)) > LONGEST_PATH_BYTES:
        raise InputError(f"{path} is too long for a socket", f"give trigger.socket one of {LONGEST_PATH_BYTES} bytes")
    _clear(path)
    listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        listener.bind(str(path))
        # Nobody can connect before `listen`.
        path.chmod(0o600)
        listener.listen(LARGEST_CLIENTS)
    except OSError as error:
        listener.close()
        raise InputError(
            f"socket {path} cannot be made: {error.strerror}", "give trigger.socket another path"
        ) from error
    listener.settimeout(0)
    return listener


def _clear(path: Path) -> None:
    """Remove a socket that nobody listens to any more."""
    try:
        mode = path.lstat().st_mode
    except FileNotFoundError:
        return
    if not stat.S_ISSOCK(mode):
        raise InputError(f"{path} is there and is no socket", "remove it, or give trigger.socket another path")
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as probe:
        probe.settimeout(1.0)
        try:
            probe.connect(str(path))
        except (ConnectionRefusedError, FileNotFoundError):
            path.unlink(missing_ok=True)
            return
        except OSError as error:
            raise InputError(f"socket {path} is in use: {error}", "stop the service that uses it") from error
    raise InputError(f"another service listens at {path}", "stop it, or give trigger.socket another path")


def _trigger(line: bytes) -> Trigger:
    if len(line) > LONGEST_LINE_BYTES:
        raise InputError(f"a line of more than {LONGEST_LINE_BYTES} bytes", 'send {"part_id": "..."} and a newline')
    try:
        values = json.loads(line)
    except (ValueError, RecursionError) as error:
        raise InputError(f"no line of JSON: {error}", 'send {"part_id": "..."} and a newline') from error
    if not isinstance(values, dict) or not {"part_id"} <= values.keys() <= {"part_id", "trigger_id"}:
        raise InputError("a JSON object with other keys", 'send "part_id" and, if wanted, "trigger_id"')
    for key, value in values.items():
        if not isinstance(value, str) or not 0 < len(value) <= LONGEST_ID or not value.isprintable():
            raise InputError(f"{key} {value!r:.100}", f"give 1 to {LONGEST_ID} printable characters")
    return Trigger(values.get("trigger_id", uuid4().hex), values["part_id"], "software", utc_now())


def _error(what: str, mend: str) -> bytes:
    return json.dumps({"error": what, "mend": mend}).encode() + b"\n"
