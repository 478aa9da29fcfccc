"""Running commands without a network, and the record of what they tried to reach."""

from __future__ import annotations

import os
import subprocess
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import yaml

from tests.integration.commands import FACTORY

# Python's own audit events see every socket, whichever library opened it; what is refused is written down.
WATCH = """
import os, sys

OURS = ("127.", "::1", "localhost", "0.0.0.0", "/", "\\0")  # other machines have no path and no abstract name
EVENTS = ("socket.connect", "socket.sendto", "socket.sendmsg", "socket.getaddrinfo", "socket.gethostbyname")

def watch(event, arguments):
    if event not in EVENTS:
        return
    address = arguments[0] if event in ("socket.getaddrinfo", "socket.gethostbyname") else arguments[1]
    host = address[0] if isinstance(address, tuple) and address else address
    if not host or isinstance(host, (bytes, str)) and os.fsdecode(host).startswith(OURS):
        return
    with open({log!r}, "a") as file:
        file.write(f"{{event}} {{host}} by {{sys.argv}}\\n")
    raise OSError(f"no network here: {{event}} {{host}}")

sys.addaudithook(watch)
"""


@cache
def cut() -> tuple[str, ...]:
    """The command that takes the network away, where the kernel allows it; else nothing."""
    command = ("unshare", "--map-root-user", "--net")
    try:
        allowed = subprocess.run([*command, "true"], capture_output=True, check=False).returncode == 0
    except FileNotFoundError:
        return ()
    return command if allowed else ()


@dataclass(frozen=True)
class Watched:
    """An environment in which every attempt to reach another machine is refused and written down."""

    folder: Path

    @property
    def log(self) -> Path:
        return self.folder / "attempts.log"

    def environment(self) -> dict[str, str]:
        self.folder.mkdir(parents=True, exist_ok=True)
        (self.folder / "sitecustomize.py").write_text(WATCH.format(log=str(self.log)))
        kept = {name: value for name, value in os.environ.items() if not name.startswith(("FACTORY_", "DO_NOT_TRACK"))}
        paths = [str(self.folder), *filter(None, [kept.get("PYTHONPATH")])]
        return kept | {"PYTHONPATH": os.pathsep.join(paths), "http_proxy": "", "https_proxy": ""}

    def run(self, *command: str | Path, cwd: Path) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [*cut(), *map(str, command)],
            capture_output=True, text=True, check=False, cwd=cwd, env=self.environment(),
        )  # fmt: skip

    def attempts(self) -> str:
        return self.log.read_text() if self.log.exists() else ""


@dataclass(frozen=True)
class SecondHome:
    """The same plant as another one, made anew in a home of its own, without a network."""

    home: Path
    watched: Watched
    done: subprocess.CompletedProcess[str]


@cache
def second_home(plant_file: Path, folder: Path) -> SecondHome:
    """Bring the plant up to date a second time; once for all tests that ask."""
    plant = yaml.safe_load(plant_file.read_text())["plant"]
    watched = Watched(folder / "watched")
    done = watched.run(FACTORY, "materialize", "--plant", plant_file, "--home", folder, cwd=folder)
    return SecondHome(folder / plant, watched, done)
