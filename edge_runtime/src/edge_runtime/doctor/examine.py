"""All checks, in the order in which things would be mended."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from edge_runtime.doctor.check import Check, failed
from edge_runtime.doctor.installation import installation
from edge_runtime.doctor.machine import machine
from edge_runtime.station.config import ReleaseSettings, SpoolSettings, StationConfig


def examine(config: StationConfig | None, state: Path | None) -> Iterator[Check]:
    """Check this machine.

    Args:
        config: The station's settings; None checks what every station needs.
        state: The state folder; that of the settings if not given.

    Yields:
        Checks as they are done; the camera and the engine take seconds.
    """
    release = config.release if config is not None else ReleaseSettings()
    place = state or (config.state if config is not None else None)
    yield from installation(config, release.target)
    yield from machine(_ring_bytes(config))
    if place is not None:
        yield from _storage(place, config)
        yield from _releases(place, config, release)
    if config is not None and place is not None:
        yield from _line(config, place)


def _storage(state: Path, config: StationConfig | None) -> Iterator[Check]:
    from edge_runtime.doctor.storage import results_folder, state_folder

    spool = config.spool if config is not None else SpoolSettings()
    yield from state_folder(state, spool.quota_mib)
    if spool.results is not None:
        yield results_folder(spool.results)


def _releases(state: Path, config: StationConfig | None, settings: ReleaseSettings) -> Iterator[Check]:
    from edge_runtime.doctor.releases import active_release, engine, repository

    offered = repository(state, settings) if config is not None else None
    can_pull = offered is not None and offered.state == "ok" and settings.repository is not None
    found = active_release(state, can_pull=can_pull)
    yield found
    if found.state == "ok":
        opened = engine(state, config.product if config is not None else None, settings)
        if opened is not None:
            yield opened
    if offered is not None:
        yield offered


def _line(config: StationConfig, state: Path) -> Iterator[Check]:
    from edge_runtime.doctor.line import camera, page, service_runs, trigger

    is_in_use = service_runs(state)
    try:
        yield camera(config.camera, config.region, config.image_health, is_in_use=is_in_use)
    except ImportError as error:
        yield failed("camera", f"{error.name} is not installed", "install factory-edge[inspection]")
    yield trigger(config.trigger, state)
    if config.page is not None:
        yield from page(config.page, is_in_use=is_in_use)


def _ring_bytes(config: StationConfig | None) -> int | None:
    """Size of the ring of frames, where the settings tell the size of frames."""
    if config is None:
        return None
    try:
        from edge_runtime.camera.process import slot_bytes
        from edge_runtime.camera.ring import LARGEST_FRAME_BYTES, SLOTS
    except ImportError:
        return None
    largest = slot_bytes(config.camera, config.region)
    return None if largest >= LARGEST_FRAME_BYTES else SLOTS * largest
