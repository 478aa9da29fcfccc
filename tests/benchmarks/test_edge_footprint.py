"""The service is started and looked at; which packages belong to an extra, and how large files are."""

from __future__ import annotations

import os
from importlib.metadata import Distribution
from pathlib import Path
from typing import Any

import pytest
from packaging.utils import NormalizedName, canonicalize_name

from factory_assets.benchmarks import edge_footprint
from factory_assets.benchmarks.edge_environments import LOCK, closure, part_of_lock, size_mb
from factory_assets.benchmarks.edge_footprint import Size, Start
from factory_assets.benchmarks.report import Options


class Installed(Distribution):
    """A package that needs some others."""

    def __init__(self, *needed: str) -> None:
        self._needed = needed

    @property
    def requires(self) -> list[str]:
        return list(self._needed)

    def read_text(self, filename: str) -> None:
        return None

    def locate_file(self, path: Any) -> Any:
        raise NotImplementedError


def known(**packages: list[str]) -> dict[NormalizedName, Distribution]:
    return {canonicalize_name(name): Installed(*needed) for name, needed in packages.items()}


def test_the_service_is_started_and_looked_at(tmp_path: Path) -> None:
    report = edge_footprint.run(Options(tmp_path, is_quick=True))
    figures = {figure.name.partition(": ")[2]: figure for figure in report.figures}
    assert set(figures) == {what for what, _, _ in edge_footprint.MEASURED}
    assert all(figure.ours > 0 for figure in figures.values())
    # The station, its worker, its camera and its page.
    assert len(report.details[0].rows[0][-1].split(", ")) >= 4
    assert any("left out" in note for note in report.notes)


def test_medians_are_held_against_the_goals() -> None:
    starts = [Start(s, s + 0.2, 150, 60, (60, 90)) for s in (2.0, 2.5, 9.0)]
    sizes = {"base": Size(140, 170), "inspection": Size(330, 360)}
    report = edge_footprint.report({"inspection": starts}, sizes, 224)
    figures = {figure.name: figure for figure in report.figures}
    assert figures["inspection: ready, s"].ours == 2.5
    assert figures["inspection: /readyz is 200, s"].ours == pytest.approx(2.7)
    assert [figure.name for figure in report.missed] == ["inspection: installed, MB"]


def test_an_extra_brings_what_it_needs_and_no_more() -> None:
    packages = known(
        edge=["a>=1", "b; extra == 'look'", "c[fast]; extra == 'plc'", "d; sys_platform == 'no such'"],
        a=["A_deep"], a_deep=["a"], b=[], c=["e; extra == 'fast'", "f; extra == 'slow'"], e=[],
    )  # fmt: skip
    assert closure(packages, "edge", ()) == {"a", "a-deep"}
    assert closure(packages, "edge", ("look",)) == {"a", "a-deep", "b"}
    assert closure(packages, "edge", ("plc",)) == {"a", "a-deep", "c", "e"}


def test_a_part_of_a_lock_keeps_its_hashes() -> None:
    lock = "a==1 \\\n    --hash=sha256:1\n    # via edge\nb-c==2 ; os_name != 'nt' \\\n    --hash=sha256:2\n"
    assert part_of_lock(lock, {canonicalize_name("B_c")}) == "b-c==2 ; os_name != 'nt' \\\n    --hash=sha256:2\n"
    numpy = part_of_lock(LOCK.read_text(encoding="utf-8"), {canonicalize_name("numpy")})
    assert all(line.startswith(("numpy==", "    --hash=")) for line in numpy.splitlines())
    assert "--hash" in numpy


def test_a_file_with_two_names_counts_once(tmp_path: Path) -> None:
    (tmp_path / "below").mkdir()
    (tmp_path / "one").write_bytes(bytes(1_500_000))
    os.link(tmp_path / "one", tmp_path / "below" / "two")
    (tmp_path / "below" / "three").write_bytes(bytes(500_000))
    assert size_mb(tmp_path) == pytest.approx(2.0)
