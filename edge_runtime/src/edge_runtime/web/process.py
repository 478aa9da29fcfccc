"""The page's own process: it listens to the station and answers browsers, and ends when the station does.

The station imports this module only to start the process, so nothing heavy is imported here.
"""

from __future__ import annotations

import contextlib
import errno
import signal
import socket
import sys
import threading
from multiprocessing.connection import Connection
from typing import TYPE_CHECKING, Any

from edge_runtime.errors import EdgeError, InputError
from edge_runtime.station.config import PageSettings
from edge_runtime.web.board import StatusBoard

if TYPE_CHECKING:
    import uvicorn

LOOK_S = 0.5
LAST_ANSWERS_S = 2.0
MOST_CONNECTIONS = 64


def run_page(settings: PageSettings, connection: Connection) -> None:
    """Serve the page until the station's end of the pipe closes.

    Takes `StationStatus` and `LivePicture` objects from the pipe. Says `("listening", url)` once browsers are answered,
    or `("failed", text)` if that cannot be, and then ends with exit code 2.

    Args:
        settings: Where to listen, and the token's file.
        connection: Duplex end of a pipe to the station.
    """
    # Ctrl-C reaches every process of the terminal; the station decides when this one ends.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    board = StatusBoard()
    try:
        server = _server(board, _token(settings))
        listener = listen(settings.host, settings.port)
    except EdgeError as error:
        _tell(connection, ("failed", str(error)))
        sys.stderr.write(f"factory-edge: {error}\n")
        raise SystemExit(error.exit_code) from error
    # Browsers are answered in a thread, so that the process ends with the pipe even while one is being answered.
    answering = threading.Thread(target=server.run, args=([listener],), name="page", daemon=True)
    answering.start()
    _tell(connection, ("listening", _url(settings.host, listener)))
    try:
        receive(board, connection, answering)
    finally:
        server.should_exit = True
        answering.join(LAST_ANSWERS_S)


def receive(board: StatusBoard, connection: Connection, answering: threading.Thread) -> None:
    """Put what comes out of the pipe on the board, until either end is gone."""
    with contextlib.suppress(EOFError, OSError):
        while answering.is_alive():
            if connection.poll(LOOK_S):
                board.show(connection.recv())


def listen(host: str, port: int) -> socket.socket:
    """A socket that accepts connections.

    Raises:
        InputError: The port is in use or not allowed, or the host is no address of this machine.
    """
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
        family, kind, protocol, _, address = found[0]
        listener = socket.socket(family, kind, protocol)
    except OSError as error:
        raise InputError(f"page.host {host} is no address: {error}", "give an address of this machine") from error
    try:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind(address)
        listener.listen(MOST_CONNECTIONS)
    except OSError as error:
        listener.close()
        raise _refused(host, port, error) from error
    return listener


def _refused(host: str, port: int, error: OSError) -> InputError:
    if error.errno == errno.EADDRINUSE:
        return InputError(f"page.port {port} on {host} is in use", "end what uses it, or give another page.port")
    if error.errno == errno.EACCES:
        return InputError(f"page.port {port} needs more rights", "give a page.port from 1024 on")
    return InputError(f"the page cannot listen on {host} port {port}: {error.strerror}", "give another page.host")


def _token(settings: PageSettings) -> str | None:
    if settings.token_file is None:
        return None
    from edge_runtime.web.access import read_token

    return read_token(settings.token_file)


def _server(board: StatusBoard, token: str | None) -> uvicorn.Server:
    try:
        import uvicorn

        from edge_runtime.web.app import create_app
    except ImportError as error:
        raise InputError(
            f"the page needs {error.name}", "install factory-edge[inspection], or set page: null"
        ) from error
    config = uvicorn.Config(
        create_app(board, token),
        loop="asyncio",
        http="h11",
        ws="none",
        lifespan="off",
        log_level="warning",
        access_log=False,
        proxy_headers=False,
        server_header=False,
        headers=[("server", "factory-edge")],
        limit_concurrency=MOST_CONNECTIONS,
        timeout_keep_alive=15,
        timeout_graceful_shutdown=1,
    )
    return uvicorn.Server(config)


def _url(host: str, listener: socket.socket) -> str:
    shown = f"[{host}]" if ":" in host else host
    return f"http://{shown}:{listener.getsockname()[1]}/"


def _tell(connection: Connection, message: tuple[str, Any]) -> None:
    with contextlib.suppress(OSError):
        connection.send(message)
