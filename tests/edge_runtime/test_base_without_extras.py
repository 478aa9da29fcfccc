"""The base of the edge, without any extra: it pulls, predicts and shows; what needs an extra says which."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from tests.edge_runtime.inspection.inspecting import golden_bundle
from tests.image_files import encoded, pattern
from tests.tiny_bundle import CHANNELS
from tests.tiny_pictures import make_picture_bundle

WITHOUT = """
import sys
for name in ("cv2", "yaml", "starlette", "uvicorn", "prometheus_client", "transitions", "openvino", "asyncua"):
    sys.modules[name] = None
from edge_runtime.cli import main
sys.exit(main(sys.argv[1:]))
"""


@pytest.fixture
def base():
    """`factory-edge` as it is where no extra is installed."""

    def run(*arguments: str | Path) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, "-c", WITHOUT, *map(str, arguments)], capture_output=True, text=True, check=False
        )

    return run


def pulled(site, base):
    return base("pull", "--releases", site.releases, "--state", site.state)


def test_it_pulls_predicts_and_shows(site, base, tmp_path):
    site.publish(site.bundle())
    done = pulled(site, base)
    assert done.returncode == 0, done.stderr
    readings, answer = tmp_path / "readings.csv", tmp_path / "out.json"
    readings.write_text(",".join(("unit_id", "cycle", *CHANNELS)) + "\npump,1,1,2,3\n")
    done = base("predict", "--state", site.state, "--input", readings, "--json", answer)
    assert done.returncode == 0, done.stderr
    assert json.loads(answer.read_text())["units"][0]["unit_id"] == "pump"
    done = base("status", "--state", site.state)
    assert (done.returncode, done.stderr) == (0, "")
    assert "active and intact" in done.stdout


def test_a_release_of_golden_images_is_refused_with_the_extra_that_it_needs(site, base):
    golden_bundle(site.root / "golden", {"top": pattern(32, 40)})
    site.publish(site.root / "golden")
    done = pulled(site, base)
    assert done.returncode == 2
    assert "inspection-plate compares golden images, which needs OpenCV" in done.stderr
    assert "factory-edge[inspection]" in done.stderr
    assert len(done.stderr.splitlines()) == 1
    assert not (site.state / "active.json").exists()


def test_a_graph_of_pictures_is_pulled_and_inspecting_says_what_it_needs(site, base, tmp_path):
    make_picture_bundle(site.root / "pictures")
    site.publish(site.root / "pictures")
    assert pulled(site, base).returncode == 0
    (tmp_path / "parts").mkdir()
    (tmp_path / "parts" / "a.png").write_bytes(encoded(pattern(16, 24)))
    done = base("inspect", "--state", site.state, "--input", tmp_path / "parts", "--json", tmp_path / "out.json")
    assert done.returncode == 2
    assert "needs the Python module cv2" in done.stderr
    assert "factory-edge[inspection]" in done.stderr
    assert len(done.stderr.splitlines()) == 1
