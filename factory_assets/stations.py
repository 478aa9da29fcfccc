"""An inspection station of the reference plant: its file, and its line, whose parts are known to be good or bad."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import yaml

from factory_assets.foundation.settings import Site
from factory_assets.reference_plant.parts.line import Line
from factory_assets.reference_plant.parts.rendering import SCENES

# Parts wait in files: nothing runs away, and this machine may be busy with other things.
DEADLINE_MS = 1000
HAND_ON_AFTER_S = 2.0
LOOK_FOR_RELEASES_S = 5.0


@dataclass(frozen=True)
class SimulatedStation:
    """A station whose camera is a folder that the reference plant's line fills.

    Attributes:
        site: The plant.
        product: What comes along.
    """

    site: Site
    product: str

    @property
    def name(self) -> str:
        """Name of the station."""
        return f"{self.site.plant.product(self.product).line or 'line'}-{self.product}"

    @property
    def folder(self) -> Path:
        """All that belongs to it."""
        return self.site.home.root / "stations" / self.name

    @property
    def line(self) -> Line:
        """What passes its camera."""
        simulator = self.site.plant.simulator
        return Line(self.product, self.folder / "camera", simulator.seed if simulator else 0)

    def write_config(self, *, port: int | None) -> Path:
        """Write the station's YAML file; without a port it serves no page."""
        camera = self.line.camera
        for folder in (camera, self.site.home.results):
            folder.mkdir(parents=True, exist_ok=True)
        settings = {
            "station": self.name,
            "state": str(self.folder / "state"),
            "product": self.product,
            "camera": {"kind": "folder", "folder": str(camera), "when_done": "delete"},
            "trigger": {"kind": "free_run"},
            "deadline_ms": DEADLINE_MS,
            "release": {"repository": str(self.site.home.releases), "poll_s": LOOK_FOR_RELEASES_S},
            "spool": {"results": str(self.site.home.results), "batch_s": HAND_ON_AFTER_S},
            "page": None if port is None else {"port": port},
        }
        path = self.folder / "station.yaml"
        path.write_text(yaml.safe_dump(settings, sort_keys=False), encoding="utf-8")
        return path


def simulated_stations(site: Site) -> list[SimulatedStation]:
    """A station for each product that the simulator of a plant renders; none for a real plant."""
    if site.plant.simulator is None:
        return []
    return [SimulatedStation(site, name) for name in site.plant.product_names if name in SCENES]
