"""The locks: they resolve for the machines that they are meant for, name wheels, and no address."""

from __future__ import annotations

import importlib.util
import re
import subprocess
import sys
from pathlib import Path
from types import ModuleType

import pytest

ROOT = Path(__file__).resolve().parents[1]
EDGE_LOCK = ROOT / "edge_runtime" / "requirements.lock"
LOCKS = (EDGE_LOCK, ROOT / "requirements.lock", ROOT / "bootstrap.lock")
JETPACK = ("3.10", "3.12")
UNREACHABLE = re.compile(r"error sending request|dns error|failed to fetch|connection (refused|error)|timed out", re.I)


@pytest.fixture(scope="module")
def wheelhouse() -> ModuleType:
    spec = importlib.util.spec_from_file_location("wheelhouse", ROOT / "scripts" / "wheelhouse.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules["wheelhouse"] = module
    spec.loader.exec_module(module)
    return module


def pins(lock: str) -> dict[str, str]:
    return dict(re.findall(r"^([A-Za-z0-9._-]+)==([^\s;\\]+)", lock, re.MULTILINE))


def hashes(lock: str) -> dict[str, set[str]]:
    """The hashes of each requirement, by name and version."""
    parts = re.split(r"\n(?=[A-Za-z0-9])", lock)
    return {part.split()[0]: set(re.findall(r"sha256:[0-9a-f]{64}", part)) for part in parts if "==" in part}


@pytest.mark.parametrize("python", JETPACK)
def test_the_edge_lock_resolves_for_a_jetson_from_wheels_alone(
    python: str, tmp_path: Path, wheelhouse: ModuleType
) -> None:
    """JetPack 6 brings Python 3.10, JetPack 7 brings 3.12, both on aarch64."""
    out = tmp_path / "resolved.txt"
    command = [
        str(Path(sys.executable).with_name("uv")), "pip", "compile", "--quiet", "--no-header", "--no-annotate",
        "--python-version", python, "--python-platform", "aarch64-manylinux_2_35", "--only-binary", ":all:",
        "--generate-hashes", "--output-file", str(out), str(EDGE_LOCK),
    ]  # fmt: skip
    done = subprocess.run(command, capture_output=True, text=True, check=False, cwd=tmp_path)
    if done.returncode and UNREACHABLE.search(done.stderr):
        pytest.skip(f"the package index is out of reach, so the lock could not be resolved: {done.stderr[-300:]}")
    assert done.returncode == 0, done.stderr
    resolved = out.read_text()
    device = wheelhouse.Device("aarch64", python)
    locked = EDGE_LOCK.read_text()
    assert pins(resolved) == pins(wheelhouse.for_device(locked, device))
    of_lock = hashes(locked)
    for requirement, found in hashes(resolved).items():
        assert found & of_lock[requirement], requirement


@pytest.mark.parametrize("lock", LOCKS, ids=lambda path: str(path.relative_to(ROOT)))
def test_every_requirement_has_a_hash_and_no_address_is_named(lock: Path) -> None:
    text = lock.read_text()
    found = hashes(text)
    assert found
    assert all(found.values())
    assert "://" not in text
    assert "--index-url" not in text
    assert "--find-links" not in text


LOCK_OF_TWO = """\
alpha==1.0 ; python_full_version < '3.11' \\
    --hash=sha256:{a}
    # via beta
alpha==2.0 ; python_full_version >= '3.11' \\
    --hash=sha256:{b} \\
    --hash=sha256:{c}
    # via
    #   beta
    #   -r more.in
beta==3.0 \\
    --hash=sha256:{c}
gamma==1.0 ; sys_platform == 'win32' or platform_machine == 'x86_64' \\
    --hash=sha256:{a}
""".format(a="a" * 64, b="b" * 64, c="c" * 64)


def test_a_lock_is_cut_down_to_what_a_device_needs(wheelhouse: ModuleType) -> None:
    old = wheelhouse.for_device(LOCK_OF_TWO, wheelhouse.Device("aarch64", "3.10"))
    assert pins(old) == {"alpha": "1.0", "beta": "3.0"}
    assert hashes(old) == {"alpha==1.0": {f"sha256:{'a' * 64}"}, "beta==3.0": {f"sha256:{'c' * 64}"}}
    new = wheelhouse.for_device(LOCK_OF_TWO, wheelhouse.Device("x86_64", "3.12"))
    assert pins(new) == {"alpha": "2.0", "beta": "3.0", "gamma": "1.0"}
    assert hashes(new)["alpha==2.0"] == {f"sha256:{'b' * 64}", f"sha256:{'c' * 64}"}
    assert ";" not in old + new


def test_a_device_is_a_processor_and_a_python(wheelhouse: ModuleType) -> None:
    device = wheelhouse.Device.parse("aarch64-py3.10")
    assert (device.processor, device.python, str(device)) == ("aarch64", "3.10", "aarch64-py3.10")
    options = device.pip_options()
    assert "manylinux_2_35_aarch64" in options
    assert "manylinux2014_aarch64" in options
    assert "manylinux_2_36_aarch64" not in options
    with pytest.raises(Exception, match=r"aarch64-py3\.10"):
        wheelhouse.Device.parse("jetson")


def test_the_sums_are_those_that_sha256sum_reads(wheelhouse: ModuleType, tmp_path: Path) -> None:
    (tmp_path / "edge").mkdir()
    (tmp_path / "edge" / "a.whl").write_bytes(b"abc")
    assert wheelhouse.write_sums(tmp_path) == 1
    done = subprocess.run(["sha256sum", "--check", "SHA256SUMS"], capture_output=True, check=False, cwd=tmp_path)
    assert done.returncode == 0
    (tmp_path / "edge" / "a.whl").write_bytes(b"abd")
    done = subprocess.run(["sha256sum", "--check", "SHA256SUMS"], capture_output=True, check=False, cwd=tmp_path)
    assert done.returncode == 1
