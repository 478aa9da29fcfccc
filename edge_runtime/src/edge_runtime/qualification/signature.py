"""Reports that are signed with this device's own key, and what was changed in one that does not verify any more."""

from __future__ import annotations

import base64
import binascii
import json
import os
import stat
from pathlib import Path
from typing import Any

from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from edge_runtime.errors import InputError, RefusedError
from edge_runtime.files import canonical_json, sha256_bytes, write_atomic

PRIVATE_KEY, PUBLIC_KEY = "device_key.pem", "device_key.pub.pem"
ALGORITHM = "ed25519"
FIELDS = {"algorithm", "public_key", "fingerprint", "report_sha256", "digests", "value"}
# What was changed is named down to such a path as `latency.stages.total`.
DEPTH = 3


def device_key(state: Path) -> Ed25519PrivateKey:
    """This device's key, made on first use: `device_key.pem`, mode 600, with its public half beside it.

    Raises:
        InputError: The file is no such key, or others may read it.
    """
    path = state / PRIVATE_KEY
    if not path.exists():
        key = Ed25519PrivateKey.generate()
        private = key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )
        write_atomic(path, private, mode=0o600)
    elif os.name == "posix" and stat.S_IMODE(path.stat().st_mode) & 0o077:
        raise InputError(f"{path} can be read by others", "chmod 600 it, or remove it and let a new one be made")
    try:
        found = serialization.load_pem_private_key(path.read_bytes(), password=None)
    except (ValueError, TypeError, UnsupportedAlgorithm) as error:
        raise InputError(f"{path} is no private key: {error}", "remove it; a new one is made then") from error
    if not isinstance(found, Ed25519PrivateKey):
        raise InputError(f"{path} is no Ed25519 key", "remove it; a new one is made then")
    public = found.public_key().public_bytes(
        serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
    )
    shown = state / PUBLIC_KEY
    if not shown.is_file() or shown.read_bytes() != public:
        write_atomic(shown, public)
    return found


def read_public_key(path: Path) -> Ed25519PublicKey:
    """Read a device's public key, a PEM file.

    Raises:
        InputError: It cannot be read or is no Ed25519 key.
    """
    mend = f"give the device's {PUBLIC_KEY}"
    try:
        found = serialization.load_pem_public_key(path.read_bytes())
    except OSError as error:
        raise InputError(f"{path} cannot be read: {error.strerror}", mend) from error
    except (ValueError, UnsupportedAlgorithm) as error:
        raise InputError(f"{path} is no public key", mend) from error
    if not isinstance(found, Ed25519PublicKey):
        raise InputError(f"{path} is no Ed25519 key", mend)
    return found


def fingerprint(key: Ed25519PublicKey) -> str:
    """Hex sha256 of the 32 bytes of a public key."""
    return sha256_bytes(key.public_bytes_raw())


def signed(report: dict[str, Any], key: Ed25519PrivateKey) -> dict[str, Any]:
    """The report with its signature.

    Raises:
        ValueError: The report holds NaN or an infinity.
    """
    public = key.public_key()
    block: dict[str, Any] = {
        "algorithm": ALGORITHM,
        "public_key": base64.b64encode(public.public_bytes_raw()).decode(),
        "fingerprint": fingerprint(public),
        "report_sha256": sha256_bytes(canonical_json(report)),
        "digests": _digests(report),
    }
    value = key.sign(canonical_json(block))
    return {"report": report, "signature": {**block, "value": base64.b64encode(value).decode()}}


def verify(data: bytes, key: Ed25519PublicKey | None, *, where: str) -> tuple[dict[str, Any], str]:
    """Check a signed report.

    Args:
        data: Bytes of its file.
        key: The device's; None takes the one in the report, which only proves that its owner wrote all of it.
        where: The file, for messages.

    Returns:
        The report, and the fingerprint of the key that signed it.

    Raises:
        InputError: It is no signed report.
        RefusedError: It was changed, or another key signed it; the message names what was changed.
    """
    report, block = _parsed(data, where)
    public = _embedded(block, where)
    changed = _changed(block, report)
    named = f": {', '.join(changed)}" if changed else ""
    if key is not None and key.public_bytes_raw() != public.public_bytes_raw():
        raise RefusedError(
            f"{where} was signed with key {fingerprint(public)}, not with {fingerprint(key)}",
            "it is another device's, or a forgery: ask for the report again",
        )
    again = "do not use it; qualify the device again"
    unsigned = {name: value for name, value in block.items() if name != "value"}
    try:
        public.verify(base64.b64decode(block["value"], validate=True), canonical_json(unsigned))
    except (InvalidSignature, binascii.Error, TypeError, ValueError) as error:
        raise RefusedError(f"{where}: the signature does not fit{named or ': it was changed itself'}", again) from error
    if changed or block["fingerprint"] != fingerprint(public):
        raise RefusedError(f"{where} was changed after it was signed{named}", again)
    return report, fingerprint(public)


def _parsed(data: bytes, where: str) -> tuple[dict[str, Any], dict[str, Any]]:
    mend = "give a report of factory-edge qualify"
    try:
        envelope = json.loads(data, object_pairs_hook=_without_repeats)
    except (ValueError, RecursionError) as error:
        raise InputError(f"{where} is no JSON that can be trusted: {error}", mend) from error
    is_report = isinstance(envelope, dict) and set(envelope) == {"report", "signature"}
    if not is_report or not isinstance(envelope["report"], dict) or not isinstance(envelope["signature"], dict):
        raise InputError(f"{where} is no signed report", mend)
    block = envelope["signature"]
    if set(block) != FIELDS or block["algorithm"] != ALGORITHM or not isinstance(block["digests"], dict):
        raise InputError(f"{where}: its signature is none that is known", mend)
    return envelope["report"], block


def _without_repeats(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """Two readers might take different ones of two values."""
    found = dict(pairs)
    if len(found) != len(pairs):
        msg = "a key comes twice"
        raise ValueError(msg)
    return found


def _embedded(block: dict[str, Any], where: str) -> Ed25519PublicKey:
    try:
        return Ed25519PublicKey.from_public_bytes(base64.b64decode(block["public_key"], validate=True))
    except (TypeError, ValueError) as error:
        raise RefusedError(f"{where}: its public key was changed", "do not use it; qualify the device again") from error


def _changed(block: dict[str, Any], report: dict[str, Any]) -> list[str]:
    """Paths whose digests differ from those that were signed, are new or are missing."""
    try:
        found, whole = _digests(report), sha256_bytes(canonical_json(report))
    except ValueError:
        return ["numbers that are not finite"]
    told: dict[str, Any] = block["digests"]
    names = [name for name in found if name in told and told[name] != found[name]]
    names += [f"{name} (added)" for name in found if name not in told]
    names += [f"{name} (removed)" for name in told if name not in found]
    if not names and whole != block["report_sha256"]:
        return ["how its parts lie in each other"]
    return names


def _digests(value: dict[str, Any], before: str = "", depth: int = DEPTH) -> dict[str, str]:
    """Digests of the parts of a report, by path."""
    found: dict[str, str] = {}
    for name, part in value.items():
        path = f"{before}{name}"
        if isinstance(part, dict) and part and depth > 1:
            found |= _digests(part, f"{path}.", depth - 1)
        else:
            found[path] = sha256_bytes(canonical_json(part))
    return found
