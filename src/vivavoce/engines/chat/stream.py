"""What the endpoint sends, without I/O: bytes into events, events into what a language model yields."""

from typing import Any

import msgspec

from vivavoce.engines.endpoint.lines import InvalidAnswer
from vivavoce.protocol.generation import (
    FunctionCallDelta,
    FunctionCallEnd,
    FunctionCallStart,
    LanguagePart,
    ResponseEnd,
    TextDelta,
    TokenCounts,
)

MAX_ANSWER = 1_000_000
"""Characters of one answer: of text, and of arguments."""
MAX_CALLS = 128


class EndpointError(Exception):
    """The endpoint reported an error in the middle of its answer."""

    def __init__(self, error: Any) -> None:
        super().__init__("the endpoint reported an error")
        self.error = error
        """As it was sent: an object or a string."""


class _Function(msgspec.Struct):
    name: str | None = None
    arguments: Any = None
    """JSON text, though some endpoints send the object itself."""


class _CallDelta(msgspec.Struct):
    index: int | None = None
    id: str | None = None
    function: _Function | None = None


class _Delta(msgspec.Struct):
    content: Any = None
    """Text; a list of parts at some endpoints."""
    refusal: str | None = None
    reasoning: Any = None
    reasoning_content: Any = None
    tool_calls: list[_CallDelta] | None = None


class _Choice(msgspec.Struct):
    index: int | None = 0
    delta: _Delta | None = None
    message: _Delta | None = None
    """In place of `delta`, where the endpoint does not stream."""
    finish_reason: str | None = None


class _CachedTokens(msgspec.Struct):
    cached_tokens: int | None = None


class _Usage(msgspec.Struct):
    prompt_tokens: int | None = None
    completion_tokens: int | None = None
    prompt_tokens_details: _CachedTokens | None = None


class _Chunk(msgspec.Struct):
    choices: list[_Choice] | None = None
    usage: _Usage | None = None
    error: Any = None


class _Call:
    """A function call on its way."""

    def __init__(self, call_id: str | None) -> None:
        self.call_id = call_id
        self.name: str | None = None
        self.opened = False
        self.said = ""
        """Arguments that were passed on."""
        self.pending = ""
        """Arguments that wait for the calls before this one."""

    def complete(self) -> bool:
        try:
            msgspec.json.decode(self.said)
        except (msgspec.DecodeError, RecursionError):
            return False
        return True


