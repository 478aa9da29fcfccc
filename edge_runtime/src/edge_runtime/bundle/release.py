"""The release index `release.json`: which bundles, in which versions, make up one numbered release."""

from __future__ import annotations

from typing import Literal

from pydantic import Field, ValidationError, model_validator

from edge_runtime.bundle.manifest import Manifest
from edge_runtime.bundle.values import MANIFEST, Name, Value, Version
from edge_runtime.errors import BundleError

RELEASE = "release.json"


def bundle_path(bundle: str, version: str) -> str:
    """Folder of a bundle below the release's targets."""
    return f"bundles/{bundle}/{version}"


class ReleasedBundle(Value):
    """One bundle of a release."""

    bundle: Name
    version: Version
    task: str
    fleet: Name | None = None
    product: Name | None = None
    path: str

    @model_validator(mode="after")
    def _lies_where_it_belongs(self) -> ReleasedBundle:
        expected = bundle_path(self.bundle, self.version)
        if self.path != expected:
            msg = f"path is {self.path!r}, must be {expected!r}"
            raise ValueError(msg)
        return self

    @classmethod
    def of(cls, manifest: Manifest) -> ReleasedBundle:
        """The entry for a bundle with this manifest."""
        path = bundle_path(manifest.bundle, manifest.version)
        return cls(
            bundle=manifest.bundle,
            version=manifest.version,
            task=manifest.task,
            fleet=manifest.fleet,
            product=manifest.product,
            path=path,
        )

    @property
    def subject(self) -> str:
        """What the bundle is for, in words: `fleet press` or `product flange`."""
        return f"fleet {self.fleet}" if self.fleet is not None else f"product {self.product}"

    def target_paths(self, manifest: Manifest) -> list[str]:
        """Target paths of all files of the bundle, its manifest first.

        Raises:
            BundleError: The manifest is that of another bundle.
        """
        if ReleasedBundle.of(manifest) != self:
            raise BundleError(
                f"{self.path}/{MANIFEST} is that of {manifest.bundle} {manifest.version} ({manifest.subject})",
                "publish the release again",
            )
        return [f"{self.path}/{MANIFEST}", *(f"{self.path}/{entry.path}" for entry in manifest.files)]


class ReleaseIndex(Value):
    """`release.json`; the number grows by one with each release."""

    schema_version: Literal[1] = 1
    release: int = Field(ge=1)
    plant: Name
    bundles: tuple[ReleasedBundle, ...]

    @model_validator(mode="after")
    def _bundles_are_unique(self) -> ReleaseIndex:
        names = [entry.bundle for entry in self.bundles]
        if len(set(names)) != len(names):
            msg = f"a bundle is listed twice: {names}"
            raise ValueError(msg)
        return self


def parse_release(data: bytes, *, where: str) -> ReleaseIndex:
    """Read a release index from its bytes.

    Raises:
        BundleError: It is not JSON or a field is missing, unknown or wrong.
    """
    try:
        return ReleaseIndex.model_validate_json(data)
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        field = ".".join(str(part) for part in first["loc"]) or "release"
        raise BundleError(f"{where}: {field}: {first['msg']}", "publish the release again") from error
