"""Dagster resources: thin holders of configuration that hand out a plain object."""

from __future__ import annotations

from pathlib import Path

import dagster as dg

from factory_assets.foundation.lake import Lake


class LakeResource(dg.ConfigurableResource):
    """The lake of the plant in use."""

    root: str

    def get(self) -> Lake:
        """The lake itself."""
        return Lake(Path(self.root))
