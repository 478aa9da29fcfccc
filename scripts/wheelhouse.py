"""Gathers every package of the locks in a folder, so that a closed network can install from it without an index.

Run by `make wheelhouse`. What is fetched is verified against the hashes of the locks; `SHA256SUMS` is for the way.
"""

from __future__ import annotations

import argparse
import hashlib
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from packaging.requirements import Requirement

ROOT = Path(__file__).resolve().parents[1]
EDGE_LOCK = ROOT / "edge_runtime" / "requirements.lock"
PLATFORM_LOCKS = (ROOT / "bootstrap.lock", ROOT / "requirements.lock")
SUMS = "SHA256SUMS"
LOCK = "requirements.lock"
OLDEST_GLIBC, NEWEST_GLIBC = 17, 35  # manylinux_2_17 is manylinux2014; JetPack 6 has glibc 2.35


@dataclass(frozen=True)
class Device:
    """A machine that an edge is installed on: its processor, and the Python that its system brings."""

    processor: str
    python: str

    @staticmethod
    def parse(text: str) -> Device:
        """A device from text such as `aarch64-py3.10`."""
        found = re.fullmatch(r"([a-z0-9_]+)-py(3\.\d+)", text)
        if not found:
            msg = f"{text!r} is no device: give processor and Python, such as aarch64-py3.10"
            raise argparse.ArgumentTypeError(msg)
        return Device(found[1], found[2])

    def __str__(self) -> str:
        return f"{self.processor}-py{self.python}"

    def markers(self) -> dict[str, str]:
        """The environment that the markers of a lock are judged by."""
        return {
            "implementation_name": "cpython", "implementation_version": f"{self.python}.0", "os_name": "posix",
            "platform_machine": self.processor, "platform_python_implementation": "CPython", "platform_release": "",
            "platform_system": "Linux", "platform_version": "", "python_full_version": f"{self.python}.0",
            "python_version": self.python, "sys_platform": "linux", "extra": "",
        }  # fmt: skip

    def pip_options(self) -> list[str]:
        """What makes pip choose wheels for this device instead of this machine."""
        glibc = [f"manylinux_2_{minor}_{self.processor}" for minor in range(NEWEST_GLIBC, OLDEST_GLIBC - 1, -1)]
        platforms = [*glibc, f"manylinux2014_{self.processor}"]
        python = ["--implementation", "cp", "--python-version", self.python]
        return [*python, *(option for platform in platforms for option in ("--platform", platform))]


def requirements(lock: str) -> Iterator[tuple[Requirement, str]]:
    """The requirements of a lock, each with its whole text, hashes included."""
    text = re.sub(r"^\s*#.*\n", "", lock, flags=re.MULTILINE)
    for entry in re.split(r"\n(?=\S)", text.strip()):
        yield Requirement(entry.partition("\\")[0].strip()), entry


def for_device(lock: str, device: Device) -> str:
    """The part of a lock that a device needs, without markers: pip would judge them by this machine."""
    markers = device.markers()
    wanted = []
    for requirement, entry in requirements(lock):
        if requirement.marker is None or requirement.marker.evaluate(markers):
            _, _, hashes = entry.partition("\\")
            wanted.append(f"{requirement.name}{requirement.specifier} \\{hashes}")
    return "\n".join(wanted) + "\n"


def fetch(locks: Sequence[Path], folder: Path, *options: str) -> None:
    """Download what locks name; pip refuses what does not have one of the hashes."""
    folder.mkdir(parents=True, exist_ok=True)
    named = [option for lock in locks for option in ("--requirement", str(lock))]
    command = ["download", "--quiet", "--disable-pip-version-check", "--no-deps", "--require-hashes", *named]
    subprocess.run([sys.executable, "-m", "pip", *command, "--dest", str(folder), *options], check=True)


def build_edge(folder: Path) -> Path:
    """Build the edge's own wheel, which no index has."""
    uv = Path(sys.executable).with_name("uv")
    build = ["build", "--quiet", "--wheel", "--no-build-isolation", "--python", sys.executable]
    # In a copy: the build leaves nothing behind in the checkout.
    with tempfile.TemporaryDirectory() as copy:
        source = shutil.copytree(ROOT / "edge_runtime", Path(copy, "edge_runtime"))
        subprocess.run([str(uv), *build, "--out-dir", f"{copy}/built", str(source)], check=True)
        (wheel,) = Path(copy, "built").glob("*.whl")
        return Path(shutil.copy(wheel, folder))


def write_sums(folder: Path) -> int:
    """Write the digest of every file, in the form that `sha256sum --check` reads; returns how many there are."""
    files = sorted(path for path in folder.rglob("*") if path.is_file() and path.name != SUMS)
    lines = [f"{hashlib.sha256(path.read_bytes()).hexdigest()}  {path.relative_to(folder)}\n" for path in files]
    (folder / SUMS).write_text("".join(lines), encoding="utf-8")
    return len(files)


def gather(folder: Path, devices: Sequence[Device], *, is_edge_only: bool) -> None:
    """Fill a wheelhouse: `platform/` and `edge/` for machines like this one, `edge-<device>/` for each other one."""
    only_wheels = ("--only-binary", ":all:")
    edge = folder / "edge"
    if not is_edge_only:
        fetch(PLATFORM_LOCKS, folder / "platform")
    fetch([EDGE_LOCK], edge, *only_wheels)
    shutil.copyfile(EDGE_LOCK, edge / LOCK)
    wheel = build_edge(edge)
    for device in devices:
        place = folder / f"edge-{device}"
        place.mkdir(parents=True, exist_ok=True)
        (place / LOCK).write_text(for_device(EDGE_LOCK.read_text(encoding="utf-8"), device), encoding="utf-8")
        fetch([place / LOCK], place, *only_wheels, *device.pip_options())
        shutil.copyfile(wheel, place / wheel.name)


def main() -> None:
    """Gather, and say what came together."""
    parser = argparse.ArgumentParser(description="Gather every package of the locks in a folder.")
    parser.add_argument("folder", type=Path, help="where to")
    another = "also the edge's wheels for another machine, such as aarch64-py3.10; may be repeated"
    parser.add_argument("--edge-for", type=Device.parse, action="append", default=[], metavar="DEVICE", help=another)
    parser.add_argument("--edge-only", action="store_true", help="leave the platform out")
    arguments = parser.parse_args()
    gather(arguments.folder, arguments.edge_for, is_edge_only=arguments.edge_only)
    count = write_sums(arguments.folder)
    for part in sorted(path for path in arguments.folder.iterdir() if path.is_dir()):
        files = [path for path in part.iterdir() if path.name != LOCK]
        sources = [path.name for path in files if path.suffix != ".whl"]
        built = f", of which to be built while installing: {', '.join(sources)}" if sources else ""
        size = sum(path.stat().st_size for path in files) / 1e6
        sys.stdout.write(f"{part}: {len(files)} packages, {size:,.0f} MB{built}\n")
    sys.stdout.write(f"{arguments.folder / SUMS}: {count} files\n")


if __name__ == "__main__":
    main()
