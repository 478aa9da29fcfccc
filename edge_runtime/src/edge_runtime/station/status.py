"""What the station says of itself to pages and metrics."""

from __future__ import annotations

from typing import TYPE_CHECKING

from edge_runtime.station.accounts import figures_of
from edge_runtime.station.clock import NS_PER_S, utc_now
from edge_runtime.station.records import Health, StationStatus
from edge_runtime.station.states import ABLE

if TYPE_CHECKING:
    from edge_runtime.station.loop import Station

LARGEST_CLOCK_STEP_S = 0.5


class ClockWatch:
    """Notes when the clock that people read was set: times of verdicts before and after do not fit together."""

    def __init__(self) -> None:
        self._offset_ns: int | None = None
        self.text = ""

    def look(self, utc_ns: int, monotonic_ns: int) -> None:
        """Compare both clocks with the last time."""
        offset_ns = utc_ns - monotonic_ns
        if self._offset_ns is not None:
            step_s = (offset_ns - self._offset_ns) / NS_PER_S
            if abs(step_s) > LARGEST_CLOCK_STEP_S:
                self.text = f"the clock was set by {step_s:+.1f} s at {utc_now()}"
        self._offset_ns = offset_ns


def status_of(station: Station) -> StationStatus:
    """A snapshot; costs some 0.1 ms."""
    parts, trials, accounts = station.parts, station.parts.trials, station.accounts
    ready = trials.ready
    restarts = {"worker": station.crew.restarted}
    if parts.camera is not None:
        restarts["camera"] = parts.camera.restarts.total
    if parts.page is not None:
        restarts["page"] = parts.page.restarts.total
    return StationStatus(
        station=station.config.station,
        product=ready.product if ready else accounts.product,
        state=station.states.state,
        is_ready=station.states.state in ABLE,
        started_utc=station.started_utc,
        now_utc=utc_now(),
        release=ready.release if ready else None,
        bundle=f"{ready.bundle} {ready.version}" if ready else "",
        engine=ready.engine if ready else "",
        update=trials.update,
        counts=dict(accounts.counts),
        failures=dict(accounts.failures),
        restarts=restarts,
        latency=accounts.latencies.histograms(),
        health=tuple(health_of(station)),
        recent=tuple(accounts.recent),
        spool=figures_of(parts.spool),
    )


def health_of(station: Station) -> list[Health]:
    """How each part of the station is."""
    parts, crew = station.parts, station.crew
    found = []
    if parts.camera is not None:
        found.append(_health("camera", parts.camera.fault, station.image_fault, "frames come"))
    engine = station.parts.trials.ready
    found.append(_health("engine", crew.fault, None, engine.engine if engine else ""))
    found.append(_health("spool", station.accounts.fault, parts.spool.problem(), "verdicts are kept"))
    release = "failed" if crew.judging is None else None
    text = parts.trials.fault or ("no release is active" if release else "")
    warning = text or (parts.trials.update if parts.trials.update.startswith("rolled back") else None)
    found.append(_health("release", text if release else None, warning, "verified"))
    found.append(_health("clock", None, station.clock.text or None, "not set since the start"))
    found.append(parts.triggers.health())
    return found


def _health(name: str, fault: str | None, warning: str | None, fine: str) -> Health:
    if fault is not None:
        return Health(name, "failed", fault)
    return Health(name, "warning", warning) if warning is not None else Health(name, "ok", fine)
