"""A Realtime server for the tests of the commands: it hears loud from quiet, and has an answer ready for each
turn.

It follows the order of events of the real service. What it understands and says is decided beforehand.
"""

import asyncio
import base64
from array import array
from collections.abc import Sequence
from itertools import count
from typing import Any

import msgspec
from websockets.asyncio.server import ServerConnection

BYTES_PER_MS = 48
TONE = array("h", [8000 if sample // 27 % 2 else -8000 for sample in range(24_000)]).tobytes()
"""A second of a buzz at 440 Hz."""


class Assistant:
    """One conversation. Use an instance as the behaviour of a `peer`; several connections share the record.

    - turns: what it understands and answers, turn by turn; the last one over and over.
    - seconds: how long each answer lasts; its audio is sent at once.
    - status: of the responses.
    - errors: event ids of the client that are answered by an error.
    - quiet: event types that are never sent.
    - complaint: an error about nothing in particular, sent when a turn begins to be answered.
    """

    def __init__(
        self,
        turns: Sequence[tuple[str, str]] = (("good morning", "Good morning to you."),),
        *,
        seconds: float = 0.3,
        status: str = "completed",
        errors: dict[str, str] | None = None,
        quiet: Sequence[str] = (),
        complaint: str | None = None,
    ) -> None:
        self.received: list[dict[str, Any]] = []
        self.answered = 0
        self._turns = turns
        self._seconds = seconds
        self._status = status
        self._errors = errors or {}
        self._quiet = quiet
        self._complaint = complaint
        self._numbers = count(1)

    def sent(self, kind: str) -> list[dict[str, Any]]:
        """The events of one type that the client sent."""
        return [event for event in self.received if event["type"] == kind]

    async def __call__(self, websocket: ServerConnection) -> None:
        self._websocket = websocket
        self._session: dict[str, Any] = {
            "type": "realtime",
            "object": "realtime.session",
            "id": "sess_1",
            "model": "gpt-realtime",
            "output_modalities": ["audio"],
            "audio": {"input": {"turn_detection": {"type": "server_vad", "silence_duration_ms": 200}}},
        }
        self._clock_ms = 0
        self._quiet_ms = 0
        self._speaking: str | None = None
        self._turn = 0
        await self._send("session.created", session=self._session)
        async for message in websocket:
            self.received.append(msgspec.json.decode(message))
            event = msgspec.json.decode(message)
            name = event.get("event_id")
            if name in self._errors:
                await self._complain(self._errors[name], name)
                continue
            await self._take(event)

    async def _take(self, event: dict[str, Any]) -> None:
        match event:
            case {"type": "session.update", "session": session}:
                audio = session.pop("audio", {})
                self._session |= session
                self._session["audio"]["input"] |= audio.get("input", {})
                await self._send("session.updated", session=self._session)
            case {"type": "input_audio_buffer.append", "audio": audio}:
                await self._hear(base64.b64decode(audio))
            case {"type": "input_audio_buffer.commit"}:
                await self._commit(f"item_{next(self._numbers)}")
            case {"type": "conversation.item.create", "item": item}:
                item = {"id": f"item_{next(self._numbers)}", **item}
                await self._send("conversation.item.added", previous_item_id=None, item=item)
                await self._send("conversation.item.done", previous_item_id=None, item=item)
            case {"type": "response.create"}:
                await self._respond()
            case {"type": "conversation.item.truncate", "item_id": item_id, "audio_end_ms": end}:
                await self._send(
                    "conversation.item.truncated", item_id=item_id, content_index=0, audio_end_ms=end
                )

    async def _hear(self, audio: bytes) -> None:
        detection = self._session["audio"]["input"]["turn_detection"]
        self._clock_ms += len(audio) // BYTES_PER_MS
        if detection is None:
            return
        loud = max(map(abs, array("h", audio))) > 500
        self._quiet_ms = 0 if loud else self._quiet_ms + len(audio) // BYTES_PER_MS
        if loud and self._speaking is None:
            self._speaking = f"item_{next(self._numbers)}"
            start = max(0, self._clock_ms - 300)
            await self._send(
                "input_audio_buffer.speech_started", audio_start_ms=start, item_id=self._speaking
            )
        if self._speaking is not None and self._quiet_ms >= detection["silence_duration_ms"]:
            item_id, self._speaking = self._speaking, None
            await self._send(
                "input_audio_buffer.speech_stopped", audio_end_ms=self._clock_ms, item_id=item_id
            )
            await self._commit(item_id)
            await self._respond()

    async def _commit(self, item_id: str) -> None:
        await self._send("input_audio_buffer.committed", previous_item_id=None, item_id=item_id)
        item = {"id": item_id, "type": "message", "role": "user", "status": "completed", "content": []}
        await self._send("conversation.item.added", previous_item_id=None, item=item)
        await self._send("conversation.item.done", previous_item_id=None, item=item)
        said = self._turns[min(self._turn, len(self._turns) - 1)][0]
        kind = "conversation.item.input_audio_transcription"
        for word in said.split():
            await self._send(f"{kind}.delta", item_id=item_id, content_index=0, delta=f"{word} ")
        await self._send(f"{kind}.completed", item_id=item_id, content_index=0, transcript=said)

    async def _respond(self) -> None:
        if self._complaint is not None:
            await self._complain(self._complaint, None)
        answer = self._turns[min(self._turn, len(self._turns) - 1)][1]
        self._turn += 1
        response: dict[str, Any] = {
            "object": "realtime.response",
            "id": f"resp_{next(self._numbers)}",
            "status": "in_progress",
            "status_details": None,
            "output": [],
            "conversation_id": "conv_1",
        }
        await self._send("response.created", response=response)
        item = {"id": f"item_{next(self._numbers)}", "type": "message", "role": "assistant", "content": []}
        at = {"response_id": response["id"], "item_id": item["id"], "output_index": 0, "content_index": 0}
        await self._send("response.output_item.added", response_id=response["id"], output_index=0, item=item)
        spoken = self._session["output_modalities"] == ["audio"]
        text = "output_audio_transcript" if spoken else "output_text"
        for word in answer.split(" "):
            await self._send(f"response.{text}.delta", **at, delta=f"{word} ")
        if spoken:
            audio = (TONE * 60)[: 2 * int(self._seconds * 24_000)]
            for start in range(0, len(audio), 4800):
                delta = base64.b64encode(audio[start : start + 4800]).decode()
                await self._send("response.output_audio.delta", **at, delta=delta)
        if self._status == "failed":
            error = {"type": "server_error", "code": None, "message": "The engine has stalled."}
            response["status_details"] = {"type": "failed", "error": error}
        self.answered += 1
        await self._send("response.done", response={**response, "status": self._status, "output": [item]})

    async def _complain(self, message: str, event_id: str | None) -> None:
        error = {"type": "invalid_request_error", "code": None, "message": message, "param": None}
        await self._send("error", error={**error, "event_id": event_id})

    async def _send(self, kind: str, **fields: Any) -> None:
        if kind not in self._quiet:
            event = {"type": kind, "event_id": f"event_{next(self._numbers)}", **fields}
            await self._websocket.send(msgspec.json.encode(event), text=True)
            await asyncio.sleep(0)
