"""Dagster's SQLite event log with connections that stay open.

The stock storage builds an engine, connects, writes ahead, checkpoints and disconnects several times for each event.
A run over half a year of days writes thousands of events, and that dominated it (docs/adr/0007).
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from dagster._core.storage.event_log.sqlite.sqlite_event_log import SqliteEventLogStorage
from sqlalchemy import Connection, Engine, create_engine, event

BUSY_TIMEOUT_S = 20


class PooledSqliteEventLogStorage(SqliteEventLogStorage):
    """The stock storage, files and schema unchanged, with one engine a database file for as long as it lives."""

    OPEN_RUNS = 4

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        """As the stock storage."""
        self._engines: dict[str, Engine] = {}
        super().__init__(*args, **kwargs)

    @classmethod
    def from_config_value(cls, inst_data: Any, config_value: Any) -> PooledSqliteEventLogStorage:
        """What `dagster.yaml` calls; the stock method names its own class."""
        return cls(inst_data=inst_data, **config_value)

    @contextmanager
    def _connect(self, shard: str) -> Iterator[Connection]:
        with self._db_lock:
            engine = self._engine(shard)
            if shard not in self._initialized_dbs:
                self._initdb(engine)
                self._initialized_dbs.add(shard)
            with engine.connect() as connection, connection.begin():
                yield connection

    def _engine(self, shard: str) -> Engine:
        if shard not in self._engines:
            while len(self._engines) > self.OPEN_RUNS:
                self._engines.pop(next(name for name in self._engines if name != "index")).dispose()
            arguments = {"timeout": BUSY_TIMEOUT_S, "check_same_thread": False}
            engine = create_engine(self.conn_string_for_shard(shard), connect_args=arguments)
            event.listen(engine, "connect", _commit_without_waiting_for_the_disk)
            self._engines[shard] = engine
        return self._engines[shard]

    def dispose(self) -> None:
        """Close what is open."""
        for engine in self._engines.values():
            engine.dispose()
        self._engines.clear()
        super().dispose()


def _commit_without_waiting_for_the_disk(connection: Any, _record: Any) -> None:
    """With a write-ahead log NORMAL loses no consistency, at most the last commits in a power cut."""
    connection.execute("PRAGMA synchronous=NORMAL")
