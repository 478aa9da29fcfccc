"""Whose segments a home holds: two plant files of one name must not mix their data."""

from __future__ import annotations

import json
from pathlib import Path

from factory_assets.foundation.errors import FactoryError
from factory_assets.foundation.lake import replacing
from factory_assets.foundation.settings import Site

FILE = "owner.json"


class HomeTakenError(FactoryError, ValueError):
    """A home holds the data of another plant of the same name."""


def claim(site: Site) -> None:
    """Note that this plant's segments lie in its home.

    A plant file that was moved, or a copy that reads the same source, may go on.

    Raises:
        HomeTakenError: They are those of another plant file, which is still there and reads another source.
    """
    path = site.home.segments / FILE
    mine = {"plant_file": str(site.plant_file), "source": str(site.folder(site.plant.source.folder).resolve())}
    theirs = _read(path)
    if theirs == mine:
        return
    if theirs and theirs["source"] != mine["source"] and theirs["plant_file"] != mine["plant_file"]:
        other = Path(theirs["plant_file"])
        if other.is_file():
            msg = (
                f"{site.home.root} holds the data of {other}, which is another plant named {site.plant.plant}. Give "
                f"{site.plant_file} another name (field plant), or another home by --home or FACTORY_HOME."
            )
            raise HomeTakenError(msg)
    with replacing(path) as temporary:
        temporary.write_text(json.dumps(mine, indent=1), encoding="utf-8")


def _read(path: Path) -> dict[str, str]:
    try:
        return dict(json.loads(path.read_text(encoding="utf-8")))
    except (FileNotFoundError, json.JSONDecodeError):
        return {}
