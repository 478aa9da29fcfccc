"""The inspection service as it is installed: `factory-edge run` in its own process, with a folder as its camera."""

from __future__ import annotations

import contextlib
import json
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from types import TracebackType
from typing import Any

import cv2
import yaml

from edge_runtime.station.states import ABLE
from factory_assets.benchmarks.tiny_station import DEFECTIVE, SOUND

STATION = "bench"
PARTS, STATE, RESULTS, RELEASES = "parts", "state", "results", "releases"
DEFECT_EVERY = 3
PATIENCE_S = 60.0
LOOK_S = 0.005


def write_config(folder: Path, *, camera_poll_s: float = 0.05, **changes: Any) -> Path:
    """The YAML file of a station that takes its parts from a folder and deletes them; parts and state lie beside it."""
    (folder / PARTS).mkdir(exist_ok=True)
    values = {
        "station": STATION,
        "state": STATE,
        "camera": {"kind": "folder", "folder": PARTS, "when_done": "delete", "poll_s": camera_poll_s},
        "deadline_ms": 2000,
        "page": None,
    }
    path = folder / "station.yaml"
    path.write_text(yaml.safe_dump({**values, **changes}), encoding="utf-8")
    return path


def wait_until(
    is_so: Callable[[], object], what: str, *, patience_s: float = PATIENCE_S, look_s: float = LOOK_S
) -> None:
    """Wait until something is so.

    Raises:
        TimeoutError: It does not come true.
    """
    end_s = time.monotonic() + patience_s
    while not is_so():
        if time.monotonic() > end_s:
            msg = f"{what} did not come true in {patience_s:g} s"
            raise TimeoutError(msg)
        time.sleep(look_s)


class PartFolder:
    """Parts as files, numbered from 0, every third one defective.

    Args:
        folder: Of the station's settings.
    """

    def __init__(self, folder: Path) -> None:
        self.made = 0
        self._folder = folder / PARTS
        self._images = [cv2.imencode(".png", pixels)[1].tobytes() for pixels in (SOUND, DEFECTIVE)]

    def put(self) -> None:
        """One more part, written beside its name and renamed."""
        hidden = self._folder / f".{self.made}.png"
        hidden.write_bytes(self._images[self.made % DEFECT_EVERY == 0])
        hidden.rename(self._folder / f"{part_name(self.made)}.png")
        self.made += 1

    def waiting(self) -> int:
        """How many are not judged yet."""
        return sum(1 for _ in self._folder.iterdir())


def part_name(number: int) -> str:
    """Name of a part."""
    return f"part-{number:07d}"


def right_verdict(name: str) -> str:
    """Of a part, by its name."""
    return "ok" if int(name.rpartition("-")[2]) % DEFECT_EVERY else "nok"


class Service:
    """The service at work; at the end it is killed if it still is.

    Args:
        config: Its settings.
        python: Interpreter of the environment that it is installed in; by default this one.
    """

    def __init__(self, config: Path, python: Path | None = None) -> None:
        command = Path(python or sys.executable).with_name("factory-edge")
        self._log = config.with_name("events.jsonl")
        self.started_s = time.time()
        with self._log.open("wb") as log:
            arguments = [str(command), "run", "--config", str(config)]
            self.process = subprocess.Popen(arguments, stdout=subprocess.DEVNULL, stderr=log, cwd=config.parent)

    def __enter__(self) -> Service:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.kill()

    @property
    def log(self) -> str:
        """What it wrote to standard error."""
        return self._log.read_text(encoding="utf-8", errors="replace")

    def events(self) -> list[dict[str, Any]]:
        """Its events so far."""
        found = []
        for line in self.log.splitlines():
            with contextlib.suppress(json.JSONDecodeError):
                found.append(json.loads(line))
        return [event for event in found if isinstance(event, dict) and "event" in event]

    def ready_at_utc(self) -> str | None:
        """When it first could judge parts, ISO 8601; None if it cannot yet.

        Raises:
            RuntimeError: It has ended.
        """
        if self.process.poll() is not None:
            msg = f"the service has ended: {self.log[-2000:]}"
            raise RuntimeError(msg)
        return next((e["at_utc"] for e in self.events() if e["event"] == "StateChanged" and e["to"] in ABLE), None)

    def processes(self) -> list[int]:
        """Its process and all that descend from it."""
        return [self.process.pid, *descendants(self.process.pid)]

    def kill(self) -> None:
        """SIGKILL, to its first process only."""
        self.process.kill()
        self.process.wait()


def descendants(pid: int) -> list[int]:
    """Processes that a process started, and those that they started."""
    parents = dict(_parents())
    found, newest = [], [pid]
    while newest:
        newest = [child for child, parent in parents.items() if parent in newest]
        found += newest
    return found


def started_at(pid: int) -> int | None:
    """When a process began, in ticks, which tells it from a later one of its number; None if it has ended."""
    facts = _facts(Path(f"/proc/{pid}/stat"))
    return None if facts is None else int(facts[19])


def _parents() -> Iterator[tuple[int, int]]:
    """Each process that runs, with its parent."""
    for path in Path("/proc").glob("[0-9]*/stat"):
        facts = _facts(path)
        if facts is not None:
            yield int(path.parent.name), int(facts[1])


def _facts(path: Path) -> list[str] | None:
    """State, parent and so on (proc(5), from the third field on); None if the process has ended."""
    try:
        # The name in brackets may hold anything.
        facts = path.read_text(encoding="utf-8", errors="replace").rpartition(")")[2].split()
    except OSError:
        return None
    return None if facts[0] == "Z" else facts
