"""Who may see what: methods, host names, the token, and the headers that browsers obey."""

from __future__ import annotations

import hashlib
import hmac
import ipaddress
import socket
from pathlib import Path
from urllib.parse import urlsplit

from starlette.datastructures import Headers, MutableHeaders
from starlette.requests import Request
from starlette.responses import PlainTextResponse, RedirectResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from edge_runtime.errors import InputError
from edge_runtime.station.config import LOOPBACK

LOGIN, HEALTH, STATIC = "/login", "/healthz", "/static/"
COOKIE = "factory_edge"
COOKIE_AGE_S = 90 * 24 * 3600
LEAST_TOKEN_CHARACTERS = 16
SECURITY_HEADERS = {
    "content-security-policy": (
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; "
        "form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
    ),
    "x-content-type-options": "nosniff",
    "x-frame-options": "DENY",
    "referrer-policy": "same-origin",
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
}


def read_token(path: Path) -> str:
    """The token that a file holds.

    Raises:
        InputError: It cannot be read, can be read by everybody, or holds no token that is hard to guess.
    """
    mend = f"make it: (umask 077; openssl rand -hex 32 > {path})"
    try:
        token = path.read_text(encoding="utf-8").strip()
        mode = path.stat().st_mode
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(f"page.token_file {path} cannot be read: {error}", mend) from error
    if mode & 0o007:
        raise InputError(f"page.token_file {path} is open to every user of this machine", f"chmod 600 {path}")
    if len(token) < LEAST_TOKEN_CHARACTERS or not token.isascii() or not token.isprintable():
        raise InputError(
            f"page.token_file {path} holds no token of {LEAST_TOKEN_CHARACTERS} or more ASCII characters", mend
        )
    return token


def cookie_value(token: str) -> str:
    """What a browser keeps after login: it proves the token without holding it."""
    return hmac.new(token.encode(), b"factory-edge page", hashlib.sha256).hexdigest()


def is_token(given: str, token: str) -> bool:
    """Compare in a time that tells nothing."""
    return hmac.compare_digest(given.encode(), token.encode())


def has_access(headers: Headers, cookies: dict[str, str], token: str) -> bool:
    """Whether a request brings the token, as `Authorization: Bearer` or as the cookie of a login."""
    scheme, _, given = headers.get("authorization", "").partition(" ")
    if scheme.lower() == "bearer" and is_token(given.strip(), token):
        return True
    return is_token(cookies.get(COOKIE, ""), cookie_value(token))


def is_expected_host(host: str, *, has_token: bool) -> bool:
    """Whether a `Host` header names this machine; a page of somebody else's that was rebound to it does not.

    Without a token only this machine's own loopback names are expected. With one: any address, and names whose first
    label is this machine's name.
    """
    name = _host_name(host)
    if name in LOOPBACK:
        return True
    if not has_token or not name:
        return False
    try:
        ipaddress.ip_address(name)
    except ValueError:
        return name.partition(".")[0] == socket.gethostname().partition(".")[0].lower()
    return True


def _host_name(host: str) -> str:
    try:
        return (urlsplit(f"//{host}").hostname or "").rstrip(".")
    except ValueError:
        return ""


class Guard:
    """Lets through only what may be seen, and puts the security headers on everything that goes out.

    Args:
        app: The pages.
        token: Asked for on every path but the health check and the login; None asks for nothing.
    """

    def __init__(self, app: ASGIApp, token: str | None) -> None:
        self._app = app
        self._token = token

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        if scope["type"] != "http":
            return

        async def send_guarded(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                for name, value in SECURITY_HEADERS.items():
                    headers[name] = value
                headers.setdefault("cache-control", "no-store")
            await send(message)

        answer = self._refusal(Request(scope)) or self._app
        await answer(scope, receive, send_guarded)

    def _refusal(self, request: Request) -> Response | None:
        path = request.url.path
        is_login = self._token is not None and path == LOGIN
        allowed = ("GET", "HEAD", "POST") if is_login else ("GET", "HEAD")
        if request.method not in allowed:
            return PlainTextResponse("read only\n", 405, {"allow": ", ".join(allowed)})
        if not is_expected_host(request.headers.get("host", ""), has_token=self._token is not None):
            return PlainTextResponse("this host name is not this machine's: use its own name or address\n", 421)
        if self._token is None or path == HEALTH or is_login or path.startswith(STATIC):
            return None
        if has_access(request.headers, request.cookies, self._token):
            return None
        if path == "/" and "text/html" in request.headers.get("accept", ""):
            return RedirectResponse(LOGIN, 303)
        return PlainTextResponse("a token is needed\n", 401, {"www-authenticate": 'Bearer realm="factory-edge"'})
