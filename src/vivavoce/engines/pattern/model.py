"""The engine: what to answer to a conversation."""

import json
import re
from collections.abc import AsyncGenerator, Iterator, Sequence
from typing import Annotated, Any, ClassVar

import msgspec

from vivavoce.engines.pattern import rules
from vivavoce.engines.pattern.arguments import arguments
from vivavoce.engines.pattern.functions import THRESHOLD, best, name_stems
from vivavoce.engines.pattern.outputs import sentence
from vivavoce.engines.pattern.words import Utterance
from vivavoce.protocol.content import InputAudio, InputImage, InputText, OutputAudio, OutputText
from vivavoce.protocol.generation import (
    FunctionCallDelta,
    FunctionCallEnd,
    FunctionCallStart,
    LanguagePart,
    ResponseEnd,
    ResponseFailure,
    ResponseRequest,
    TextDelta,
    count_characters,
)
from vivavoce.protocol.items import (
    FunctionCall,
    FunctionCallOutput,
    Item,
    McpCall,
    McpHttpError,
    McpProtocolError,
    McpToolExecutionError,
    Message,
)
from vivavoce.protocol.tools import FunctionTool, ToolChoiceFunction

CHARACTERS_PER_TOKEN = 4
"""How tokens are counted here. `max_output_tokens` allows four times as many characters, of text and of
arguments together; text ends with the last word that fits whole."""

_SAY = re.compile(
    r"""\bsay\b[^"“”'‘’.\n]{0,40}
    (?:"(?P<straight>[^"]{1,1000})"|“(?P<curly>[^”]{1,1000})”|['‘](?P<single>.{1,1000}?)['’](?!\w))""",
    re.IGNORECASE | re.DOTALL | re.VERBOSE,
)
_ONLY_SAY = 30
"""Characters that instructions may have beside `say "…"` to be nothing but an order to say that."""
_MAX_ORDERS = 8000
"""Characters of the instructions that are searched for such an order."""
_PIECE = 16
"""Characters of arguments in one delta."""


