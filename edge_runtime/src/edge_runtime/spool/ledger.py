"""The table of triggers and verdicts on this machine: SQLite, in one file, written by one process.

Knows nothing of images and of the exchange.
"""

from __future__ import annotations

import contextlib
import os
import sqlite3
import threading
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

from edge_runtime.errors import SpoolFull, StateError
from edge_runtime.files import fsync_folder
from edge_runtime.spool.reserve import Reserve

SCHEMA_VERSION = 1
# Small pages: each write costs a few of them, and a card or chip wears by what is written (6 instead of 17 KB a part).
PAGE_BYTES = 1024
LARGEST_LOG_BYTES = 4 << 20
OVERGROWN_LOG_BYTES = 32 << 20
ROWS_A_DELETION = 50
LARGEST_ROOM_BYTES = 768
# What a verdict is kept in was taken with its trigger: it goes into one page, which need not be split for it. A verdict
# tells its trigger, which is not needed any more.
CONCLUDE = "UPDATE verdict SET record = ?, trigger = x'' WHERE sequence = ? AND record IS NULL"
MEND = "make room on the disk, or see why it cannot be written; parts are rejected until then"

_SCHEMA = """
CREATE TABLE verdict (
    sequence INTEGER PRIMARY KEY,
    trigger_id TEXT NOT NULL UNIQUE,
    trigger BLOB NOT NULL,
    record BLOB
);
CREATE TABLE handed_on (
    only_row INTEGER PRIMARY KEY CHECK (only_row = 1),
    last INTEGER NOT NULL,
    cut_last INTEGER
);
"""


