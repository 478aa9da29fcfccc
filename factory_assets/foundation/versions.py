"""Code versions: what an asset's result depends on besides its data.

A code version that a person must remember to raise is forgotten sooner or later, so it is the digest of the
source of the modules that compute the asset, and of the settings that they are given.
"""

from __future__ import annotations

import hashlib
import inspect
import json
from collections.abc import Iterable, Mapping
from types import ModuleType
from typing import Any

from pydantic import BaseModel


def code_version(*modules: ModuleType, settings: Iterable[BaseModel | Mapping[str, Any]] = ()) -> str:
    """The first 16 hex characters of a digest over the modules' source and the settings' values."""
    digest = hashlib.sha256()
    for module in modules:
        digest.update(inspect.getsource(module).encode())
    for value in settings:
        plain = value.model_dump(mode="json") if isinstance(value, BaseModel) else value
        digest.update(json.dumps(plain, sort_keys=True).encode())
    return digest.hexdigest()[:16]
