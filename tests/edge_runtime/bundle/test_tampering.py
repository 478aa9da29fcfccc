"""One changed byte, anywhere in what is trusted, is refused, and the active release stays as it was."""

from __future__ import annotations

import itertools
import json
import random
import shutil
from pathlib import Path

import pytest

from edge_runtime.bundle.pull import pull
from edge_runtime.bundle.state import open_active
from edge_runtime.errors import RefusedError
from factory_assets.engines.keys import create_keys
from tests.tiny_bundle import Site, contents

MASKS = (0x01, 0x20, 0x80)
SEEDS = range(6)


@pytest.fixture(scope="module")
def published(tmp_path_factory) -> Site:
    """Release 1 is active at the edge; the repository offers release 2 with two bundles."""
    root = tmp_path_factory.mktemp("site")
    site = Site(root=root, keys=create_keys(root / "keys"))
    site.publish(site.bundle())
    site.pull()
    site.publish(site.bundle(bias=101), site.bundle(fleet="F2", channels=("a", "b")))
    return site


@pytest.fixture(params=["new release", "nothing new", "first use"])
def edge(request, published, tmp_path) -> Site:
    """The edge before release 2, after it, and before any release: in a folder of its own."""
    site = Site(root=tmp_path, keys=published.keys)
    shutil.copytree(published.releases, site.releases)
    if request.param != "first use":
        shutil.copytree(published.state, site.state)
    if request.param == "nothing new":
        site.pull()
    return site


def trusted_files(releases: Path) -> list[Path]:
    """Metadata and targets of the newest release."""
    metadata = releases / "metadata"
    snapshot = json.loads((metadata / "timestamp.json").read_text())["signed"]["meta"]["snapshot.json"]["version"]
    of_snapshot = metadata / f"{snapshot}.snapshot.json"
    version = json.loads(of_snapshot.read_text())["signed"]["meta"]["targets.json"]["version"]
    of_targets = metadata / f"{version}.targets.json"
    targets = json.loads(of_targets.read_text())["signed"]["targets"]
    files = [metadata / "1.root.json", metadata / "timestamp.json", of_snapshot, of_targets]
    for path, facts in targets.items():
        folder, _, name = path.rpartition("/")
        files.append(releases / "targets" / folder / f"{facts['hashes']['sha256']}.{name}")
    return files


def assert_refused(site: Site, what: str) -> None:
    before = contents(site.state) if site.state.exists() else None
    try:
        pull(site.releases, site.state)
    except RefusedError:
        pass
    else:
        pytest.fail(f"accepted: {what}")
    assert (contents(site.state) if site.state.exists() else None) == before, what


def test_a_random_byte_of_each_file(edge):
    files = trusted_files(edge.releases)
    assert len(files) == 4 + 1 + 2 * 3
    for path in files:
        good = path.read_bytes()
        for seed in SEEDS:
            rng = random.Random(f"{path.name} {seed}")
            position, mask = rng.randrange(len(good)), rng.randrange(1, 256)
            damaged = bytearray(good)
            damaged[position] ^= mask
            path.write_bytes(damaged)
            assert_refused(edge, f"{path.name} byte {position} xor {mask:#x}")
        path.write_bytes(good)
    assert pull(edge.releases, edge.state).release == 2


def test_truncated_extended_or_missing_files(edge):
    for path in trusted_files(edge.releases):
        good = path.read_bytes()
        for bad in (good[:-1], good[: len(good) // 2], b"", good + b"\n", b" " + good):
            path.write_bytes(bad)
            assert_refused(edge, f"{path.name} with {len(bad)} of {len(good)} bytes")
        path.write_bytes(good)
    assert pull(edge.releases, edge.state).release == 2


def test_swapped_files(edge):
    files = trusted_files(edge.releases)
    for one, other in itertools.pairwise(files):
        first, second = one.read_bytes(), other.read_bytes()
        one.write_bytes(second)
        other.write_bytes(first)
        assert_refused(edge, f"{one.name} swapped with {other.name}")
        one.write_bytes(first)
        other.write_bytes(second)


@pytest.mark.parametrize(("mask", "state"), [*((mask, "new release") for mask in MASKS), (0x20, "nothing new")])
def test_every_byte_of_the_timestamp(published, tmp_path, mask, state):
    site = Site(root=tmp_path, keys=published.keys)
    shutil.copytree(published.releases, site.releases)
    shutil.copytree(published.state, site.state)
    if state == "nothing new":
        site.pull()
    before = contents(site.state)
    path = site.releases / "metadata" / "timestamp.json"
    good = path.read_bytes()
    accepted = []
    for position in range(len(good)):
        damaged = bytearray(good)
        damaged[position] ^= mask
        path.write_bytes(damaged)
        try:
            site.pull()
        except RefusedError:
            continue
        accepted.append(position)
    assert accepted == []
    assert contents(site.state) == before


@pytest.mark.parametrize(
    "change",
    [
        lambda text: text.replace(",", ", ", 1),
        lambda text: text.replace('"sig":"', '"sig":" ', 1),
        lambda text: text[:-1] + ',"unsigned":1}',
        lambda text: text.replace('{"keyid"', '{"extra":1,"keyid"', 1),
        lambda text: text.replace('"timestamp"', '"\\u0074imestamp"', 1),
        lambda text: text + "\n",
        lambda text: text.replace('{"signatures":', '{"signatures":[],"signatures":', 1),
        lambda text: text.replace('"signatures":[', '"signatures":[{"keyid":"' + "0" * 64 + '","sig":"00"},', 1),
    ],
)
def test_other_writings_of_the_same_signed_content(published, tmp_path, change):
    site = Site(root=tmp_path, keys=published.keys)
    shutil.copytree(published.releases, site.releases)
    path = site.releases / "metadata" / "timestamp.json"
    text = path.read_text()
    changed = change(text)
    assert changed != text
    path.write_text(changed)
    assert_refused(site, changed)


def test_upper_case_signature_is_refused(published, tmp_path):
    site = Site(root=tmp_path, keys=published.keys)
    shutil.copytree(published.releases, site.releases)
    for name in ("1.root.json", "timestamp.json"):
        path = site.releases / "metadata" / name
        good = path.read_text()
        signature = json.loads(good)["signatures"][0]["sig"]
        path.write_text(good.replace(signature, signature.upper()))
        assert_refused(site, name)
        path.write_text(good)


def test_active_release_survives_a_repository_that_is_gone(published, tmp_path):
    shutil.copytree(published.state, tmp_path / "state")
    assert open_active(tmp_path / "state").record.release == 1