class Ledger:
    """Triggers and verdicts by number.

    `accept`, `conclude`, `record`, `unconcluded` and `newest_records` are for the thread that judges; `let_go`, `prune`
    and `checkpoint` for one that keeps house; all others for one that hands on, but for `sync`, which is for every one.
    Writes of all are short, and hold one lock.

    A write outlives a kill of the process at once. It outlives a power cut once `sync` was called after it.
    """

    def __init__(self, path: Path, reserve: Reserve, *, last_before: Callable[[], int]) -> None:
        """Open the file, or make it.

        Args:
            path: The file.
            reserve: What is given up when the disk is full.
            last_before: Asked once, when the file is made: the last number that this station has given away before.

        Raises:
            StateError: The file is damaged or of another version.
            SpoolFull: It cannot be written.
        """
        self._path = path
        self._reserve = reserve
        self._lock = threading.Lock()
        try:
            self._writer = self._connect()
            self._prepare(last_before)
            self._reader, self._tidier = self._connect(), self._connect()
            handed_on, cut_last = self._writer.execute("SELECT last, cut_last FROM handed_on").fetchone()
            (newest,) = self._writer.execute("SELECT max(sequence) FROM verdict").fetchone()
        except sqlite3.OperationalError as error:
            raise SpoolFull(f"{path} cannot be opened: {error}", MEND) from error
        except sqlite3.DatabaseError as error:
            mend = "move it away; a new one is made at the next start"
            raise StateError(f"{path} is damaged ({error})", mend) from error
        self.handed_on: int = handed_on
        self.cut_last: int | None = cut_last
        self.newest: int = max(newest or 0, handed_on)
        self._log = os.open(f"{path}-wal", os.O_RDONLY)
        fsync_folder(path.parent)
        self._written, self._synced = 1, 0
        self._room_bytes = 0

    def _connect(self) -> sqlite3.Connection:
        connection = sqlite3.connect(self._path, isolation_level=None, check_same_thread=False, timeout=5.0)
        connection.execute(f"PRAGMA page_size = {PAGE_BYTES}")
        connection.execute("PRAGMA journal_mode = WAL")
        connection.execute("PRAGMA synchronous = NORMAL")
        # A checkpoint waits for the disk: the other thread makes them.
        connection.execute("PRAGMA wal_autocheckpoint = 0")
        connection.execute(f"PRAGMA journal_size_limit = {LARGEST_LOG_BYTES}")
        return connection

    def _prepare(self, last_before: Callable[[], int]) -> None:
        (version,) = self._writer.execute("PRAGMA user_version").fetchone()
        if version == SCHEMA_VERSION:
            return
        if version != 0:
            raise StateError(
                f"{self._path} has schema version {version}, known is {SCHEMA_VERSION}", "bring factory-edge up to date"
            )
        given = last_before()
        with self._transaction():
            for statement in filter(str.strip, _SCHEMA.split(";")):
                self._writer.execute(statement)
            self._writer.execute("INSERT INTO handed_on VALUES (1, ?, NULL)", (given,))
            self._writer.execute(f"PRAGMA user_version = {SCHEMA_VERSION}")

    def accept(self, trigger_id: str, trigger: bytes) -> tuple[int, bytes | None]:
        """Give a trigger its number, durable against a kill when this returns.

        Returns:
            The number, and the verdict that was given for this trigger before; None if none was.

        Raises:
            SpoolFull: It cannot be kept; nothing was.
        """
        sequence = self.newest + 1
        added = self._write(
            "INSERT INTO verdict (sequence, trigger_id, trigger) VALUES (?, ?, ?) ON CONFLICT (trigger_id) DO NOTHING",
            (sequence, trigger_id, trigger.ljust(self._room_bytes)),
        )
        if added:
            self.newest = sequence
            return sequence, None
        ((number, record),) = self._read("SELECT sequence, record FROM verdict WHERE trigger_id = ?", (trigger_id,))
        return number, record

    def conclude(self, sequence: int, record: bytes) -> None:
        """Keep the verdict of a number; the first one counts.

        Raises:
            SpoolFull: It cannot be kept.
        """
        self._room_bytes = min(len(record), LARGEST_ROOM_BYTES)
        self._write(CONCLUDE, (record, sequence))

    def rehearse(self, sequence: int, record: bytes) -> None:
        """Do what `conclude` does, and roll it back: nothing is written."""
        with self._lock, contextlib.suppress(sqlite3.Error):
            self._writer.execute("BEGIN IMMEDIATE")
            try:
                self._writer.execute(CONCLUDE, (record, sequence))
            finally:
                if self._writer.in_transaction:
                    self._writer.execute("ROLLBACK")

    def record(self, sequence: int) -> bytes | None:
        """The verdict of a number; None if there is none."""
        rows = self._read("SELECT record FROM verdict WHERE sequence = ?", (sequence,))
        return rows[0][0] if rows else None

    def unconcluded(self) -> list[tuple[int, bytes]]:
        """Numbers and triggers without a verdict."""
        statement = "SELECT sequence, trigger FROM verdict WHERE sequence > ? AND record IS NULL ORDER BY sequence"
        return self._read(statement, (self.handed_on,))

    def newest_records(self, count: int) -> list[bytes]:
        """The newest verdicts, newest first."""
        statement = "SELECT record FROM verdict WHERE record IS NOT NULL ORDER BY sequence DESC LIMIT ?"
        return [record for (record,) in self._read(statement, (count,))]

    def last_in_a_row(self, most: int) -> int:
        """The last number up to which all verdicts after the handed-on ones are there, at most so many."""
        statement = "SELECT sequence, record IS NULL FROM verdict WHERE sequence BETWEEN ? AND ? ORDER BY sequence"
        last: int = self.handed_on
        for sequence, is_open in self._reader.execute(statement, (last + 1, last + most)):
            if is_open:
                break
            last = sequence
        return last

    def records(self, first: int, last: int) -> list[bytes]:
        """The verdicts of a range of numbers."""
        statement = "SELECT record FROM verdict WHERE sequence BETWEEN ? AND ? ORDER BY sequence"
        return [record for (record,) in self._reader.execute(statement, (first, last))]

    def cut(self, last: int) -> None:
        """Settle where the next segment ends, so that it ends there after a kill, too."""
        self._write("UPDATE handed_on SET cut_last = ?", (last,))
        self.cut_last = last

    def replace(self, records: Sequence[tuple[int, bytes]]) -> None:
        """Correct verdicts that were not handed on yet."""
        with self._lock, self._transaction():
            self._writer.executemany("UPDATE verdict SET record = ? WHERE sequence = ?", [(r, s) for s, r in records])
            self._written += 1

    def hand_on(self, last: int) -> None:
        """Note that everything up to a number lies in the exchange."""
        self._write("UPDATE handed_on SET last = ?, cut_last = NULL", (last,))
        self.handed_on, self.cut_last = last, None

    def prune(self, kept: int) -> None:
        """Forget what was handed on, but for the newest numbers: a trigger that comes again is told its verdict."""
        last = min(self.handed_on, self.newest - kept)
        (oldest,) = self._tidier.execute("SELECT min(sequence) FROM verdict").fetchone()
        while oldest is not None and oldest <= last:
            # In small bites, for the other thread may be waiting to accept a part.
            until = min(oldest + ROWS_A_DELETION - 1, last)
            self._write("DELETE FROM verdict WHERE sequence <= ?", (until,))
            oldest = until + 1

    def let_go(self, kept: int) -> None:
        """Count all but the newest numbers as handed on: where there is no exchange nothing else bounds the file."""
        last = self.newest - kept
        if last > self.handed_on:
            self.hand_on(last)

    def sync(self) -> None:
        """Make everything that was written so far outlive a power cut."""
        written = self._written
        if written == self._synced:
            return
        # The log is enough: what stands in it whole is found again. SQLite's own locks are not touched by this file.
        os.fsync(self._log)
        self._synced = written

    def log_is_long(self) -> bool:
        """Whether the log should be carried over soon."""
        return os.fstat(self._log).st_size > LARGEST_LOG_BYTES

    def checkpoint(self) -> None:
        """Carry the log over into the table; the log then begins anew.

        Raises:
            SpoolFull: The table has no room to grow, even without the reserve.
        """
        # On a full disk the log would grow for want of this, until no verdict fits any more.
        if not self._is_carried_over() and not (self._reserve.give_up() and self._is_carried_over()):
            raise SpoolFull(f"{self._path} cannot grow", MEND)
        if os.fstat(self._log).st_size > OVERGROWN_LOG_BYTES:
            # The log begins anew only once it was carried over whole; where verdicts come without a pause it never is.
            # So for once nobody writes, while the little that came meanwhile is carried over.
            with self._lock:
                self._is_carried_over()

    def _is_carried_over(self) -> bool:
        try:
            self._tidier.execute("PRAGMA wal_checkpoint(PASSIVE)").fetchall()
        except sqlite3.OperationalError:
            return False
        return True

    def close(self) -> None:
        """Close the file; what was written is flushed."""
        with self._lock:
            self._reader.close()
            self._tidier.close()
            with contextlib.suppress(sqlite3.Error):
                self._writer.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()
            self._writer.close()
            os.close(self._log)

    def _read(self, statement: str, values: tuple[Any, ...]) -> list[Any]:
        with self._lock:
            return self._writer.execute(statement, values).fetchall()

    def _write(self, statement: str, values: tuple[Any, ...]) -> int:
        with self._lock:
            try:
                changed: int = self._writer.execute(statement, values).rowcount
            except sqlite3.OperationalError as error:
                if not self._reserve.give_up():
                    raise SpoolFull(f"{self._path} cannot be written: {error}", MEND) from error
                changed = self._write_without_reserve(statement, values)
            self._written += 1
            return changed

    def _write_without_reserve(self, statement: str, values: tuple[Any, ...]) -> int:
        try:
            changed: int = self._writer.execute(statement, values).rowcount
        except sqlite3.OperationalError as error:
            raise SpoolFull(f"{self._path} cannot be written, even without its reserve: {error}", MEND) from error
        return changed

    @contextlib.contextmanager
    def _transaction(self) -> Iterator[None]:
        self._writer.execute("BEGIN IMMEDIATE")
        try:
            yield
            self._writer.execute("COMMIT")
        except BaseException:
            with contextlib.suppress(sqlite3.Error):
                self._writer.execute("ROLLBACK")
            raise
