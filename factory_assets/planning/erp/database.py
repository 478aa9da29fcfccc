"""Reaching an ERP's database: SQLite or PostgreSQL."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from sqlalchemy import Connection, Engine, create_engine, inspect, make_url
from sqlalchemy.exc import ArgumentError, DBAPIError, NoSuchModuleError, SQLAlchemyError
from sqlalchemy.pool import NullPool

from factory_assets.planning.erp.errors import ErpDownError, ErpError

PATIENCE_S = 10
POSTGRES_NAMES = ("postgres", "postgresql", "postgresql+psycopg2", "postgresql+psycopg")


@dataclass(frozen=True)
class ErpDatabase:
    """A database that was named, not yet reached.

    Attributes:
        engine: SQLAlchemy's, without a pool: between two looks nobody holds a connection.
        shown: Its address without a password.
    """

    engine: Engine
    shown: str

    @contextmanager
    def reading(self) -> Iterator[Connection]:
        """One view of all tables, however long it takes and whatever is written meanwhile.

        Raises:
            ErpDownError: The database does not answer.
        """
        with self._answering(), self.engine.connect() as connection:
            if self.engine.dialect.name == "sqlite":
                connection.exec_driver_sql("PRAGMA query_only = ON")
                connection.exec_driver_sql("BEGIN")
            else:
                connection.exec_driver_sql("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY")
            yield connection
            connection.rollback()

    @contextmanager
    def writing(self) -> Iterator[Connection]:
        """One transaction: all of it is written, or nothing; two writers come one after the other.

        Raises:
            ErpDownError: The database does not answer, or another writer does not end.
        """
        with self._answering(), self.engine.connect() as connection:
            if self.engine.dialect.name == "sqlite":
                connection.exec_driver_sql("BEGIN IMMEDIATE")
            else:
                connection.exec_driver_sql(f"SET LOCAL lock_timeout = '{PATIENCE_S}s'")
                connection.exec_driver_sql("SELECT pg_advisory_xact_lock(7120701)")
            yield connection
            connection.commit()

    @contextmanager
    def _answering(self) -> Iterator[None]:
        try:
            yield
        except (DBAPIError, OSError) as error:
            reason = str(getattr(error, "orig", None) or error).strip().splitlines()[0]
            msg = f"the ERP database {self.shown} does not do what is asked: {reason}; the last good schedule stays"
            raise ErpDownError(msg) from error
        except SQLAlchemyError as error:
            msg = f"the ERP database {self.shown} could not be used: {error}; the last good schedule stays in force"
            raise ErpError(msg) from error


def open_erp(address: str) -> ErpDatabase:
    """Name a database by its address: `sqlite:///erp.db`, `postgresql://user:password@host/name` or a SQLite file.

    SQLAlchemy 2.1 has psycopg 3 as its driver of PostgreSQL; addresses that name psycopg2 are taken to it too.

    Raises:
        ErpDownError: A SQLite file that is not there (SQLite itself would make an empty one).
        ErpError: An address that nobody understands, or a driver that is not installed.
    """
    try:
        url = make_url(address if "://" in address else f"sqlite:///{address}")
    except ArgumentError as error:
        msg = "the ERP's address is not understood; write it like sqlite:///erp.db or postgresql://user@host/name"
        raise ErpError(msg) from error
    shown = url.render_as_string(hide_password=True)
    if url.drivername in POSTGRES_NAMES:
        url = url.set(drivername="postgresql+psycopg")
        arguments = {"connect_timeout": PATIENCE_S}
    elif url.get_backend_name() == "sqlite":
        if not url.database or not Path(url.database).is_file():
            msg = f"the ERP database {shown} is not there: give the path of an existing file"
            raise ErpDownError(msg)
        arguments = {"timeout": PATIENCE_S}
    else:
        msg = f"the ERP's address {shown} is neither SQLite nor PostgreSQL: copy its tables to one of them"
        raise ErpError(msg)
    try:
        engine = create_engine(url, poolclass=NullPool, connect_args=arguments)
    except (ImportError, NoSuchModuleError) as error:
        msg = f"the driver of {shown} is not installed: pip install 'psycopg[binary]'"
        raise ErpError(msg) from error
    return ErpDatabase(engine, shown)


def missing_tables(connection: Connection, names: list[str]) -> list[str]:
    """Those that are neither tables nor views of the database."""
    found = inspect(connection)
    there = {*found.get_table_names(), *found.get_view_names()}
    return [name for name in names if name not in there]
