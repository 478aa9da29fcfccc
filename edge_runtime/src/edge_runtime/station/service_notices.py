"""Telling systemd that the service is ready, alive or ending: one datagram each, to the socket that it names."""

from __future__ import annotations

import contextlib
import os
import socket


class ServiceNotices:
    """Does nothing where no service manager listens.

    Args:
        address: What `NOTIFY_SOCKET` holds; an `@` stands for the abstract name space.
    """

    def __init__(self, address: str | None) -> None:
        self._address = f"\0{address[1:]}" if address and address.startswith("@") else address
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) if self._address else None
        if self._socket is not None:
            self._socket.settimeout(0)

    @classmethod
    def of_environment(cls) -> ServiceNotices:
        """For the service manager that started this process, if one did."""
        return cls(os.environ.pop("NOTIFY_SOCKET", None))

    def ready(self, text: str) -> None:
        """Triggers are taken."""
        self._send(f"READY=1\nSTATUS={text}")

    def alive(self, text: str) -> None:
        """The loop still goes round."""
        self._send(f"WATCHDOG=1\nSTATUS={text}")

    def stopping(self) -> None:
        """The service ends."""
        self._send("STOPPING=1")

    def close(self) -> None:
        """Let the socket go."""
        if self._socket is not None:
            self._socket.close()
            self._socket = None

    def _send(self, message: str) -> None:
        if self._socket is not None:
            with contextlib.suppress(OSError):
                self._socket.sendto(message.encode(), self._address or "")
