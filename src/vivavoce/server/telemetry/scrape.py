"""`GET /metrics`, where Prometheus scrapes."""

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from vivavoce.server.access import Access
from vivavoce.server.telemetry.metrics import CONTENT_TYPE, Metrics


def telemetry_routes(metrics: Metrics | None, access: Access | None) -> list[BaseRoute]:
    """The route, if there are metrics. `access`: who may scrape; None: anybody."""
    if metrics is None:
        return []

    async def scrape(request: Request) -> Response:
        if access is not None:
            access.required(request.headers)
        return Response(metrics.text(), media_type=CONTENT_TYPE)

    return [Route("/metrics", scrape, methods=["GET"])]
