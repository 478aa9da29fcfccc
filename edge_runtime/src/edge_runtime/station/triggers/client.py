"""A program's side of the station's socket: ask for the verdict on a part, and wait for it."""

from __future__ import annotations

import json
import socket
import time
from pathlib import Path
from uuid import uuid4

from edge_runtime.errors import EdgeError, InputError
from edge_runtime.station.records import VerdictRecord

LONGEST_ANSWER_BYTES = 1 << 24


class NoVerdictError(EdgeError):
    """The station took the trigger, perhaps, and gave no verdict in time: treat the part as not inspected."""


def ask(path: Path, part_id: str, trigger_id: str | None = None, timeout_s: float = 10.0) -> VerdictRecord:
    """Trigger a station and wait for the verdict.

    Args:
        path: The station's socket, `trigger.sock` in its state folder.
        part_id: What the line calls the part.
        trigger_id: The same one again asks for the verdict that was given.
        timeout_s: How long to wait.

    Raises:
        InputError: No station listens there, or it refuses the trigger.
        NoVerdictError: No verdict came in time.
    """
    trigger_id = trigger_id or uuid4().hex
    by_s = time.monotonic() + timeout_s
    again = f"ask again with trigger id {trigger_id}: a verdict that was given is given again"
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as connection:
        connection.settimeout(timeout_s)
        try:
            connection.connect(str(path))
        except OSError as error:
            what = f"no station listens at {path}: {error.strerror or error}"
            raise InputError(what, "start `factory-edge run` with a software trigger, or see its user") from error
        try:
            connection.sendall(json.dumps({"part_id": part_id, "trigger_id": trigger_id}).encode() + b"\n")
            line = _line(connection, by_s)
        except TimeoutError as error:
            raise NoVerdictError(f"no verdict on {part_id} within {timeout_s:g} s", again) from error
        except OSError as error:
            raise NoVerdictError(f"the station went away before its verdict on {part_id}: {error}", again) from error
    answer = json.loads(line)
    if "error" in answer:
        raise InputError(answer["error"], answer["mend"])
    return VerdictRecord.from_json(answer)


def _line(connection: socket.socket, by_s: float) -> bytes:
    received = bytearray()
    while not received.endswith(b"\n"):
        left_s = by_s - time.monotonic()
        if left_s <= 0:
            raise TimeoutError
        connection.settimeout(left_s)
        data = connection.recv(65536)
        if not data or len(received) > LONGEST_ANSWER_BYTES:
            raise ConnectionError("the connection was closed")
        received += data
    return bytes(received)