class Answer:
    """One answer, put together from its events. Calls that come side by side are passed on one after the
    other."""

    def __init__(self) -> None:
        self.generated = 0
        """How many events held something that the model made; reasoning, which is passed over, among it."""
        self.reason: str | None = None
        """Why the model ended, as the endpoint calls it; None while it goes on."""
        self._calls: list[_Call] = []
        self._by_index: dict[int, _Call] = {}
        self._current = 0
        """The call that is being passed on."""
        self._late_text: list[str] = []
        """Text that came while a call was open."""
        self._thoughts = _Thoughts()
        self._tokens: TokenCounts | None = None
        self._length = 0

    def feed(self, data: bytes) -> list[LanguagePart]:
        """One event's data. Raises InvalidAnswer and EndpointError."""
        try:
            chunk = msgspec.json.decode(data, type=_Chunk)
        except (msgspec.DecodeError, RecursionError):
            raise InvalidAnswer("it is not the JSON of a chat completion") from None
        if chunk.error:
            raise EndpointError(chunk.error)
        if chunk.usage is not None:
            self._tokens = _counted(chunk.usage)
        parts: list[LanguagePart] = []
        for choice in chunk.choices or ():
            if choice.index:
                continue  # nobody asked for a second one
            delta = choice.delta or choice.message
            if delta is not None:
                self._generated(delta, parts)
            if choice.finish_reason:
                self.reason = choice.finish_reason
        if self._length > MAX_ANSWER:
            raise InvalidAnswer("the answer is too long")
        return parts

    def finish(self) -> list[LanguagePart]:
        """The stream is over, and as it should be. The parts that remain, with the ResponseEnd."""
        parts: list[LanguagePart] = []
        self._text(self._thoughts.finish(), parts)
        if self.reason == "length":
            return [*parts, ResponseEnd("max_output_tokens", self._tokens)]
        if self.reason == "content_filter":
            return [*parts, ResponseEnd("content_filter", self._tokens)]
        self._pass_on(parts, over=True)
        if self._late_text:
            parts.append(TextDelta("".join(self._late_text)))
        return [*parts, ResponseEnd("completed", self._tokens)]

    def _generated(self, delta: _Delta, parts: list[LanguagePart]) -> None:
        text = _plain(delta.content) or delta.refusal or ""
        calls = delta.tool_calls or []
        self.generated += bool(text or calls or delta.reasoning or delta.reasoning_content)
        self._text(self._thoughts.feed(text), parts)
        for each in calls:
            call = self._call(each)
            if each.function is not None:
                call.name = call.name or each.function.name or None
                arguments = _json_text(each.function.arguments)
                call.pending += arguments
                self._length += len(arguments)
        self._pass_on(parts)

    def _text(self, text: str, parts: list[LanguagePart]) -> None:
        if not text:
            return
        self._length += len(text)
        if self._calls and self._current < len(self._calls):
            self._late_text.append(text)
        else:
            parts.append(TextDelta(text))

    def _call(self, delta: _CallDelta) -> _Call:
        """The call that a delta belongs to. Not every endpoint numbers its calls, or gives them ids, or
        repeats them; one that sends a new id or a whole new function begins a new call."""
        named = delta.function is not None and bool(delta.function.name)
        if delta.index is None:
            known = next((call for call in self._calls if delta.id and call.call_id == delta.id), None)
            if known is None and self._calls and not delta.id and not named:
                known = self._calls[-1]
        else:
            known = self._by_index.get(delta.index)
            if known and known.name and named and delta.id and known.call_id and delta.id != known.call_id:
                known = None
        if known is not None:
            known.call_id = known.call_id or delta.id or None
            return known
        if len(self._calls) == MAX_CALLS:
            raise InvalidAnswer("it has too many function calls")
        call = _Call(delta.id or None)
        self._calls.append(call)
        if delta.index is not None:
            self._by_index[delta.index] = call
        return call

    def _pass_on(self, parts: list[LanguagePart], *, over: bool = False) -> None:
        """Pass on what may be said of the calls: the current one as it comes, the next one once it is
        complete."""
        while self._current < len(self._calls):
            call = self._calls[self._current]
            if not call.opened:
                if call.name is None:
                    if over:
                        raise InvalidAnswer("a function call has no name")
                    return
                parts.append(FunctionCallStart(call.name, call.call_id))
                call.opened = True
            if over and not (call.said + call.pending).strip():
                call.pending = "{}"
            if call.pending:
                parts.append(FunctionCallDelta(call.pending))
                call.said += call.pending
                call.pending = ""
            last = self._current + 1 == len(self._calls)
            if not over and (last or not call.complete()):
                return
            parts.append(FunctionCallEnd())
            self._current += 1


class _Thoughts:
    """Drops the `<think>…</think>` with which some models' answers begin: it is not meant for the user."""

    _OPEN, _CLOSE = "<think>", "</think>"

    def __init__(self) -> None:
        self._state = "before"
        self._held = ""

    def feed(self, text: str) -> str:
        """More text; as much as is known to be the answer."""
        if self._state == "answer":
            return text
        self._held += text
        if self._state == "before":
            begun = self._held.lstrip()
            if begun.startswith(self._OPEN):
                self._state = "thinking"
            elif not self._OPEN.startswith(begun):
                return self._answer(self._held)
        if self._state == "thinking":
            _, closed, after = self._held.partition(self._CLOSE)
            if closed:
                self._state = "after"
                self._held = after
            else:
                self._held = self._held[-len(self._OPEN + self._CLOSE) :]
        if self._state == "after" and self._held.strip():
            return self._answer(self._held.lstrip())
        return ""

    def finish(self) -> str:
        return self._answer(self._held) if self._state == "before" else ""

    def _answer(self, text: str) -> str:
        self._state = "answer"
        self._held = ""
        return text


def _plain(content: Any) -> str:
    if isinstance(content, str):
        return content
    parts = content if isinstance(content, list) else []
    texts = [part.get("text") for part in parts if isinstance(part, dict)]
    return "".join(text for text in texts if isinstance(text, str))


def _json_text(arguments: Any) -> str:
    if arguments is None or isinstance(arguments, str):
        return arguments or ""
    return msgspec.json.encode(arguments).decode()


def _counted(usage: _Usage) -> TokenCounts | None:
    if usage.prompt_tokens is None or usage.completion_tokens is None:
        return None
    cached = usage.prompt_tokens_details.cached_tokens if usage.prompt_tokens_details else None
    return TokenCounts(usage.prompt_tokens, usage.completion_tokens, min(cached or 0, usage.prompt_tokens))
