"""Graphs of the default networks, the cost of their calls, and the peer."""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path

import numpy as np
import onnxruntime
import pytest

from edge_runtime.bundle import load_manifest, verify_files
from factory_assets.benchmarks import inspection_peer, inspection_speed, made_graphs
from factory_assets.benchmarks.made_graphs import CLASSIFIER, DEFECT_NETWORK
from factory_assets.benchmarks.report import Options

SIDE = 32
PEER = """#!{python}
import json, sys
request = json.loads(sys.stdin.read())
names = [*request["models"], *request["graphs"]]
print("a line of a library")
print(json.dumps({{
    "versions": {{"anomalib": "0"}}, "core": 0, "failures": {{"EfficientAd": "no weights"}},
    "scores": dict.fromkeys(["Padim", "our defect network"], 0.25),
    "timed": {{name: {{"cpu_ms": [1e6], "wall_ms": [1e6]}} for name in names if name != "EfficientAd"}},
}}))
"""


@pytest.fixture(scope="module")
def graphs(tmp_path_factory: pytest.TempPathFactory) -> dict[str, made_graphs.Graphs]:
    folder = tmp_path_factory.mktemp("graphs")
    return {name: made_graphs.export(name, SIDE, folder) for name in (CLASSIFIER, DEFECT_NETWORK)}


def test_every_graph_is_timed_in_every_backend(graphs) -> None:
    costs = inspection_speed.measured(list(graphs.values()), 2, 2)
    assert len({(cost.network, cost.precision, cost.backend) for cost in costs}) == len(costs) == 8
    assert all(0 <= cost.quietest_cpu_ms <= cost.cpu_ms for cost in costs)
    openvino = {(cost.network, cost.precision): cost.ran_in for cost in costs if cost.backend == "openvino"}
    assert "f32" in openvino[CLASSIFIER, "fp32"]
    assert "8" in openvino[CLASSIFIER, "int8"]


def test_the_goal_is_held_against_the_fastest_backend(graphs) -> None:
    costs = [
        inspection_speed.Cost(name, precision, backend, ms, ms, ms, ms, "f32 1")
        for name in graphs
        for precision in ("fp32", "int8")
        for backend, ms in (("onnxruntime", 1.4), ("openvino", 1.6))
    ]
    report = inspection_speed._report(list(graphs.values()), costs, "somehow")
    assert [figure.ours for figure in report.figures] == [1.4] * 4
    assert [figure.is_reached for figure in report.figures] == [True, True, None, None]
    assert "fastest is onnxruntime" in report.figures[0].held_equal
    json.dumps(report.as_json())


def test_a_bundle_of_a_graph_is_one_that_the_edge_opens(graphs, tmp_path: Path) -> None:
    for name, of in graphs.items():
        made_graphs.bundle_of(of, tmp_path / name)
        manifest = load_manifest(tmp_path / name / "manifest.json")
        verify_files(tmp_path / name, manifest)
        assert manifest.inspection is not None
        assert bool(manifest.inspection.labels) == (name == CLASSIFIER)


def test_the_peer_gets_the_same_graph(graphs, tmp_path: Path) -> None:
    path = graphs[DEFECT_NETWORK].fp32
    inspection_peer.for_anomalib(path, tmp_path / "adapted.onnx", SIDE)
    frame = made_graphs.made_frames(1, SIDE)[..., None]
    ours, theirs = onnxruntime.InferenceSession(path), onnxruntime.InferenceSession(tmp_path / "adapted.onnx")
    score, heat_map = ours.run(["score", "heat_map"], {"image": frame})
    # What anomalib's inferencer does with pixels.
    again, cells = theirs.run(["pred_score", "anomaly_map"], {"pixels": frame.astype(np.float32) / 255})
    np.testing.assert_array_equal(score, again)
    np.testing.assert_array_equal(heat_map, cells)


def test_without_a_peer_nothing_is_measured(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(inspection_peer.PEER, raising=False)
    report = inspection_peer.run(Options(tmp_path))
    assert not report.figures
    assert "FACTORY_PEER_ANOMALIB" in report.notes[0]


@pytest.mark.skipif(os.name == "nt", reason="a peer that is a script")
def test_both_sides_are_compared(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    peer = tmp_path / "peer.py"
    peer.write_text(PEER.format(python=sys.executable))
    peer.chmod(0o755)
    monkeypatch.setenv(inspection_peer.PEER, str(peer))
    monkeypatch.setattr(inspection_peer, "alone", lambda function, *arguments: function(*arguments))
    monkeypatch.setattr(inspection_peer, "SIDE_PX", SIDE)
    monkeypatch.setattr(inspection_peer, "LARGER_PX", SIDE + 8)
    monkeypatch.setattr(inspection_peer, "MODELS", {"Padim": SIDE, "EfficientAd": SIDE + 8})
    report = inspection_peer.run(Options(tmp_path, is_quick=True, sizes={"rounds": 1, "calls": 1}))
    figures = {figure.name: figure for figure in report.figures}
    assert len(figures) == 4
    padim = figures["32 px: our defect network in openvino beside anomalib's Padim, CPU ms a call"]
    assert padim.baseline == 1e6
    assert padim.ratio == pytest.approx(1e6 / padim.ours)
    assert padim.is_reached
    assert 0 <= figures["largest difference of that score"].ours <= 0.75
    assert "EfficientAd could not be measured: no weights" in report.notes
    json.dumps(report.as_json())


@pytest.mark.parametrize("script", ["#!/bin/sh\necho no anomalib here >&2\nexit 1\n", "#!/bin/sh\necho hello\n"])
def test_a_peer_that_gives_no_answer_is_told(tmp_path: Path, script: str) -> None:
    peer = tmp_path / "peer.sh"
    peer.write_text(script)
    peer.chmod(0o755)
    with pytest.raises(inspection_peer.PeerFailedError, match=r"peer\.sh gave no answer"):
        inspection_peer.ask_peer(str(peer), tmp_path, 1, 1)
    with pytest.raises(inspection_peer.PeerFailedError, match="cannot be asked"):
        inspection_peer.ask_peer(str(tmp_path / "none"), tmp_path, 1, 1)
