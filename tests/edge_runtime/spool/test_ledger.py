"""The ledger's log stays short, also where triggers come without a pause."""

from __future__ import annotations

import threading
from pathlib import Path

import pytest

from edge_runtime.spool import ledger as ledgers
from edge_runtime.spool.ledger import LARGEST_LOG_BYTES, Ledger
from edge_runtime.spool.reserve import Reserve

TRIGGERS, OVERGROWN_BYTES = 6000, 256 << 10


def log_bytes_after_a_busy_shift(folder: Path) -> int:
    """How long the log is after many triggers without a pause, while another thread keeps house."""
    path = folder / "verdicts.sqlite"
    ledger = Ledger(path, Reserve(folder / "ballast", 4096), last_before=lambda: 0)
    is_over = threading.Event()

    def keep_house() -> None:
        while not is_over.wait(0.001):
            ledger.checkpoint()

    keeper = threading.Thread(target=keep_house)
    keeper.start()
    try:
        for number in range(TRIGGERS):
            ledger.accept(f"part {number}", b'{"part": "plate"}'.ljust(600))
        size = Path(f"{path}-wal").stat().st_size
    finally:
        is_over.set()
        keeper.join()
        ledger.close()
    return size


def test_the_log_begins_anew_though_triggers_never_cease(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ledgers, "OVERGROWN_LOG_BYTES", OVERGROWN_BYTES)
    assert log_bytes_after_a_busy_shift(tmp_path) <= LARGEST_LOG_BYTES
