"""What is asked over plain HTTP: the list of models and the server's health."""

import time
from collections.abc import Callable
from typing import Literal

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route
from starlette.types import Receive, Scope, Send

from vivavoce.protocol import errors
from vivavoce.protocol.base import WireObject
from vivavoce.server.access import Access
from vivavoce.server.bodies import json_response
from vivavoce.server.handshake import DOORS
from vivavoce.server.models import ModelNames
from vivavoce.server.refusals import Refusal, deny, error_response, request_error, unknown_url
from vivavoce.version import __version__


class Model(WireObject, frozen=True, kw_only=True):
    """A model as OpenAI's `GET /v1/models` describes one."""

    id: str
    object: Literal["model"] = "model"
    created: int
    """Unix seconds; here the time when the server was made."""
    owned_by: str = "vivavoce"


class ModelList(WireObject, frozen=True, kw_only=True):
    object: Literal["list"] = "list"
    data: tuple[Model, ...]


class Health(WireObject, frozen=True, kw_only=True):
    """The answer of `GET /healthz`: HTTP 200 when sessions can be opened, otherwise 503."""

    status: Literal["ok", "stopped", "draining"]
    sessions: int
    """How many are open."""
    version: str = __version__


def routes(access: Access, models: ModelNames, health: Callable[[], Health]) -> list[BaseRoute]:
    """The plain HTTP routes of the server."""
    created = int(time.time())
    listed = ModelList(data=tuple(Model(id=name, created=created) for name in models.listed))

    async def list_models(request: Request) -> Response:
        access.required(request.headers)
        return json_response(200, listed)

    async def retrieve_model(request: Request) -> Response:
        access.required(request.headers)
        name = request.path_params["model"]
        if not models.accept(name):
            message = f"The model '{name[:100]}' does not exist"
            return error_response(404, request_error(message, code="model_not_found", param="model"))
        return json_response(200, Model(id=name, created=created))

    async def healthz(request: Request) -> Response:
        state = health()
        return json_response(200 if state.status == "ok" else 503, state)

    async def realtime(request: Request) -> Response:
        message = (
            "This is a WebSocket endpoint: connect to it with ws:// or wss://, not with an HTTP request."
        )
        response = error_response(426, request_error(message))
        response.headers["Upgrade"] = "websocket"
        return response

    return [
        Route("/v1/models", list_models, methods=["GET"]),
        Route("/v1/models/{model:path}", retrieve_model, methods=["GET"]),
        *(Route(door.path, realtime, methods=["GET"]) for door in DOORS),
        Route("/healthz", healthz, methods=["GET"]),
    ]


async def refused(request: Request, refusal: Exception) -> Response:
    """What a route refuses, and what Starlette refuses by itself (an unknown path or method), in the API's
    words."""
    if isinstance(refusal, Refusal):
        response = error_response(refusal.status_code, refusal.error)
        response.headers.update(refusal.headers or {})
        return response
    assert isinstance(refusal, HTTPException)
    if refusal.status_code == 404:
        return error_response(404, unknown_url(request.method, request.url.path))
    message = f"{refusal.detail} ({request.method} {request.url.path})"
    return error_response(refusal.status_code, request_error(message))


async def failed(request: Request, failure: Exception) -> Response:
    """What the client is told of an error that nobody foresaw; the log has the whole of it."""
    return error_response(500, errors.server_error())


class UnknownSocket:
    """A WebSocket to a path where there is none: HTTP 404 in place of the upgrade."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        await receive()  # websocket.connect
        await deny(scope, receive, send, 404, unknown_url("GET", scope["path"]))
