"""Requests on their way through the responder."""

import asyncio
import logging

from vivavoce.engines.interfaces import EngineError, Responder
from vivavoce.protocol import OutputPart, ResponseFailure, ResponseRequest
from vivavoce.server.runner.live import FAULT, LiveSession
from vivavoce.server.runner.patience import Patience
from vivavoce.server.runner.soundness import refuse_unless_sound
from vivavoce.server.transport import Outlet, TransportClosed

logger = logging.getLogger(__name__)

PARTS_AT_ONCE = 16
"""After so many parts of an answer that came without waiting, other sessions have their turn."""


class Answering:
    """The responses that are being generated, by their ids. A responder that says nothing for `timeout_s` is
    given up."""

    __slots__ = (
        "_live",
        "_outlet",
        "_responder",
        "_running",
        "_timeout",
    )

    def __init__(self, live: LiveSession, responder: Responder, outlet: Outlet, timeout_s: float) -> None:
        self._timeout = timeout_s
        self._live = live
        self._responder = responder
        self._outlet = outlet
        self._running: dict[str, asyncio.Task[None]] = {}

    def respond(self, request: ResponseRequest) -> None:
        """Begin to answer."""
        self._live.stages.asked(request)
        task = self._live.spawn(self._respond(request), f"vivavoce {request.response_id}")
        self._running[request.response_id] = task

    def cancel(self, response_id: str) -> None:
        """Answer no more."""
        answering = self._running.pop(response_id, None)
        # A response ended by a part of its own finds out by itself, and closes its engine in peace.
        if answering is not None and answering is not asyncio.current_task():
            answering.cancel()

    async def _respond(self, request: ResponseRequest) -> None:
        response_id = request.response_id
        failure = ResponseFailure(FAULT.type, FAULT.code, FAULT.message)
        answer = self._responder.respond(request)
        parts = 0
        try:
            with Patience(self._timeout) as patience:
                async for part in answer:
                    patience.pause()
                    refuse_unless_sound(part)
                    self._produced(response_id, part)
                    if response_id not in self._running:
                        return
                    await self._outlet.ready()
                    parts += 1
                    if parts % PARTS_AT_ONCE == 0:
                        await asyncio.sleep(0)
                    patience.resume()
        except EngineError as error:
            failure = ResponseFailure("server_error", error.code, str(error))
        except TransportClosed:
            return
        except TimeoutError:
            logger.error("the responder said nothing for %g s and was given up", self._timeout)
        except Exception:  # a fault of one engine must not end the session
            logger.exception("the responder failed")
        finally:
            await answer.aclose()
        # Ignored by the session if the answer came to its end.
        self._produced(response_id, failure)
        self._running.pop(response_id, None)

    def _produced(self, response_id: str, part: OutputPart) -> None:
        live = self._live
        now = live.now()
        live.stages.produced(response_id, part, now)
        live.session.produced(response_id, part, now)
        live.carry_out()
