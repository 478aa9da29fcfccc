"""The small values that manifests and release indexes are made of."""

from __future__ import annotations

import re
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, field_validator

MANIFEST = "manifest.json"
VERSION_LENGTH = 16

_SAFE_PATH = re.compile(r"[A-Za-z0-9_][A-Za-z0-9._-]*(/[A-Za-z0-9_][A-Za-z0-9._-]*)*")

Name = Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]*$", max_length=100)]
Sha256 = Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]
Version = Annotated[str, Field(pattern=rf"^[0-9a-f]{{{VERSION_LENGTH}}}$")]
Shape = tuple[int | str, ...]
Precision = Literal["fp32", "fp16", "int8"]


def is_safe_path(path: str) -> bool:
    """Whether a relative path with `/` stays below its folder and holds only plain characters."""
    return _SAFE_PATH.fullmatch(path) is not None


class Value(BaseModel):
    """Base of all manifest values: frozen, and no field that is not declared."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class PathValue(Value):
    """Something that lies in a file of the bundle."""

    path: str

    @field_validator("path")
    @classmethod
    def _stays_below(cls, path: str) -> str:
        if not is_safe_path(path) or path == MANIFEST:
            msg = f"{path!r} is not a plain relative path below the bundle"
            raise ValueError(msg)
        return path


class FileFacts(Value):
    """Size and digest of a file of the bundle."""

    sha256: Sha256
    bytes: int = Field(ge=0)
