"""Compiled engines on disk: found by what they fit, noticed when they were changed."""

from __future__ import annotations

import pytest

from edge_runtime.bundle import Tolerance
from edge_runtime.engine.store import EngineKey, EngineRecord, EngineStore, Proof
from edge_runtime.files import sha256_bytes

DATA = b"an engine"
KEY = EngineKey(
    onnx_sha256="a" * 64,
    target="tensorrt",
    precision="fp16",
    compiler="tensorrt 10.3.0",
    gpu_name="Orin",
    compute_capability="8.7",
    largest_batch=256,
    workspace_bytes=1 << 28,
)


def record(key=KEY, data=DATA, proof=None):
    return EngineRecord(
        key=key,
        sha256=sha256_bytes(data),
        bytes=len(data),
        tensor_types={"HALF": 3},
        proof=proof,
        why_not_verified=None if proof else "no GPU",
    ).sealed()


def test_an_engine_is_found_by_its_key(tmp_path):
    store = EngineStore(tmp_path)
    store.put(record(), DATA)
    found = store.find(KEY)
    assert found == record()
    assert store.read(found) == DATA
    assert found.state == "compiled, not verified: no GPU"
    assert list(store.records()) == [found]


@pytest.mark.parametrize(
    "other",
    [
        {"onnx_sha256": "b" * 64},
        {"target": "tensorrt-rtx"},
        {"precision": "int8"},
        {"compiler": "tensorrt 10.16.0"},
        {"gpu_name": "Orin Nano"},
        {"compute_capability": "8.9"},
        {"largest_batch": 8},
        {"workspace_bytes": 1 << 20},
    ],
    ids=lambda change: next(iter(change)),
)
def test_whatever_an_engine_fits_is_in_its_key(tmp_path, other):
    store = EngineStore(tmp_path)
    store.put(record(), DATA)
    assert store.find(KEY.model_copy(update=other)) is None


def test_timing_caches_are_by_version_and_gpu():
    assert KEY.timing_cache == "timing-tensorrt-10.3.0-Orin-8.7.cache"
    assert KEY.model_copy(update={"precision": "int8"}).timing_cache == KEY.timing_cache
    assert KEY.model_copy(update={"gpu_name": "a/b c"}).timing_cache == "timing-tensorrt-10.3.0-a-b-c-8.7.cache"


@pytest.mark.parametrize("file", ["engine.bin", "record.json"])
@pytest.mark.parametrize(
    "change", [lambda data: data[:-2], lambda data: bytes([data[0] ^ 1]) + data[1:], lambda _: b""]
)
def test_a_changed_engine_is_not_there(tmp_path, file, change):
    store = EngineStore(tmp_path)
    store.put(record(), DATA)
    path = store.engine_file(KEY).with_name(file)
    path.write_bytes(change(path.read_bytes()))
    assert store.find(KEY) is None
    assert list(store.records()) == []


def test_a_record_that_was_written_by_hand_is_not_believed(tmp_path):
    store = EngineStore(tmp_path)
    store.put(record(), DATA)
    path = store.engine_file(KEY).with_name("record.json")
    path.write_bytes(path.read_bytes().replace(b'"no GPU"', b'"oh well"'))
    assert store.find(KEY) is None


def test_a_proof_holds_for_its_samples_and_tolerance_alone(tmp_path, typed_bundle):
    manifest = typed_bundle(tmp_path / "bundle")
    tolerance = manifest.golden.tolerance["tensorrt"]["fp16"]
    good = Proof(golden_sha256=manifest.golden.sha256, tolerance=tolerance, differences={"rul_cycles": 0.1})
    assert record(proof=good).is_proven_for(manifest)
    assert record(proof=good).state == "verified"
    other_samples = good.model_copy(update={"golden_sha256": "f" * 64})
    other_tolerance = good.model_copy(update={"tolerance": Tolerance(atol=9, rtol=9)})
    assert not record(proof=other_samples).is_proven_for(manifest)
    assert not record(proof=other_tolerance).is_proven_for(manifest)
    assert not record().is_proven_for(manifest)


def test_an_engine_takes_the_place_of_its_forerunner(tmp_path):
    store = EngineStore(tmp_path)
    store.put(record(), DATA)
    store.put(record(data=b"made again"), b"made again")
    assert store.read(store.find(KEY)) == b"made again"
    assert sorted(path.name for path in store.engine_file(KEY).parent.iterdir()) == ["engine.bin", "record.json"]
    assert [path.name for path in store.folder.iterdir()] == [KEY.folder]


def test_engines_of_other_graphs_and_unfinished_work_go(tmp_path):
    store = EngineStore(tmp_path)
    other = KEY.model_copy(update={"onnx_sha256": "b" * 64})
    for key in (KEY, other):
        store.put(record(key), DATA)
    (store.folder / ".making-x").mkdir()
    (store.folder / KEY.timing_cache).write_bytes(b"timings")
    store.remove_others({KEY.onnx_sha256})
    assert sorted(path.name for path in store.folder.iterdir()) == sorted([KEY.folder, KEY.timing_cache])
    EngineStore(tmp_path / "empty").remove_others(set())