class PatternOptions(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Options of the pattern engine."""

    context_tokens: Annotated[int, msgspec.Meta(ge=0)] = 32_768
    """How much of a conversation is read, in tokens of four characters; 0 for all of it."""
    rules: str | None = None
    """A TOML file with rules of your own in place of the built-in ones; relative to the working directory.
    The built-in file, `vivavoce/engines/pattern/rules.toml`, explains itself and is a good start."""


class PatternModel:
    """Answers by rules: the same conversation always gets the same answer.

    In this order it looks at: what the client demands (`tool_choice`, and instructions that are nothing but
    `say "…"`); the outputs of functions that were just called, which it tells; rules that call a function;
    declared functions whose name or description the words fit; rules that say something. What nothing fits
    it says back.
    """

    Options: ClassVar[type[msgspec.Struct]] = PatternOptions
    reasons = False
    translates = False

    def __init__(self, options: PatternOptions) -> None:
        self._options = options
        self._rules: rules.Rules | None = None

    @property
    def context_tokens(self) -> int:
        return self._options.context_tokens

    def count_tokens(self, text: str) -> int:
        return count_characters(text)

    async def start(self) -> None:
        """Read and check the rules. Raises EngineError with the file, the rule and the reason."""
        self._rules = rules.load(self._options.rules)

    async def aclose(self) -> None:
        """There is nothing to end."""

    async def generate(self, request: ResponseRequest) -> AsyncGenerator[LanguagePart, None]:
        if self._rules is None:
            raise RuntimeError("The pattern engine was not started.")
        answer = _answer(request, self._rules)
        if isinstance(answer, ResponseFailure):
            yield answer
            return
        most = request.max_output_tokens
        budget = None if most == "inf" else most * CHARACTERS_PER_TOKEN
        if isinstance(answer, str):
            text, whole = _within(answer, budget)
            for word in re.findall(r"\S+\s*|\s+", text):
                yield TextDelta(word)
        else:
            encoded = json.dumps(answer.arguments, ensure_ascii=False, separators=(",", ":"))
            whole = budget is None or len(encoded) <= budget
            yield FunctionCallStart(answer.name)
            for piece in _pieces(encoded[:budget]):
                yield FunctionCallDelta(piece)
            if whole:
                yield FunctionCallEnd()
        yield ResponseEnd("completed" if whole else "max_output_tokens")


class _Call(msgspec.Struct, frozen=True):
    name: str
    arguments: dict[str, Any]


def _answer(request: ResponseRequest, known: rules.Rules) -> str | _Call | ResponseFailure:
    """What to say, or what to call."""
    message = next((item for item in reversed(request.items) if _is_message(item, "user")), None)
    text, picture = _said(message) if message else ("", False)
    heard = Utterance(text)
    functions = [tool for tool in request.tools if isinstance(tool, FunctionTool)]
    choice = request.tool_choice
    if isinstance(choice, ToolChoiceFunction):
        functions = [tool for tool in functions if tool.name == choice.name]
        if not functions:
            problem = f"Tool choice '{choice.name}' not found in 'tools' parameter."
            return ResponseFailure("invalid_request_error", "invalid_value", problem)
    elif choice == "none":
        functions = []
    fitting = best(functions, heard)
    if fitting and (choice == "required" or isinstance(choice, ToolChoiceFunction)):
        return _ruled_call(functions, heard, known) or _call(fitting[0], heard)
    last = request.items[-1] if request.items else None
    order = _SAY.search(_orders(request, last))
    if order and len(order.string) - len(order[0]) <= _ONLY_SAY:
        return _quoted(order)
    outputs = _outputs(request.items)
    if outputs:
        return " ".join(map(sentence, outputs))
    if order and (message is None or last is not message):
        return _quoted(order)
    if message is None:
        return known.answers.greeting
    if not heard.words:
        return known.answers.picture if picture and not text else known.answers.nothing_heard
    call = _ruled_call(functions, heard, known)
    if call:
        return call
    if fitting and fitting[1] >= THRESHOLD:
        return _call(fitting[0], heard)
    match = known.saying(text)
    if match is None:
        return rules.fill(known.answers.otherwise, {"heard": heard.text})
    said_before = _said_before(request.items) or known.answers.nothing_said_yet
    values = {"heard": heard.text, "last_answer": said_before, **match.groups}
    return rules.fill(match.rule.says or "", values).strip()


def _ruled_call(functions: Sequence[FunctionTool], heard: Utterance, known: rules.Rules) -> _Call | None:
    """The call that a rule demands."""
    named = {tool.name: tool for tool in functions}
    match = known.calling(heard.text, frozenset(named))
    if match is None or match.rule.calls is None:
        return None
    values = {"heard": heard.text, **match.groups}
    given = {name: _filled(value, values) for name, value in match.rule.arguments.items()}
    return _call(named[match.rule.calls], heard, given)


def _call(tool: FunctionTool, heard: Utterance, given: dict[str, Any] | None = None) -> _Call:
    """A call with the arguments that are given and those that are found in what was said."""
    schema = tool.parameters if isinstance(tool.parameters, dict) else {}
    return _Call(tool.name, arguments(schema, heard, name_stems(tool), given or {}))


def _filled(value: Any, values: dict[str, str]) -> Any:
    if isinstance(value, str):
        return rules.fill(value, values)
    if isinstance(value, dict):
        return {key: _filled(each, values) for key, each in value.items()}
    return [_filled(each, values) for each in value] if isinstance(value, list) else value


def _is_message(item: Item, role: str) -> bool:
    return isinstance(item, Message) and item.role == role


def _said(message: Item) -> tuple[str, bool]:
    """What a user said or wrote in a message, and whether there is a picture in it."""
    texts: list[str] = []
    picture = False
    for part in message.content if isinstance(message, Message) else ():
        match part:
            case InputText(text=text):
                texts.append(text)
            case InputAudio(transcript=str(transcript)):
                texts.append(transcript)
            case InputImage():
                picture = True
            case _:
                pass
    return " ".join(filter(None, map(str.strip, texts))), picture


def _said_before(items: Sequence[Item]) -> str:
    """What the assistant said last, as far as it was heard."""
    for item in reversed(items):
        if isinstance(item, Message) and item.role == "assistant":
            texts = [
                part.text if isinstance(part, OutputText) else part.transcript
                for part in item.content
                if isinstance(part, OutputText | OutputAudio)
            ]
            said = " ".join(text.strip() for text in texts if isinstance(text, str) and text.strip())
            if said:
                return said
    return ""


def _outputs(items: Sequence[Item]) -> list[str]:
    """What the functions returned that were called since the last message."""
    outputs: list[str] = []
    for item in reversed(items):
        match item:
            case FunctionCallOutput(output=output) | McpCall(output=str(output)):
                outputs.append(output)
            case McpCall(error=McpProtocolError() | McpToolExecutionError() | McpHttpError() as error):
                outputs.append(msgspec.json.encode({"error": error.message}).decode())
            case FunctionCall() | McpCall():
                pass
            case _:
                break
    return outputs[::-1]


def _orders(request: ResponseRequest, last: Item | None) -> str:
    """Who tells the assistant what to do now: a system message that stands last, or else the instructions."""
    if isinstance(last, Message) and last.role == "system":
        return " ".join(part.text for part in last.content if isinstance(part, InputText))[
            :_MAX_ORDERS
        ].strip()
    return request.instructions[:_MAX_ORDERS].strip()


def _quoted(order: re.Match[str]) -> str:
    return str(order["straight"] or order["curly"] or order["single"]).strip()


def _within(text: str, budget: int | None) -> tuple[str, bool]:
    """As much of the text as the budget of characters allows, and whether that is all of it."""
    if budget is None or len(text) <= budget:
        return text, True
    cut = text[: budget + 1]
    return cut[: max(cut.rfind(" "), cut.rfind("\n"))].rstrip() or text[:budget], False


def _pieces(text: str) -> Iterator[str]:
    for start in range(0, len(text), _PIECE):
        yield text[start : start + _PIECE]
