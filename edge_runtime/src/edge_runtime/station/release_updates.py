"""Newer releases, looked for beside the line: what takes seconds is done by a side process, what may block by a thread.

The thread looks whether the repository's timestamp changed. Only then, or some time after a refusal, a process is
started that pulls, verifies and (for a GPU) compiles. The same way a trial is settled or rolled back on disk.
"""

from __future__ import annotations

import json
import queue
import sys
import threading
import time
from dataclasses import dataclass
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any, Literal

from edge_runtime.bundle.state import ACTIVE
from edge_runtime.bundle.values import Precision
from edge_runtime.engine.base import CPU
from edge_runtime.errors import EdgeError
from edge_runtime.station.children import CONTEXT, Child
from edge_runtime.station.clock import utc_now
from edge_runtime.station.config import ReleaseSettings

POLITENESS = 10
LONGEST_TASK_S = 3600.0
LONGEST_PAUSE_S = 600.0
ASKED_PAUSE_S = 20.0
TIMESTAMP = Path("metadata") / "timestamp.json"

TaskKind = Literal["pull", "settle", "roll_back"]


@dataclass(frozen=True, slots=True)
class Task:
    """What a side process does, in words of `bundle.state` and `bundle.pull`."""

    kind: TaskKind
    state: Path
    settings: ReleaseSettings
    reason: str = ""


@dataclass(frozen=True, slots=True)
class Report:
    """What came of it.

    Attributes:
        kind: Of the task.
        release: Active on disk now; None where nothing is or it was refused.
        is_new: The pull changed it.
        fault: Why it was refused; None if it was done.
        is_uncompiled: The release is there, but cannot run on this machine's target.
    """

    kind: TaskKind
    release: int | None = None
    is_new: bool = False
    fault: str | None = None
    is_uncompiled: bool = False


def run_task(task: Task, connection: Connection) -> None:
    """Do one task in a process of its own, and say what came of it."""
    try:
        report = _TASKS[task.kind](task)
    except (EdgeError, OSError) as error:
        report = Report(task.kind, fault=error.what if isinstance(error, EdgeError) else str(error))
    connection.send(report)


def _pull(task: Task) -> Report:
    from edge_runtime.bundle.pull import pull
    from edge_runtime.bundle.state import read_active
    from edge_runtime.engine.tensorrt_backend import TARGETS

    settings = task.settings
    is_compiled_here = settings.target in TARGETS
    is_new, release = False, None
    if settings.repository is not None:
        report = pull(
            settings.repository,
            task.state,
            root=settings.root,
            trust=settings.trust,
            target="cpu" if is_compiled_here else settings.target,
        )
        is_new, release = report.is_new, report.release
    else:
        record = read_active(task.state)
        release = None if record is None else record.release
    if is_compiled_here and release is not None:
        fault = _compile(task.state, settings.target, settings.precision)
        if fault is not None:
            return Report("pull", release, is_new=is_new, fault=fault, is_uncompiled=True)
    return Report("pull", release, is_new=is_new)


def _compile(state: Path, target: str, precision: Precision | None) -> str | None:
    """Compile what was not compiled before; the fault, if there is one."""
    from edge_runtime.engine.compilation import compile_active

    try:
        compile_active(state, target=target, precision=precision, progress=_log)
    except EdgeError as error:
        return error.what
    return None


def _log(line: str) -> None:
    """Say how a compilation goes on, as a line among the station's events: on a Jetson it takes minutes."""
    sys.stderr.write(json.dumps({"event": "Compiling", "at_utc": utc_now(), "text": line}) + "\n")
    sys.stderr.flush()


def _settle(task: Task) -> Report:
    from edge_runtime.bundle.state import settle

    settle(task.state)
    return Report("settle")


def _roll_back(task: Task) -> Report:
    from edge_runtime.bundle.state import roll_back

    return Report("roll_back", roll_back(task.state, task.reason).release)


_TASKS = {"pull": _pull, "settle": _settle, "roll_back": _roll_back}


