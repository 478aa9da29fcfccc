"""Signing keys of releases: an offline root key and three online keys, as PEM files for their owner only.

The online keys sign every release; the root key names them, once, and renews the root.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import load_pem_private_key
from securesystemslib.signer import CryptoSigner

from factory_assets.foundation.errors import FactoryError

ROOT_KEY = Path("offline", "root.pem")
ONLINE_ROLES = ("targets", "snapshot", "timestamp")


class KeysError(FactoryError):
    """Keys are missing, unreadable, or would be overwritten."""


@dataclass(frozen=True)
class Keys:
    """Ed25519 signers by role.

    Attributes:
        root: None where the root key is kept elsewhere.
        targets: Signs the list of released files.
        snapshot: Signs which list is the current one.
        timestamp: Signs that the snapshot is fresh.
    """

    root: CryptoSigner | None
    targets: CryptoSigner
    snapshot: CryptoSigner
    timestamp: CryptoSigner

    def online(self, role: str) -> CryptoSigner:
        """The signer of an online role."""
        signers = {"targets": self.targets, "snapshot": self.snapshot, "timestamp": self.timestamp}
        return signers[role]


def create_keys(folder: Path) -> Keys:
    """Make new keys: `offline/root.pem` (for a safe place) and `online/{targets,snapshot,timestamp}.pem`.

    Raises:
        KeysError: A key is there already; keys are never overwritten.
    """
    files = [folder / ROOT_KEY, *(_online(folder, role) for role in ONLINE_ROLES)]
    for file in files:
        if file.exists():
            msg = f"{file} is there already: use these keys, or give another folder"
            raise KeysError(msg)
    for file in files:
        file.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        _write_private(file, CryptoSigner.generate_ed25519().private_bytes)
    return load_keys(folder)


def load_keys(folder: Path, *, root: Path | None = None) -> Keys:
    """Load keys; the root key may be absent.

    Args:
        folder: Where `create_keys` made them.
        root: The root key's file, where it was brought from a place of its own.

    Raises:
        KeysError: An online key is missing, or a file is not an Ed25519 key in PEM form.
    """
    in_folder = folder / ROOT_KEY
    root = root or (in_folder if in_folder.exists() else None)
    return Keys(
        root=_load(root) if root else None,
        targets=_load(_online(folder, "targets")),
        snapshot=_load(_online(folder, "snapshot")),
        timestamp=_load(_online(folder, "timestamp")),
    )


def _online(folder: Path, role: str) -> Path:
    return folder / "online" / f"{role}.pem"


def _write_private(file: Path, pem: bytes) -> None:
    # Made with its final mode, so that there is no moment at which others could read it.
    handle = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(handle, "wb") as target:
        target.write(pem)
        target.flush()
        os.fsync(target.fileno())


def _load(file: Path) -> CryptoSigner:
    try:
        key = load_pem_private_key(file.read_bytes(), None)
    except FileNotFoundError as error:
        msg = f"{file} is missing: bring the key back, or make keys with create_keys"
        raise KeysError(msg) from error
    except (OSError, ValueError, TypeError, UnsupportedAlgorithm) as error:
        msg = f"{file} cannot be read as a private key: {error}"
        raise KeysError(msg) from error
    if not isinstance(key, Ed25519PrivateKey):
        msg = f"{file} is not an Ed25519 key: use the keys that create_keys makes"
        raise KeysError(msg)
    return CryptoSigner(key)
