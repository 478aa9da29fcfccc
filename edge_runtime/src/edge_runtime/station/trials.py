"""Which release judges: what the disk says at the start, what updates bring, and what trials make of them."""

from __future__ import annotations

from multiprocessing.connection import Connection
from pathlib import Path

from edge_runtime.bundle.state import ActiveRecord, RolledBack, read_active, read_fallback, read_rolled_back
from edge_runtime.errors import StateError
from edge_runtime.station.crew import Crew
from edge_runtime.station.judging import Ready
from edge_runtime.station.release_updates import ReleaseUpdates, Report
from edge_runtime.station.states import EventLog


class Trials:
    """Keeps crew and disk in step.

    Args:
        state: The machine's own folder.
        updates: Looks for newer releases, and writes what was decided.
        log: Is told.
    """

    def __init__(self, state: Path, updates: ReleaseUpdates, log: EventLog) -> None:
        self.update = "none"
        self.ready: Ready | None = None
        self.fault: str | None = None
        self.crew: Crew
        self._state, self._updates, self._log = state, updates, log
        self._is_on_trial = False

    @property
    def connection(self) -> Connection:
        """What to wait for."""
        return self._updates.connection

    def start(self, now_ns: int) -> None:
        """Judge with what the disk says is active; a release that has yet to prove itself goes on trial again."""
        try:
            active, fallback = read_active(self._state), read_fallback(self._state)
            failed = read_rolled_back(self._state)
        except StateError as error:
            self._fault("release", error.what)
        else:
            self._start_with(active, fallback, failed, now_ns)
        self._updates.start()

    def _start_with(
        self, active: ActiveRecord | None, fallback: ActiveRecord | None, failed: RolledBack | None, now_ns: int
    ) -> None:
        if failed is not None:
            self.update = f"rolled back: release {failed.release}: {failed.reason}"
        if active is None:
            return
        if fallback is None:
            self.crew.begin(active.release)
            return
        self.crew.begin(fallback.release)
        if failed is not None and failed.release == active.release:
            # The last run was ended while it rolled back.
            self._updates.roll_back(failed.reason)
        else:
            self._try_out(active.release, now_ns)

    def receive(self, now_ns: int) -> None:
        """A side process is done."""
        report = self._updates.receive()
        if report.kind == "pull":
            self._pulled(report, now_ns)
        elif report.fault is not None:
            self._fault("release", f"{report.kind}: {report.fault}")
        if report.kind != "pull" and not self._is_on_trial:
            self._updates.look_again()

    def worker_came(self, ready: Ready) -> None:
        """A worker is ready (called by the crew)."""
        self._log.add("RecipePrepared", release=ready.release, bundle=ready.bundle, engine=ready.engine)
        self._note()

    def worker_left(self, release: int, reason: str) -> None:
        """A worker is gone (called by the crew)."""
        self._log.fault("worker", f"release {release}: {reason}")
        if self.crew.judging is not None and self.crew.judging.ready is None and not self._is_on_trial:
            # What lies here may be damaged, or not compiled yet.
            self._updates.pull()

    def took_over(self, release: int) -> None:
        """A newer release judges now (called by the crew)."""
        self.update = "active"
        self._log.add("ReleaseChanged", release=release, text="on trial")
        self._note()

    def settled(self, release: int) -> None:
        """It has proven itself (called by the crew)."""
        self._is_on_trial = False
        self._log.add("ReleaseChanged", release=release, text="has proven itself")
        self._updates.settle()

    def rolled_back(self, release: int, reason: str) -> None:
        """It failed (called by the crew)."""
        self._is_on_trial = False
        self.update = f"rolled back: release {release}: {reason}"
        self._log.fault("release", self.update)
        self._updates.roll_back(reason)
        self._note()

    def close(self) -> None:
        """End what goes on, but not before a decision is on disk."""
        self._updates.close()

    def _pulled(self, report: Report, now_ns: int) -> None:
        if report.fault is not None:
            self._refused(report.fault)
            if report.is_uncompiled and report.is_new and self.crew.judging is not None:
                self._updates.roll_back(report.fault)
            return
        self.fault = None
        if self.update.startswith("refused"):
            self.update = "none"
        if report.release is None:
            return
        judging = self.crew.judging
        if judging is None:
            self.crew.begin(report.release)
            self.update = "active"
        elif judging.release == report.release:
            judging.restart_now()
        elif not self._is_on_trial:
            self._try_out(report.release, now_ns)

    def _try_out(self, release: int, now_ns: int) -> None:
        self.update, self._is_on_trial = "staging", True
        self._updates.pause()
        self._log.add("ReleaseChanged", release=release, text="staging")
        self.crew.try_out(release, now_ns)

    def _refused(self, fault: str) -> None:
        update = f"refused: {fault}"
        self.fault = fault
        if update != self.update and not self.update.startswith("rolled back"):
            self.update = update
            self._log.fault("release", update)

    def _note(self) -> None:
        judging = self.crew.judging
        if judging is not None and judging.ready is not None:
            self.ready = judging.ready

    def _fault(self, code: str, text: str) -> None:
        self.fault = text
        self._log.fault(code, text)