class ReleaseUpdates:
    """See the module.

    Args:
        state: The machine's own folder.
        settings: Where releases come from, and how often to look.
    """

    def __init__(self, state: Path, settings: ReleaseSettings) -> None:
        self.connection, self._theirs = CONTEXT.Pipe(duplex=False)
        self._state, self._settings = state, settings
        self._wanted: queue.Queue[Task | None] = queue.Queue()
        # Without a repository there is nothing to do until somebody pulls by hand, but for compiling.
        self._seen: tuple[bytes | None, bytes] | None = None
        if settings.target == CPU and settings.repository is None:
            self._seen = (b"", self._active())
        self._failures = 0
        self._retry_s = 0.0
        self._asked_s = -ASKED_PAUSE_S
        self._is_paused = threading.Event()
        self._thread = threading.Thread(target=self._run, name="release updates", daemon=True)

    def start(self) -> None:
        """Look once, then now and then."""
        self._thread.start()

    def pause(self) -> None:
        """A trial goes on: no other release is wanted."""
        self._is_paused.set()

    def look_again(self) -> None:
        """No trial goes on."""
        self._is_paused.clear()

    def pull(self) -> None:
        """Pull even if nothing changed: what is here is damaged or not compiled. However often asked, not too often."""
        now_s = time.monotonic()
        if now_s - self._asked_s > ASKED_PAUSE_S and (self._settings.repository or self._settings.target != CPU):
            self._asked_s = now_s
            self._wanted.put(self._task("pull"))

    def settle(self) -> None:
        """The active release has proven itself."""
        self._wanted.put(self._task("settle"))

    def roll_back(self, reason: str) -> None:
        """It failed."""
        self._wanted.put(self._task("roll_back", reason))

    def receive(self) -> Report:
        """The next report; there must be one."""
        report: Report = self.connection.recv()
        return report

    def close(self) -> None:
        """End the thread, once what it does now is done; a rollback is not left undone."""
        self._wanted.put(None)
        self._thread.join(5.0)

    def _task(self, kind: TaskKind, reason: str = "") -> Task:
        return Task(kind, self._state, self._settings, reason)

    def _run(self) -> None:
        pause_s = 0.0
        while True:
            try:
                task = self._wanted.get(timeout=pause_s)
            except queue.Empty:
                if self._is_due():
                    self._do(self._task("pull"))
            else:
                if task is None:
                    return
                self._do(task)
            pause_s = self._settings.poll_s

    def _is_due(self) -> bool:
        """Whether something changed since the last pull, or that was refused a while ago."""
        if self._is_paused.is_set():
            return False
        if (self._offered(), self._active()) != self._seen:
            return True
        return self._failures > 0 and time.monotonic() >= self._retry_s

    def _offered(self) -> bytes | None:
        """What changes with every release; None while the repository cannot be read."""
        if self._settings.repository is None:
            return b""
        try:
            return (self._settings.repository / TIMESTAMP).read_bytes()
        except OSError:
            return None

    def _active(self) -> bytes:
        """What changes when somebody pulls by hand."""
        try:
            return (self._state / ACTIVE).read_bytes()
        except OSError:
            return b""

    def _do(self, task: Task) -> None:
        offered = self._offered()
        report = _done(task)
        if task.kind == "pull":
            self._failures = 0 if report.fault is None else self._failures + 1
            self._seen = (offered, self._active())
            pause_s = min(self._settings.poll_s * 2 ** min(self._failures, 10), LONGEST_PAUSE_S)
            self._retry_s = time.monotonic() + pause_s
        self._theirs.send(report)


def _done(task: Task) -> Report:
    """Run a side process to its end."""
    child = Child(task.kind, run_task, (task,), POLITENESS)
    until = time.monotonic() + LONGEST_TASK_S
    try:
        while time.monotonic() < until:
            if child.connection.poll(1.0):
                report: Any = child.receive()
                return report if isinstance(report, Report) else Report(task.kind, fault=f"answered {report!r}")
        child.kill()
        return Report(task.kind, fault=f"not done after {LONGEST_TASK_S:g} s")
    except EOFError:
        return Report(task.kind, fault=f"its process is gone ({child.ending()})")
    finally:
        child.close()
