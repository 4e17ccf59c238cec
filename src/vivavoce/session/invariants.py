"""The protocol's invariants, checked on every event that a session sends.

Numbers are those of the design: 1 one response at a time in the conversation; 2 every response ends once; 3
what opens is closed, in order; 4 deltas add up; 5 speech starts and stops in turn; 6 items stand where events
say. Beyond them, 11: one response is played at a time, and what has started either stops, once the response
is done, or is cleared.
"""

from typing import Any

from vivavoce.protocol import (
    AudioPart,
    ConversationItemAdded,
    ConversationItemDeleted,
    ConversationItemDone,
    ConversationItemInputAudioTranscriptionCompleted,
    ConversationItemInputAudioTranscriptionDelta,
    ConversationItemInputAudioTranscriptionFailed,
    ConversationItemInputAudioTranscriptionSegment,
    ConversationItemRetrieved,
    ConversationItemTruncated,
    FunctionCall,
    InputAudioBufferCleared,
    InputAudioBufferCommitted,
    InputAudioBufferSpeechStarted,
    InputAudioBufferSpeechStopped,
    InputAudioBufferTimeoutTriggered,
    McpApprovalRequest,
    McpCall,
    McpListTools,
    McpListToolsCompleted,
    McpListToolsFailed,
    McpListToolsInProgress,
    Message,
    OutputAudio,
    OutputAudioBufferCleared,
    OutputAudioBufferStarted,
    OutputAudioBufferStopped,
    OutputText,
    RealtimeSession,
    ResponseContentPartAdded,
    ResponseContentPartDone,
    ResponseCreated,
    ResponseDone,
    ResponseFunctionCallArgumentsDelta,
    ResponseFunctionCallArgumentsDone,
    ResponseMcpCallArgumentsDelta,
    ResponseMcpCallArgumentsDone,
    ResponseMcpCallCompleted,
    ResponseMcpCallFailed,
    ResponseMcpCallInProgress,
    ResponseOutputAudioDelta,
    ResponseOutputAudioDone,
    ResponseOutputAudioTranscriptDelta,
    ResponseOutputAudioTranscriptDone,
    ResponseOutputItemAdded,
    ResponseOutputItemDone,
    ResponseOutputTextDelta,
    ResponseOutputTextDone,
    ServerEvent,
    SessionUpdated,
    TranscriptionSession,
)


class InvariantViolation(AssertionError):
    """The session is about to send what the protocol rules out: a fault of this program."""


def _require(holds: bool, invariant: int, event: ServerEvent) -> None:
    if not holds:
        raise InvariantViolation(f"invariant {invariant} broken by {event.type}: {event!r}")


class _Output:
    """What was sent of one response."""

    def __init__(self, conversation_id: str | None) -> None:
        self.conversation_id = conversation_id
        self.done: list[str] = []
        self.item_id: str | None = None
        """The output item that is open."""
        self.kind: type = Message
        """Of the open item."""
        self.part_open = False
        self.closed: set[str] = set()
        """Which of the open item's streams had their done event."""
        self.text = ""
        self.added = self.finished = False
        """Whether the conversation's own events about the open item were sent."""
        self.calls: dict[str, _Call] = {}
        """What it called of MCP servers' tools."""
        self.spoken_over = False
        """Whether somebody has spoken since it began."""

    @property
    def interruptible(self) -> bool:
        """Whether a turn may end it: only in the conversation, and only once speech was announced."""
        return self.spoken_over and self.conversation_id is not None


class _Call:
    """A call of an MCP server's tool, once its response has written it."""

    def __init__(self, index: int, arguments: str) -> None:
        self.index = index
        self.arguments = arguments
        self.running = self.settled = False


