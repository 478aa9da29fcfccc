"""The edge package installed as a customer would, at the versions of its lock, alone or with extras."""

from __future__ import annotations

import compileall
import re
import subprocess
import sys
from collections.abc import Iterable, Mapping, Sequence, Set
from importlib.metadata import Distribution, distributions
from pathlib import Path

from packaging.requirements import Requirement
from packaging.utils import NormalizedName, canonicalize_name

from factory_assets.foundation.errors import FactoryError
from factory_assets.foundation.settings import PROJECT_ROOT

EDGE = PROJECT_ROOT / "edge_runtime"
LOCK = EDGE / "requirements.lock"
PACKAGE = "factory-edge"


class EnvironmentMakingError(FactoryError, RuntimeError):
    """An environment cannot be made."""


class EdgeEnvironments:
    """Makes environments in a folder; what belongs to an extra is read from one that holds the whole lock.

    Args:
        folder: Where they are made.

    Raises:
        EnvironmentMakingError: uv is not beside this Python, or a package of the lock cannot be had.
    """

    def __init__(self, folder: Path) -> None:
        self._folder, self._uv = folder, Path(sys.executable).with_name("uv")
        if not self._uv.exists():
            msg = f"{self._uv} is not there: run make setup"
            raise EnvironmentMakingError(msg)
        wheels = folder / "wheels"
        self._run("build", "--wheel", "--no-build-isolation", "--python", sys.executable, "-o", str(wheels), str(EDGE))
        (self._wheel,) = wheels.glob("*.whl")
        whole = self._make(folder / "whole", LOCK.read_text(encoding="utf-8"))
        self._known = {canonicalize_name(d.name): d for d in distributions(path=[str(site_packages(whole))])}

    def make(self, name: str, extras: Sequence[str]) -> Path:
        """Install the edge with these extras; returns the environment's folder."""
        names = closure(self._known, PACKAGE, extras)
        return self._make(self._folder / name, part_of_lock(LOCK.read_text(encoding="utf-8"), names))

    def _make(self, place: Path, lock: str) -> Path:
        path = place.with_suffix(".lock")
        path.write_text(lock, encoding="utf-8")
        python = str(place / "bin" / "python")
        self._run("venv", "--python", sys.executable, str(place))
        self._run("pip", "sync", "--python", python, "--require-hashes", str(path))
        self._run("pip", "install", "--python", python, "--no-deps", str(self._wheel))
        return place

    def _run(self, *arguments: str) -> None:
        """From uv's cache; from an index only what is not there."""
        for options in (["--quiet", "--offline"], ["--quiet"]):
            done = subprocess.run([self._uv, *arguments, *options], capture_output=True, text=True, check=False)
            if done.returncode == 0:
                return
        msg = f"uv {' '.join(arguments)}: {done.stderr[-500:]}"
        raise EnvironmentMakingError(msg)


def closure(known: Mapping[NormalizedName, Distribution], package: str, extras: Iterable[str]) -> set[NormalizedName]:
    """Names of all that a package needs here with some extras, itself left out.

    Args:
        known: What is installed, by normalised name.
        package: Its name.
        extras: Of the package.
    """
    found: set[tuple[NormalizedName, str]] = set()
    # Each entry is a package with one of its extras; the empty one is the package alone.
    new = {(canonicalize_name(package), extra) for extra in ("", *extras)}
    while new:
        found |= new
        reached = {entry for name, extra in new for entry in _needed(known[name], extra)}
        new = reached - found
    return {name for name, _ in found} - {canonicalize_name(package)}


def _needed(distribution: Distribution, extra: str) -> Iterable[tuple[NormalizedName, str]]:
    for text in distribution.requires or ():
        requirement = Requirement(text)
        if requirement.marker is None or requirement.marker.evaluate({"extra": extra}):
            for wanted in ("", *requirement.extras):
                yield canonicalize_name(requirement.name), wanted


def part_of_lock(lock: str, names: Set[NormalizedName]) -> str:
    """The entries of a lock that are named, hashes included."""
    text = re.sub(r"^\s*#.*\n", "", lock, flags=re.MULTILINE)
    entries = re.split(r"\n(?=\S)", text.strip())
    return "\n".join(e for e in entries if canonicalize_name(re.split(r"[=\s;]", e)[0]) in names) + "\n"


def site_packages(environment: Path) -> Path:
    """Where an environment's packages lie."""
    (found,) = environment.glob("lib/python3*/site-packages")
    return found


def size_mb(folder: Path) -> float:
    """Sizes of all files below a folder, in 1,000,000 bytes; a file with several names counts once."""
    facts = [path.lstat() for path in folder.rglob("*") if not path.is_dir()]
    return sum({(fact.st_dev, fact.st_ino): fact.st_size for fact in facts}.values()) / 1e6


def compile_all(folder: Path) -> None:
    """Write the bytecode of every module, as pip does; the interpreters are the same."""
    compileall.compile_dir(folder, quiet=2, workers=1)
