"""Trying a step again: where that can help (a share that hiccups, a locked database), and nowhere else."""

from __future__ import annotations

import errno
import functools
import inspect
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, TypeVar, cast

import dagster as dg
from sqlalchemy.exc import OperationalError

from edge_runtime.errors import EdgeError
from factory_assets.foundation.errors import FactoryError

RETRY = dg.RetryPolicy(max_retries=3, delay=5, backoff=dg.Backoff.EXPONENTIAL, jitter=dg.Jitter.PLUS_MINUS)
RETRY_COSTLY = dg.RetryPolicy(max_retries=1, delay=30, jitter=dg.Jitter.PLUS_MINUS)

FULL = (errno.ENOSPC, errno.EDQUOT)
LASTING = (*FULL, errno.EROFS, errno.EACCES, errno.EPERM, errno.EISDIR, errno.ENOTDIR, errno.ENAMETOOLONG)
MLFLOW_IS_BUSY = "TEMPORARILY_UNAVAILABLE"

Compute = TypeVar("Compute", bound=Callable[..., Any])


def may_pass(error: BaseException) -> bool:
    """Whether the same step may succeed a little later: input and output errors, but no broken contract."""
    if isinstance(error, (FactoryError, EdgeError)):
        return False
    if isinstance(error, OSError):
        return error.errno not in LASTING
    is_busy = getattr(error, "error_code", None) == MLFLOW_IS_BUSY
    return is_busy or isinstance(error, (sqlite3.OperationalError, OperationalError))


def retried_if_it_may_pass(compute: Compute) -> Compute:
    """Wrap an asset's function: its retry policy then sees only errors that may pass, all others fail at once.

    Dagster's own policy tries everything again, a plant file with a mistake included. Goes below the asset decorator:

        @dg.asset(retry_policy=RETRY)
        @retried_if_it_may_pass
        def _asset(...): ...
    """
    if inspect.isgeneratorfunction(compute):

        @functools.wraps(compute)
        def steps(*args: Any, **kwargs: Any) -> Iterator[Any]:
            with _others_are_final():
                yield from compute(*args, **kwargs)

        return cast("Compute", steps)

    @functools.wraps(compute)
    def step(*args: Any, **kwargs: Any) -> Any:
        with _others_are_final():
            return compute(*args, **kwargs)

    return cast("Compute", step)


@contextmanager
def _others_are_final() -> Iterator[None]:
    try:
        yield
    except (dg.Failure, dg.RetryRequested, dg.DagsterError):
        raise
    except Exception as error:
        if may_pass(error):
            raise
        raise dg.Failure(_in_plain_words(error), allow_retries=False) from error


def _in_plain_words(error: Exception) -> str:
    if isinstance(error, OSError) and error.errno in FULL:
        return (
            f"the disk is full ({error.filename or error}): make room (factory retention shows what may go), run again"
        )
    return str(error) or type(error).__name__
