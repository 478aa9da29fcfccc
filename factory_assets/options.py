"""What commands share: the options that choose a plant and its places, and files of figures."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Annotated

import typer

from factory_assets.foundation.lake import replacing
from factory_assets.foundation.settings import Settings, Site, load_site

PlantOption = Annotated[Path | None, typer.Option("--plant", help="Plant file; default: the reference plant.")]
DataOption = Annotated[Path | None, typer.Option("--data", help="Folder that {data} in the plant file means.")]
HomeOption = Annotated[Path | None, typer.Option("--home", help="State folder; default: .factory")]
JsonOption = Annotated[Path | None, typer.Option("--json", help="Write the figures to this file.")]


def chosen_site(plant: Path | None, data: Path | None = None, home: Path | None = None) -> Site:
    """The chosen plant; what was chosen also holds for processes that this one starts."""
    for name, value in (("FACTORY_PLANT", plant), ("FACTORY_DATA", data), ("FACTORY_HOME", home)):
        if value is not None:
            os.environ[name] = str(value.resolve())
    return load_site(Settings())


def write_json(path: Path, value: object) -> None:
    """Write plain values to a file, whole."""
    with replacing(path) as temporary:
        temporary.write_text(json.dumps(value, indent=1) + "\n", encoding="utf-8")
