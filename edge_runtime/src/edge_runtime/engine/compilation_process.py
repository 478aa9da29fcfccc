"""Compiling the active release while something else goes on: started, asked now and then, never waited for.

The first build of an engine on a Jetson takes minutes, and a station inspects meanwhile. A process compiles as
`factory-edge compile` does, and tells in lines of JSON what it does.
"""

from __future__ import annotations

import contextlib
import os
import queue
import signal
import subprocess
import sys
import tempfile
import threading
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from edge_runtime.bundle.values import Name, Precision, Value
from edge_runtime.engine.compilation import STDERR_CHARACTERS, EngineState, compile_active
from edge_runtime.engine.process_lines import ANSWER, ERROR, PROGRESS, error_told, tell, tell_error, told
from edge_runtime.errors import CompileError, EdgeError

MODULE = "edge_runtime.engine.compilation_process"
MEND = "free memory and try again; if it stays, use --target cpu"


class Order(Value):
    """What is to be compiled: see `compile_active`."""

    state: Path
    target: Name
    precision: Precision | None = None
    bundle: Name | None = None


@dataclass(frozen=True)
class CompilationProgress:
    """How far it is.

    Attributes:
        lines: What it did since it was asked last.
        is_done: It ended, well or not.
        engines: The engines, if it ended well.
        error: Why it did not; engines that could be made are kept and need not be made again.
    """

    lines: tuple[str, ...]
    is_done: bool
    engines: tuple[EngineState, ...] = ()
    error: EdgeError | None = None


class CompilationProcess:
    """A compilation that was started; only `poll` tells how it goes on, and it never waits.

    Args:
        state: This machine's own folder; its active release is compiled.
        target: `tensorrt` or `tensorrt-rtx`.
        precision: Only this one; else all that the bundles have.
        bundle: Only this one; else all.
    """

    def __init__(
        self, state: Path, *, target: str, precision: Precision | None = None, bundle: str | None = None
    ) -> None:
        order = Order(state=state.resolve(), target=target, precision=precision, bundle=bundle)
        self._stderr = tempfile.TemporaryFile("w+", encoding="utf-8", errors="replace")  # noqa: SIM115 (closed at the end)
        self._process = subprocess.Popen(
            [sys.executable, "-m", MODULE, order.model_dump_json()],
            # The working folder comes first when modules are looked for: it must be no stranger's.
            cwd=Path(__file__).parents[2],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=self._stderr,
            text=True,
            encoding="utf-8",
            start_new_session=True,
        )
        self._told: queue.SimpleQueue[str | None] = queue.SimpleQueue()
        self._end: CompilationProgress | None = None
        threading.Thread(target=self._listen, daemon=True, name="compilation").start()

    def poll(self) -> CompilationProgress:
        """How far it is, at once; after the end always the end, without its lines."""
        if self._end is not None:
            return self._end
        lines: list[str] = []
        while not self._told.empty():
            line = self._told.get()
            if line is None:
                return self._ended(lines, error=self._no_answer())
            kind, value = told(line)
            if kind == PROGRESS:
                lines.append(value)
            elif kind == ERROR:
                return self._ended(lines, error=error_told(value))
            elif kind == ANSWER:
                return self._ended(lines, engines=tuple(EngineState(**state) for state in value))
        return CompilationProgress(lines=tuple(lines), is_done=False)

    def stop(self) -> None:
        """End it, with the compiler that it started; what was stored stays. A second call does nothing."""
        with contextlib.suppress(ProcessLookupError):
            if self._process.returncode is None:
                if os.name == "nt":
                    self._process.kill()
                else:
                    os.killpg(self._process.pid, signal.SIGKILL)
        self._process.wait()
        if self._end is None:
            self._ended([], error=CompileError("the compilation was stopped", "start it again"))

    def _listen(self) -> None:
        """Runs in a thread, so that nobody waits for the process's lines."""
        for line in self._process.stdout or ():
            self._told.put(line)
        self._process.wait()
        self._told.put(None)

    def _ended(
        self, lines: Sequence[str], *, engines: tuple[EngineState, ...] = (), error: EdgeError | None = None
    ) -> CompilationProgress:
        self._end = CompilationProgress(lines=(), is_done=True, engines=engines, error=error)
        self._stderr.close()
        return CompilationProgress(lines=tuple(lines), is_done=True, engines=engines, error=error)

    def _no_answer(self) -> CompileError:
        self._stderr.seek(0)
        last = self._stderr.read()[-STDERR_CHARACTERS:].strip()
        code = self._process.returncode
        return CompileError(f"the compilation ended with code {code} and no answer: {last or 'nothing was said'}", MEND)


def main(arguments: Sequence[str]) -> int:
    """Compile what the order, given as JSON, says.

    Returns:
        0, or the exit code of the error that was told.
    """
    order = Order.model_validate_json(arguments[0])
    try:
        states = compile_active(
            order.state,
            target=order.target,
            precision=order.precision,
            bundle=order.bundle,
            progress=partial(tell, PROGRESS),
        )
    except EdgeError as error:
        return tell_error(error)
    tell(ANSWER, [state.as_json() for state in states])
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
