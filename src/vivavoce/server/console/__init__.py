"""`GET /`: the console, a page to talk to this server with, and the files that the page loads.

The page works wherever the application is mounted: it names its files, and the API, relative to itself. All
files are read once; what is asked for is looked up among them, so no path reaches anything else.
"""

import hashlib
from collections.abc import Callable
from importlib.resources import files
from importlib.resources.abc import Traversable
from typing import NamedTuple

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from vivavoce.protocol.base import WireObject
from vivavoce.server.bodies import json_response
from vivavoce.server.refusals import Refusal, unknown_url

PAGE = "index.html"
SNIPPET = "js/snippet-worker.js"
"""Runs the code with which a user answers function calls."""

MEDIA_TYPES = {
    ".css": "text/css; charset=utf-8",
    ".html": "text/html; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".svg": "image/svg+xml",
}

PAGE_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; worker-src 'self'; "
    "img-src 'self' data: blob:; media-src 'self' blob:; base-uri 'none'; form-action 'none'; "
    "frame-ancestors 'none'"
)
"""Content Security Policy Level 3: nothing from another host, nothing to another host, no script in the
page's own text."""
SNIPPET_POLICY = "default-src 'none'; script-src 'unsafe-eval'"
"""A worker has the policy that it came with: this one may make functions of text, and reach nobody."""

HEADERS = {
    "Cache-Control": "no-cache",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "microphone=(self), camera=(), geolocation=()",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
}


class Asset(NamedTuple):
    """A file of the page."""

    content: bytes
    media_type: str
    policy: str
    etag: str


def assets() -> dict[str, Asset]:
    """All files of the page, by their paths relative to `console/`."""
    return dict(_assets(files(__name__) / "static"))


class Ways(WireObject, frozen=True, kw_only=True):
    """What the page has to know before it asks for anything else."""

    key_needed: bool
    webrtc: bool


def routes(key_needed: Callable[[], bool], *, webrtc: bool) -> list[BaseRoute]:
    """The page at `/`, and its files under `/console/`. `key_needed`: whether callers must show a key now;
    `webrtc`: whether calls are taken."""
    found = assets()

    async def page(request: Request) -> Response:
        return _answer(request, found[PAGE])

    async def access(request: Request) -> Response:
        response = json_response(200, Ways(key_needed=key_needed(), webrtc=webrtc))
        response.headers["Cache-Control"] = "no-store"
        return response

    async def asset(request: Request) -> Response:
        known = found.get(request.path_params["name"])
        if known is None:
            raise Refusal(404, unknown_url(request.method, request.url.path))
        return _answer(request, known)

    return [
        Route("/", page, methods=["GET"]),
        Route("/console/access", access, methods=["GET"]),
        Route("/console/{name:path}", asset, methods=["GET"]),
    ]


def _assets(folder: Traversable, prefix: str = "") -> list[tuple[str, Asset]]:
    found = []
    for each in folder.iterdir():
        name = prefix + each.name
        if each.is_dir():
            found += _assets(each, f"{name}/")
        else:
            found.append((name, _asset(name, each.read_bytes())))
    return found


def _asset(name: str, content: bytes) -> Asset:
    media_type = MEDIA_TYPES[name[name.rindex(".") :]]
    policy = SNIPPET_POLICY if name == SNIPPET else PAGE_POLICY
    return Asset(content, media_type, policy, f'"{hashlib.sha256(content).hexdigest()[:24]}"')


def _answer(request: Request, asset: Asset) -> Response:
    """The file, or that the browser's copy of it is still good (RFC 9110, 13.1.2)."""
    headers = {**HEADERS, "Content-Security-Policy": asset.policy, "ETag": asset.etag}
    asked = request.headers.get("if-none-match", "")
    if asked.strip() == "*" or asset.etag in (each.strip().removeprefix("W/") for each in asked.split(",")):
        return Response(status_code=304, headers=headers)
    return Response(asset.content, media_type=asset.media_type, headers=headers)