class Invariants:
    """Watches the events of one session; `observe` raises InvariantViolation at the first that must not be
    sent."""

    def __init__(self) -> None:
        self._responses: dict[str, _Output] = {}
        self._finished: set[str] = set()
        self._order: list[str] = []
        self._speaking: str | None = None
        """The item of the turn in progress."""
        self._abandoned = False
        """Whether that turn may end without a word, since detection was switched off in it."""
        self._calls: dict[str, _Call] = {}
        """Those of responses that are done, while they are not."""
        self._listings: dict[str, bool] = {}
        """Lists of tools that are in progress, and whether their server has answered."""
        self._announced: str | None = None
        """The item that the next `committed` must name."""
        self._transcripts: dict[str, str] = {}
        """What was told of transcripts that are not complete."""
        self._settled: set[str] = set()
        """Items whose transcript is complete, or will never be."""
        self._live: str | None = None
        """The item whose words are told while it is being spoken."""
        self._playing: str | None = None
        """The response that is being played."""
        self._played: set[str] = set()
        """Those that have been."""

    def observe(self, event: ServerEvent) -> None:
        match event:
            case ResponseCreated(response=response):
                known = response.id in self._responses or response.id in self._finished
                _require(not known, 2, event)
                others = [o for o in self._responses.values() if o.conversation_id is not None]
                _require(response.conversation_id is None or not others, 1, event)
                self._responses[response.id] = _Output(response.conversation_id)
                self._responses[response.id].spoken_over = self._speaking is not None
            case ResponseDone(response=response):
                output = self._responses.pop(response.id, None)
                _require(output is not None, 2, event)
                assert output is not None
                _require(output.item_id is None, 3, event)
                _require([item.id for item in response.output] == output.done, 3, event)
                details = response.status_details
                interrupted = details is not None and details.reason == "turn_detected"
                _require(not interrupted or output.interruptible, 5, event)
                self._finished.add(response.id)
                self._calls |= output.calls
            case ConversationItemAdded():
                self._added(event)
            case ConversationItemDone():
                self._item_done(event)
            case ConversationItemDeleted(item_id=item_id):
                _require(item_id in self._order, 6, event)
                self._order.remove(item_id)
                self._transcripts.pop(item_id, None)
                self._settled.discard(item_id)
            case ConversationItemRetrieved(item=item):
                _require(item.id in self._order, 6, event)
            case ConversationItemTruncated(item_id=item_id):
                _require(item_id in self._order, 6, event)
            case OutputAudioBufferStarted(response_id=playing):
                known = playing in self._responses or playing in self._finished
                _require(known and self._playing is None and playing not in self._played, 11, event)
                self._playing = playing
                self._played.add(playing)
            case OutputAudioBufferStopped(response_id=playing):
                _require(self._playing == playing and playing in self._finished, 11, event)
                self._playing = None
            case OutputAudioBufferCleared(response_id=playing):
                _require(self._playing == playing, 11, event)
                self._playing = None
            case (
                ConversationItemInputAudioTranscriptionDelta()
                | ConversationItemInputAudioTranscriptionSegment()
                | ConversationItemInputAudioTranscriptionCompleted()
                | ConversationItemInputAudioTranscriptionFailed()
            ):
                self._transcribed(event)
            case (
                McpListToolsInProgress()
                | McpListToolsCompleted()
                | McpListToolsFailed()
                | ResponseMcpCallInProgress()
                | ResponseMcpCallCompleted()
                | ResponseMcpCallFailed()
            ):
                self._tools(event)
            case _:
                response_id = getattr(event, "response_id", None)
                if response_id is None:
                    self._listening(event)
                else:
                    _require(response_id in self._responses, 3, event)
                    self._within(event, self._responses[response_id])

    # Turns

    def _listening(self, event: ServerEvent) -> None:
        match event:
            case InputAudioBufferSpeechStarted(item_id=item_id):
                _require(self._speaking is None or self._abandoned, 5, event)
                _require(self._announced is None and item_id not in self._order, 5, event)
                self._speaking, self._abandoned = item_id, False
                for output in self._responses.values():
                    output.spoken_over = True
                self._forget_live()
            case InputAudioBufferSpeechStopped(item_id=item_id):
                _require(self._speaking == item_id and not self._abandoned, 5, event)
                self._speaking, self._announced = None, item_id
            case InputAudioBufferTimeoutTriggered(item_id=item_id):
                _require(self._speaking is None or self._abandoned, 5, event)
                self._speaking, self._announced = None, item_id
            case InputAudioBufferCommitted(item_id=item_id, previous_item_id=previous):
                _require(self._announced in (None, item_id), 5, event)
                _require(self._speaking in (None, item_id) or self._abandoned, 5, event)
                _require(self._live in (None, item_id), 6, event)
                _require(previous == (self._order[-1] if self._order else None), 6, event)
                self._live = None
                self._speaking = self._announced = None
                self._abandoned = False
            case InputAudioBufferCleared():
                self._speaking, self._abandoned = None, False
                self._forget_live()
            case SessionUpdated(session=RealtimeSession(audio=audio) | TranscriptionSession(audio=audio)):
                if audio.input.turn_detection is not None and self._speaking is None:
                    self._forget_live()  # what was collected by hand is given up
                self._abandoned = self._abandoned or audio.input.turn_detection is None

    # Transcripts

    def _transcribed(self, event: Any) -> None:
        item_id = event.item_id
        _require(item_id not in self._settled, 2, event)
        if isinstance(event, ConversationItemInputAudioTranscriptionDelta):
            if item_id not in self._order:
                _require(self._live in (None, item_id), 6, event)
                self._live = item_id
            self._transcripts[item_id] = self._transcripts.get(item_id, "") + event.delta
            return
        _require(item_id in self._order, 6, event)
        if isinstance(event, ConversationItemInputAudioTranscriptionSegment):
            return
        told = self._transcripts.pop(item_id, "")
        if isinstance(event, ConversationItemInputAudioTranscriptionCompleted):
            _require(event.transcript == told, 4, event)
        self._settled.add(item_id)

    def _forget_live(self) -> None:
        """The utterance whose words were being told will not become an item."""
        if self._live is not None:
            self._transcripts.pop(self._live, None)
            self._live = None

    # MCP servers

    def _tools(self, event: Any) -> None:
        item_id = event.item_id
        match event:
            case McpListToolsInProgress():
                _require(item_id in self._order and item_id not in self._listings, 3, event)
                self._listings[item_id] = False
            case McpListToolsCompleted() | McpListToolsFailed():
                _require(self._listings.get(item_id) is False, 3, event)
                self._listings[item_id] = True
            case ResponseMcpCallInProgress(output_index=index):
                call = self._calls.get(item_id)
                _require(call is not None and not call.running and call.index == index, 3, event)
                self._calls[item_id].running = True
            case _:
                call = self._calls.get(item_id)
                _require(call is not None and call.running and call.index == event.output_index, 3, event)
                self._calls[item_id].running, self._calls[item_id].settled = False, True

    def _tool_done(self, event: ConversationItemDone) -> None:
        """The last event of a list of tools, or of a call that was made or called off."""
        item_id = str(event.item.id)
        match event.item:
            case McpListTools():
                _require(self._listings.pop(item_id, True), 3, event)
            case McpCall(arguments=arguments, output=output, error=error) if item_id in self._calls:
                call = self._calls.pop(item_id)
                _require(not call.running and call.arguments == arguments, 4, event)
                _require((output is None) is not (error is None), 3, event)
                _require(call.settled or output is None, 3, event)

    # Items of the conversation

    def _added(self, event: ConversationItemAdded) -> None:
        item_id = str(event.item.id)
        _require(item_id not in self._order, 6, event)
        previous = event.previous_item_id
        _require(previous is None or previous in self._order, 6, event)
        self._order.insert(0 if previous is None else self._order.index(previous) + 1, item_id)
        for output in self._responses.values():
            if output.item_id == item_id:
                output.added = True

    def _item_done(self, event: ConversationItemDone) -> None:
        item_id = str(event.item.id)
        self._tool_done(event)
        if item_id in self._order:
            index = self._order.index(item_id)
            _require(event.previous_item_id == (self._order[index - 1] if index else None), 6, event)
        for output in self._responses.values():
            if output.item_id == item_id:
                self._require_whole(event, event.item, output)
                output.finished = True

    # Output of a response

    def _within(self, event: Any, output: _Output) -> None:
        match event:
            case ResponseOutputItemAdded(item=item, output_index=index):
                _require(output.item_id is None, 3, event)
                _require(index == len(output.done), 3, event)
                output.item_id, output.kind = str(item.id), type(item)
                output.text, output.closed, output.part_open = "", set(), False
                # Beside the conversation there is nothing to wait for.
                output.added = output.finished = output.conversation_id is None
                return
            case ResponseOutputItemDone(item=item, output_index=index):
                _require(output.item_id == item.id, 3, event)
                _require(index == len(output.done), 3, event)
                # A call of an MCP server's tool is not done before it is answered.
                _require(output.added and (output.finished or isinstance(item, McpCall)), 3, event)
                self._require_whole(event, item, output)
                if isinstance(item, McpCall):
                    output.calls[str(item.id)] = _Call(index, item.arguments)
                output.done.append(str(item.id))
                output.item_id = None
                return
        _require(event.item_id == output.item_id and output.added, 3, event)
        _require(event.output_index == len(output.done), 3, event)
        match event:
            case ResponseContentPartAdded():
                _require(not output.part_open and not output.closed, 3, event)
                output.part_open = True
            case ResponseContentPartDone(part=part):
                streams = {"audio", "transcript"} if isinstance(part, AudioPart) else {"text"}
                _require(output.part_open and output.closed == streams, 3, event)
                text = part.transcript if isinstance(part, AudioPart) else part.text
                _require(text == output.text, 4, event)
                output.part_open = False
            case ResponseOutputTextDelta(delta=delta) | ResponseOutputAudioTranscriptDelta(delta=delta):
                _require(output.part_open and not output.closed, 3, event)
                output.text += delta
            case ResponseFunctionCallArgumentsDelta(delta=delta) | ResponseMcpCallArgumentsDelta(delta=delta):
                _require(
                    (output.kind is McpCall) is isinstance(event, ResponseMcpCallArgumentsDelta), 3, event
                )
                _require(not output.part_open and not output.closed, 3, event)
                output.text += delta
            case ResponseOutputAudioDelta():
                _require(output.part_open and not output.closed, 3, event)
            case ResponseOutputAudioDone():
                _require(output.part_open and not output.closed, 3, event)
                output.closed.add("audio")
            case ResponseOutputTextDone(text=text):
                self._close(event, output, "text", text)
            case ResponseOutputAudioTranscriptDone(transcript=text):
                self._close(event, output, "transcript", text)
            case (
                ResponseFunctionCallArgumentsDone(arguments=text)
                | ResponseMcpCallArgumentsDone(arguments=text)
            ):
                _require(
                    (output.kind is McpCall) is isinstance(event, ResponseMcpCallArgumentsDone), 3, event
                )
                self._close(event, output, "arguments", text)

    def _close(self, event: ServerEvent, output: _Output, stream: str, text: str) -> None:
        _require(output.part_open is (stream != "arguments"), 3, event)
        _require(stream not in output.closed, 3, event)
        _require(output.text == text, 4, event)
        output.closed.add(stream)

    def _require_whole(self, event: ServerEvent, item: Any, output: _Output) -> None:
        """An item that is done has had its streams, and holds what they held."""
        _require(type(item) is output.kind and not output.part_open, 3, event)
        if isinstance(item, McpApprovalRequest):
            _require(not output.closed and not output.text, 3, event)  # it is announced when it is whole
            return
        _require(bool(output.closed), 3, event)
        match item:
            case (
                Message(content=(OutputText(text=text),))
                | FunctionCall(arguments=text)
                | McpCall(arguments=text)
            ):
                _require(text == output.text, 4, event)
            case Message(content=(OutputAudio(transcript=transcript),)):
                _require(transcript == output.text, 4, event)
            case _:
                _require(False, 4, event)
