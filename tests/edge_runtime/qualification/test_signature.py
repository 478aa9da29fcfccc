"""Signed reports: whatever is changed is found and named."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from edge_runtime.errors import EdgeError, InputError, RefusedError
from edge_runtime.qualification.signature import (
    PRIVATE_KEY,
    PUBLIC_KEY,
    device_key,
    fingerprint,
    read_public_key,
    signed,
    verify,
)

REPORT = {
    "kind": "x",
    "latency": {"stages": {"total": {"p50_ms": 1.5, "p99_ms": 3.25}, "fit": {"p50_ms": 0.1}}, "failures": {}},
    "parity": [{"precision": "fp32", "difference": {"score": 5.9e-08}}],
    "nothing": None,
}


@pytest.fixture
def key(tmp_path: Path) -> Ed25519PrivateKey:
    return device_key(tmp_path)


def checked(envelope: dict[str, Any], key: Any = None) -> tuple[dict[str, Any], str]:
    return verify(json.dumps(envelope, indent=2).encode(), key, where="report.json")


def test_the_key_is_made_once_and_only_its_owner_reads_it(tmp_path: Path, key: Ed25519PrivateKey) -> None:
    assert (tmp_path / PRIVATE_KEY).stat().st_mode & 0o777 == 0o600
    again = device_key(tmp_path)
    assert again.private_bytes_raw() == key.private_bytes_raw()
    assert fingerprint(read_public_key(tmp_path / PUBLIC_KEY)) == fingerprint(key.public_key())
    (tmp_path / PRIVATE_KEY).chmod(0o644)
    with pytest.raises(InputError, match="can be read by others"):
        device_key(tmp_path)


def test_a_damaged_key_is_told(tmp_path: Path, key: Ed25519PrivateKey) -> None:
    (tmp_path / PRIVATE_KEY).write_bytes(b"no key")
    with pytest.raises(InputError, match="is no private key"):
        device_key(tmp_path)
    (tmp_path / PUBLIC_KEY).write_bytes(b"no key")
    with pytest.raises(InputError, match="is no public key"):
        read_public_key(tmp_path / PUBLIC_KEY)


def test_a_whole_report_verifies_with_and_without_the_key(key: Ed25519PrivateKey) -> None:
    envelope = signed(REPORT, key)
    for given in (None, key.public_key()):
        assert checked(envelope, given) == (REPORT, fingerprint(key.public_key()))


def lower(envelope: dict[str, Any]) -> None:
    envelope["report"]["latency"]["stages"]["total"]["p99_ms"] = 2.0


def add(envelope: dict[str, Any]) -> None:
    envelope["report"]["latency"]["stages"]["engine"] = {}


def remove(envelope: dict[str, Any]) -> None:
    del envelope["report"]["parity"]


def fit_digests(envelope: dict[str, Any]) -> None:
    lower(envelope)
    envelope["signature"] |= {
        name: value
        for name, value in signed(envelope["report"], Ed25519PrivateKey.generate())["signature"].items()
        if name in ("digests", "report_sha256")
    }


def nest_otherwise(envelope: dict[str, Any]) -> None:
    envelope["report"]["latency.failures"] = envelope["report"]["latency"].pop("failures")


def other_value(envelope: dict[str, Any]) -> None:
    envelope["signature"]["value"] = "!"


def other_fingerprint(envelope: dict[str, Any]) -> None:
    envelope["signature"]["fingerprint"] = "0" * 64


@pytest.mark.parametrize(
    ("change", "told"),
    [
        (lower, r"changed after it was signed: latency\.stages\.total /"),
        (add, r"latency\.stages\.engine \(added\)"),
        (remove, r"parity \(removed\)"),
        (fit_digests, "the signature does not fit"),
        (nest_otherwise, "how its parts lie in each other"),
        (other_value, "the signature does not fit"),
        (other_fingerprint, "the signature does not fit"),
    ],
)
def test_what_was_changed_is_found_and_named(
    key: Ed25519PrivateKey, change: Callable[[dict[str, Any]], None], told: str
) -> None:
    envelope = json.loads(json.dumps(signed(REPORT, key)))
    change(envelope)
    with pytest.raises(RefusedError, match=told):
        checked(envelope, key.public_key())


def test_a_report_signed_anew_by_somebody_else_is_refused_by_the_key(key: Ed25519PrivateKey) -> None:
    forged = signed({**REPORT, "kind": "y"}, Ed25519PrivateKey.generate())
    assert checked(forged)[1] != fingerprint(key.public_key())
    with pytest.raises(RefusedError, match="was signed with key"):
        checked(forged, key.public_key())


@pytest.mark.parametrize(
    "data", [b"", b"[]", b'{"report": {}}', b'{"report": {}, "report": {}, "signature": {}}', b"\xff"]
)
def test_what_is_no_report_is_told(data: bytes) -> None:
    with pytest.raises(EdgeError) as error:
        verify(data, None, where="report.json")
    assert error.value.exit_code == 2
