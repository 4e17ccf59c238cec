"""What the endpoint sends, without I/O: one object, or events, into transcripts.

There are two kinds of events: `transcript.text.delta` and `transcript.text.done` of OpenAI's own endpoint,
and the chunks that vLLM sends, which look like those of a chat completion.
"""

from typing import Any

import msgspec

from vivavoce.engines.endpoint.lines import InvalidAnswer
from vivavoce.engines.interfaces import TokenLogprob, Transcript

MAX_TEXT = 1_000_000
"""Characters of one transcript."""


class EndpointError(Exception):
    """The endpoint reported an error in the middle of its answer."""

    def __init__(self, error: Any) -> None:
        super().__init__("the endpoint reported an error")
        self.error = error
        """As it was sent."""


class _Logprob(msgspec.Struct):
    token: str
    logprob: float


class _Delta(msgspec.Struct):
    content: str | None = None


class _Choice(msgspec.Struct):
    delta: _Delta | None = None
    finish_reason: str | None = None


class _Answer(msgspec.Struct):
    """The object of an answer in one piece, and any event."""

    type: str | None = None
    text: str | None = None
    delta: str | None = None
    choices: list[_Choice] | None = None
    logprobs: list[_Logprob] | None = None
    error: Any = None


_decoder = msgspec.json.Decoder(_Answer)


def whole(content: bytes) -> Transcript:
    """The transcript of an answer in one piece. Raises InvalidAnswer, EndpointError."""
    answer = _decoded(content)
    if answer.text is None:
        raise InvalidAnswer("there is no text in it")
    return _final(answer.text.strip(), answer.logprobs)


class StreamedAnswer:
    """The transcript of a streamed answer, as it grows: what was sent stands."""

    def __init__(self) -> None:
        self._text = ""
        self.over = False
        """Whether the final transcript was among what `feed` returned."""

    def feed(self, event: bytes) -> Transcript | None:
        """The transcript after one more event, if that says anything about it. Raises InvalidAnswer,
        EndpointError."""
        answer = _decoded(event)
        if answer.type == "transcript.text.done":
            return self._end(answer)
        if answer.type == "transcript.text.delta":
            return self._grown(answer.delta or "")
        grown = None
        for choice in answer.choices or ():
            if choice.delta is not None and choice.delta.content:
                grown = self._grown(choice.delta.content)
            if choice.finish_reason is not None:
                grown = self._end(answer)
        return grown

    def _grown(self, more: str) -> Transcript | None:
        if not self._text:
            more = more.lstrip()
        if not more:
            return None
        self._text += more
        if len(self._text) > MAX_TEXT:
            raise InvalidAnswer("it is too long")
        return Transcript(self._text, stable=len(self._text.rstrip()))

    def _end(self, answer: _Answer) -> Transcript:
        self.over = True
        sent = self._text.rstrip()
        text = (answer.text or "").strip()
        return _final(text if text.startswith(sent) else sent, answer.logprobs)


def _decoded(content: bytes) -> _Answer:
    try:
        answer = _decoder.decode(content)
    except msgspec.ValidationError:
        raise InvalidAnswer("it is not shaped like a transcript") from None
    except (msgspec.DecodeError, RecursionError, UnicodeDecodeError):
        raise InvalidAnswer("it is not JSON") from None
    if answer.error is not None:
        raise EndpointError(answer.error)
    return answer


def _final(text: str, logprobs: list[_Logprob] | None) -> Transcript:
    """The last transcript. Log-probabilities are those of its own text or none."""
    if len(text) > MAX_TEXT:
        raise InvalidAnswer("it is too long")
    tokens = tuple(TokenLogprob(each.token, min(each.logprob, 0.0)) for each in logprobs or ())
    if tokens and tokens[0].token.lstrip():
        tokens = (TokenLogprob(tokens[0].token.lstrip(), tokens[0].logprob), *tokens[1:])
    fits = "".join(each.token for each in tokens) == text
    return Transcript(text, final=True, logprobs=tokens if fits else ())
