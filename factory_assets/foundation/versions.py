"""Code versions: what an asset's result depends on besides its data.

A code version that a person must remember to raise is forgotten sooner or later, so it is the digest of the
source of the modules that compute the asset, and of the settings that they are given.
"""

from __future__ import annotations

import hashlib
import inspect
import json
from collections.abc import Iterable, Mapping
from importlib.util import find_spec
from pathlib import Path
from types import ModuleType
from typing import Any

from pydantic import BaseModel


def code_version(*modules: ModuleType | str, settings: Iterable[BaseModel | Mapping[str, Any]] = ()) -> str:
    """The first 16 hex characters of a digest over the modules' source and the settings' values.

    Args:
        modules: Modules, or their full names where importing them would load what is heavy.
        settings: Values that the modules are given.
    """
    digest = hashlib.sha256()
    for module in modules:
        digest.update(_source(module).encode())
    for value in settings:
        plain = value.model_dump(mode="json") if isinstance(value, BaseModel) else value
        digest.update(json.dumps(plain, sort_keys=True).encode())
    return digest.hexdigest()[:16]


def _source(module: ModuleType | str) -> str:
    if not isinstance(module, str):
        return inspect.getsource(module)
    spec = find_spec(module)
    if spec is None or spec.origin is None:
        msg = f"there is no module {module}"
        raise ModuleNotFoundError(msg)
    return Path(spec.origin).read_text(encoding="utf-8")
