"""`GET /metrics`, where Prometheus scrapes."""

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from vivavoce.server.keys import ApiKeys, presented_key
from vivavoce.server.refusals import error_response
from vivavoce.server.telemetry.metrics import CONTENT_TYPE, Metrics


def telemetry_routes(metrics: Metrics | None, keys: ApiKeys | None) -> list[BaseRoute]:
    """The route, if there are metrics. `keys`: those of which a scraper must show one; None: nobody needs
    any."""
    if metrics is None:
        return []

    async def scrape(request: Request) -> Response:
        if keys is not None and (error := keys.refusal(presented_key(request.headers))):
            return error_response(401, error)
        return Response(metrics.text(), media_type=CONTENT_TYPE)

    return [Route("/metrics", scrape, methods=["GET"])]
