"""The pages: read-only, from files in this package, with nothing from any other place."""

from __future__ import annotations

import asyncio
import zlib
from collections.abc import Callable
from functools import lru_cache
from importlib.resources import files
from urllib.parse import parse_qs, urlsplit

import anyio.to_thread
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import JSONResponse, RedirectResponse, Response
from starlette.routing import Route

from edge_runtime.station.records import LivePicture
from edge_runtime.web.access import COOKIE, COOKIE_AGE_S, HEALTH, LOGIN, Guard, cookie_value, is_token
from edge_runtime.web.board import StatusBoard
from edge_runtime.web.pictures import heat_png, jpeg, png
from edge_runtime.web.summary import summary

STATIC_TYPES = {"page.css": "text/css", "page.js": "text/javascript", "icon.svg": "image/svg+xml"}
METRICS_TYPE = "text/plain; version=0.0.4; charset=utf-8"
LOGIN_BYTES = 4096
WRONG_TOKEN_PAUSE_S = 0.5


def create_app(board: StatusBoard, token: str | None) -> Starlette:
    """The web application of a station.

    Args:
        board: What there is to show.
        token: Asked for on every path but `/healthz`; None asks for nothing, for loopback only.
    """
    pages = _Pages(board)
    routes = [
        Route("/", pages.page),
        Route("/static/{name}", pages.static),
        Route("/api/status", pages.status),
        Route("/picture", pages.picture),
        Route("/heat-map", pages.heat_map),
        Route(HEALTH, pages.healthz),
        Route("/readyz", pages.readyz),
        Route("/metrics", pages.metrics),
    ]
    if token is not None:
        routes.append(Route(LOGIN, _Login(token).answer, methods=["GET", "POST"]))
    return Starlette(routes=routes, middleware=[Middleware(Guard, token=token)])


class _Pages:
    """What each address answers; everything comes from the board."""

    def __init__(self, board: StatusBoard) -> None:
        self._board = board
        # Several browsers ask for the same few pictures.
        self._encoded = lru_cache(maxsize=8)(_encode)

    async def page(self, _: Request) -> Response:
        return Response(_file("page.html"), media_type="text/html")

    async def static(self, request: Request) -> Response:
        name = request.path_params["name"]
        if name not in STATIC_TYPES:
            return Response("no such file\n", 404, media_type="text/plain")
        return Response(_file(name), media_type=STATIC_TYPES[name], headers={"cache-control": "no-cache"})

    async def status(self, _: Request) -> Response:
        return JSONResponse(summary(self._board))

    async def picture(self, request: Request) -> Response:
        encode, kind = (png, "image/png") if request.query_params.get("format") == "png" else (jpeg, "image/jpeg")
        return await self._image(request, encode, kind)

    async def heat_map(self, request: Request) -> Response:
        return await self._image(request, _heat, "image/png")

    async def _image(self, request: Request, encode: Callable[[LivePicture], bytes], kind: str) -> Response:
        wanted = request.query_params.get("sequence")
        if wanted is not None and not (wanted.isascii() and wanted.isdecimal() and len(wanted) < 20):
            return Response("sequence is a whole number\n", 400, media_type="text/plain")
        picture = self._board.picture(None if wanted is None else int(wanted))
        if picture is None or (encode is _heat and picture.heat_map is None):
            return Response("there is no such picture\n", 404, media_type="text/plain")
        data = await anyio.to_thread.run_sync(self._encoded, _ById(picture), encode)
        # A station that was set up anew counts from 1 again: the content tells its pictures from the old ones.
        tag = f'"{picture.record.sequence}-{zlib.crc32(data):08x}"'
        headers = {"etag": tag, "cache-control": "no-cache", "x-sequence": str(picture.record.sequence)}
        if request.headers.get("if-none-match") == tag:
            return Response(status_code=304, headers=headers)
        return Response(data, media_type=kind, headers=headers)

    async def healthz(self, _: Request) -> Response:
        is_fresh = self._board.is_fresh
        text = "ok\n" if is_fresh else "stale: the station says nothing\n"
        return Response(text, 200 if is_fresh else 503, media_type="text/plain")

    async def readyz(self, _: Request) -> Response:
        reason = self._board.why_not_ready()
        return JSONResponse({"is_ready": reason is None, "reason": reason}, 200 if reason is None else 503)

    async def metrics(self, _: Request) -> Response:
        from edge_runtime.web.metrics import exposition

        return Response(exposition(self._board), headers={"content-type": METRICS_TYPE})


class _Login:
    """The form that asks for the token and leaves a cookie."""

    def __init__(self, token: str) -> None:
        self._token = token

    async def answer(self, request: Request) -> Response:
        if request.method != "POST":
            return _login_page(is_wrong=False)
        given = await _token_of_form(request)
        if given is None:
            return Response("not a form of this page\n", 400, media_type="text/plain")
        if not is_token(given, self._token):
            await asyncio.sleep(WRONG_TOKEN_PAUSE_S)
            return _login_page(is_wrong=True)
        answer = RedirectResponse("/", 303)
        answer.set_cookie(
            COOKIE,
            cookie_value(self._token),
            max_age=COOKIE_AGE_S,
            httponly=True,
            samesite="strict",
            secure=request.url.scheme == "https",
        )
        return answer


async def _token_of_form(request: Request) -> str | None:
    """The token in a small form that this page sent; None for anything else."""
    origin = request.headers.get("origin")
    if origin is not None and urlsplit(origin).netloc != request.headers.get("host"):
        return None
    body = b""
    async for chunk in request.stream():
        body += chunk
        if len(body) > LOGIN_BYTES:
            return None
    return parse_qs(body.decode("latin-1")).get("token", [""])[0].strip()


def _login_page(*, is_wrong: bool) -> Response:
    page = _file("login.html")
    return Response(
        page.replace(b" hidden", b"") if is_wrong else page, 401 if is_wrong else 200, media_type="text/html"
    )


class _ById:
    """A picture as a key: arrays have no hash, and each picture is its own."""

    def __init__(self, picture: LivePicture) -> None:
        self.picture = picture

    def __hash__(self) -> int:
        return id(self.picture)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _ById) and other.picture is self.picture


def _encode(key: _ById, encode: Callable[[LivePicture], bytes]) -> bytes:
    return encode(key.picture)


def _heat(picture: LivePicture) -> bytes:
    if picture.heat_map is None:
        msg = "this picture has no heat map"
        raise ValueError(msg)
    return heat_png(picture.heat_map)


@lru_cache(maxsize=8)
def _file(name: str) -> bytes:
    return (files("edge_runtime.web") / "static" / name).read_bytes()
