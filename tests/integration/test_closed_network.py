"""Closed networks: the edge installs from a wheelhouse, and the platform works, with no network at all."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from factory_assets.engines.keys import create_keys
from tests.integration.commands import ROOT
from tests.integration.conftest import SmallPlant
from tests.integration.offline import SecondHome, Watched, cut, second_home
from tests.tiny_bundle import CHANNELS, Site


@pytest.fixture(scope="module")
def wheelhouse(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What `make wheelhouse` gathers for the edge on this machine."""
    folder = tmp_path_factory.mktemp("wheelhouse")
    command = [sys.executable, str(ROOT / "scripts" / "wheelhouse.py"), str(folder), "--edge-only"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode and "No matching distribution" in done.stderr + done.stdout:
        pytest.skip("the package index is out of reach: a wheelhouse is made where it can be reached")
    assert done.returncode == 0, done.stderr
    return folder


def without_network(*command: str | Path, cwd: Path) -> subprocess.CompletedProcess[str]:
    """Run with the network cut off (where the kernel allows it), and with nothing that says where an index is."""
    environment = {"PATH": "/usr/bin:/bin", "HOME": str(cwd), "PIP_CONFIG_FILE": os.devnull}
    environment |= dict.fromkeys(("http_proxy", "https_proxy", "PIP_INDEX_URL"), "http://127.0.0.1:9")
    return subprocess.run(
        [*cut(), *map(str, command)], capture_output=True, text=True, check=False, cwd=cwd, env=environment
    )


@pytest.fixture(scope="module")
def edge(wheelhouse: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """`factory-edge`, installed by the commands of docs/runbooks/closed-network.md."""
    folder = tmp_path_factory.mktemp("device")
    of_edge = wheelhouse / "edge"
    made = without_network(sys.executable, "-m", "venv", folder / "edge", cwd=folder)
    assert made.returncode == 0, made.stderr
    install = [folder / "edge/bin/pip", "install", "--no-index", "--no-compile", "--find-links", of_edge]
    locked = without_network(*install, "--require-hashes", "-r", of_edge / "requirements.lock", cwd=folder)
    assert locked.returncode == 0, locked.stderr
    own = without_network(*install, "--no-deps", "factory-edge", cwd=folder)
    assert own.returncode == 0, own.stderr
    return folder / "edge/bin/factory-edge"


def test_a_wheelhouse_holds_wheels_alone_and_their_sums(wheelhouse: Path) -> None:
    names = {path.name for path in (wheelhouse / "edge").iterdir()}
    assert "requirements.lock" in names
    assert all(name.endswith(".whl") for name in names - {"requirements.lock"})
    assert any(name.startswith("factory_edge-") for name in names)
    done = subprocess.run(["sha256sum", "--check", "--quiet", "SHA256SUMS"], check=False, cwd=wheelhouse)
    assert done.returncode == 0


def test_a_package_that_is_not_the_locked_one_is_not_installed(wheelhouse: Path, tmp_path: Path) -> None:
    of_edge = wheelhouse / "edge"
    spoilt = tmp_path / "spoilt"
    spoilt.mkdir()
    for path in of_edge.iterdir():
        (spoilt / path.name).write_bytes(path.read_bytes())
    victim = next(spoilt.glob("tuf-*.whl"))
    victim.write_bytes(victim.read_bytes() + b"\0")
    command = [sys.executable, "-m", "pip", "install", "--no-index", "--find-links", spoilt, "--require-hashes"]
    into = ["--target", tmp_path / "into", "-r", spoilt / "requirements.lock"]
    done = without_network(*command, *into, cwd=tmp_path)
    assert done.returncode != 0
    assert "do not match the hashes" in done.stderr.lower()


def test_the_edge_pulls_and_predicts_there(edge: Path, tmp_path: Path) -> None:
    assert "pull" in without_network(edge, "--help", cwd=tmp_path).stdout
    publisher = Site(tmp_path / "platform", create_keys(tmp_path / "platform" / "keys"))
    publisher.publish(publisher.bundle())
    state, report = tmp_path / "state", tmp_path / "pull.json"
    pulled = without_network(
        edge, "pull", "--releases", publisher.releases, "--state", state, "--json", report, cwd=tmp_path
    )
    assert pulled.returncode == 0, pulled.stderr
    assert json.loads(report.read_text())["release"] == 1
    readings, answer = tmp_path / "readings.csv", tmp_path / "out.json"
    rows = [",".join(("unit_id", "cycle", *CHANNELS)), *(f"pump-1,{cycle},1,2,3" for cycle in range(1, 6))]
    readings.write_text("\n".join(rows) + "\n")
    predicted = without_network(edge, "predict", "--state", state, "--input", readings, "--json", answer, cwd=tmp_path)
    assert predicted.returncode == 0, predicted.stderr
    assert json.loads(answer.read_text())["units"][0]["unit_id"] == "pump-1"


@pytest.mark.parametrize(
    "attempt",
    [
        "import socket; socket.create_connection(('192.0.2.1', 80), timeout=1)",
        "import urllib.request; urllib.request.urlopen('http://example.invalid/', timeout=1)",
        "import socket; socket.socket(socket.AF_INET, socket.SOCK_DGRAM).sendto(b'x', ('192.0.2.1', 53))",
    ],
)
def test_an_attempt_to_call_out_is_noticed(attempt: str, tmp_path: Path) -> None:
    watched = Watched(tmp_path)
    done = watched.run(sys.executable, "-c", attempt, cwd=tmp_path)
    assert done.returncode == 1
    assert "192.0.2.1" in watched.attempts() or "example.invalid" in watched.attempts()


def test_what_stays_on_this_machine_is_no_attempt(tmp_path: Path) -> None:
    code = "import socket; s = socket.socket(); s.bind(('127.0.0.1', 0)); socket.getaddrinfo('localhost', 80)"
    watched = Watched(tmp_path)
    assert watched.run(sys.executable, "-c", code, cwd=tmp_path).returncode == 0
    assert watched.attempts() == ""


@pytest.fixture(scope="module")
def offline_home(small_plant: SmallPlant, tmp_path_factory: pytest.TempPathFactory) -> SecondHome:
    return second_home(small_plant.file, tmp_path_factory.getbasetemp() / "second_home")


def test_from_the_historian_to_the_release_nothing_calls_out(offline_home: SecondHome) -> None:
    """Training, tracking, dbt, compilers and all: without a network, and without an attempt to find one."""
    assert offline_home.done.returncode == 0, offline_home.done.stderr
    assert "Release 1, signed" in offline_home.done.stdout
    assert offline_home.watched.attempts() == ""
