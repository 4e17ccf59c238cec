"""Summaries of older turns, written beside the conversation."""

import asyncio
import logging

from vivavoce.engines.interfaces import EngineError, Responder
from vivavoce.protocol import ResponseEnd, ResponseFailure, ResponseRequest, TextDelta
from vivavoce.server.runner.live import LiveSession

logger = logging.getLogger(__name__)

MAX_CHARACTERS = 100_000
"""A summary that is longer is none."""


class Summarising:
    """The summary that is being written, if one is. A responder that has not written it within `timeout_s` is
    given up."""

    __slots__ = (
        "_live",
        "_responder",
        "_running",
        "_timeout",
    )

    def __init__(self, live: LiveSession, responder: Responder, timeout_s: float) -> None:
        self._live = live
        self._responder = responder
        self._timeout = timeout_s
        self._running: dict[str, asyncio.Task[None]] = {}

    def summarise(self, request: ResponseRequest) -> None:
        """Begin to write."""
        task = self._live.spawn(self._summarise(request), f"vivavoce {request.response_id}")
        self._running[request.response_id] = task

    def cancel(self, summary_id: str) -> None:
        """Write no more, if this is being written at all."""
        writing = self._running.pop(summary_id, None)
        if writing is not None:
            writing.cancel()

    async def _summarise(self, request: ResponseRequest) -> None:
        session, summary_id = self._live.conversation, request.response_id
        problem = None
        text = ""
        try:
            async with asyncio.timeout(self._timeout):
                text = await self._written(request)
        except EngineError as error:
            problem = str(error)
        except TimeoutError:
            problem = f"it was not written within {self._timeout:g} s"
        except Exception:  # a fault of one engine must not end the session
            logger.exception("the responder failed at a summary")
            problem = "the responder failed"
        finally:
            self._running.pop(summary_id, None)
        if problem is None:
            session.summarised(summary_id, text)
        else:
            logger.warning("older turns cannot be summarised and will be dropped: %s", problem)
            session.summary_failed(summary_id)
        self._live.carry_out()

    async def _written(self, request: ResponseRequest) -> str:
        """The whole text. Raises EngineError."""
        text: list[str] = []
        length = 0
        answer = self._responder.respond(request)
        try:
            async for part in answer:
                match part:
                    case TextDelta(text=more):
                        text.append(more)
                        length += len(more)
                        if length > MAX_CHARACTERS:
                            raise EngineError("The summary is too long.")
                    case ResponseFailure(message=message):
                        raise EngineError(message)
                    case ResponseEnd():
                        return "".join(text)
        finally:
            await answer.aclose()
        raise EngineError("The summary has no end.")
