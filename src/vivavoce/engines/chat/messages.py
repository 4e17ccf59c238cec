"""A request as the body of a chat completion: the conversation as messages, the tools as theirs."""

import re
from collections.abc import Iterable, Sequence
from typing import Any

import msgspec

from vivavoce.engines.chat.options import ChatOptions
from vivavoce.protocol.content import (
    AudioPart,
    InputAudio,
    InputImage,
    InputText,
    OutputAudio,
    OutputText,
    TextPart,
)
from vivavoce.protocol.generation import ResponseRequest
from vivavoce.protocol.items import (
    FunctionCall,
    FunctionCallOutput,
    Item,
    McpApprovalResponse,
    McpCall,
    McpHttpError,
    McpProtocolError,
    McpToolExecutionError,
    Message,
)
from vivavoce.protocol.tools import FunctionTool, ToolChoiceFunction

NOT_UNDERSTOOD = "(The user said something that could not be understood.)"
A_PICTURE = "(The user showed a picture.)"
NO_RESULT = "(There is no result yet.)"
BEGIN = "(The conversation begins.)"
"""Words that stand in where the endpoint needs some and the conversation has none."""


def body(request: ResponseRequest, options: ChatOptions) -> dict[str, Any]:
    """The JSON object to post."""
    written: dict[str, Any] = {
        "model": options.model,
        "messages": messages(request, options),
        "stream": True,
    }
    if options.stream_usage:
        written["stream_options"] = {"include_usage": True}
    temperature = options.temperature if request.temperature is None else request.temperature
    if temperature is not None:
        written["temperature"] = temperature
    if options.reasoning and request.reasoning is not None:
        written["reasoning_effort"] = request.reasoning
    if request.max_output_tokens != "inf":
        written[options.max_tokens_field] = request.max_output_tokens
    tools = [_tool(tool) for tool in request.tools if isinstance(tool, FunctionTool)]
    if tools:
        written["tools"] = tools
        if options.reasoning and request.parallel_tool_calls is not None:
            written["parallel_tool_calls"] = request.parallel_tool_calls
        match request.tool_choice:
            case "none" | "required" as choice:
                written["tool_choice"] = choice
            case ToolChoiceFunction(name=name):
                written["tool_choice"] = {"type": "function", "function": {"name": name}}
            case _:
                pass  # "auto" is the default, and tools of MCP servers are none of the endpoint's
    return written | options.extra_body


def messages(request: ResponseRequest, options: ChatOptions) -> list[dict[str, Any]]:
    """The instructions and the conversation.

    Endpoints want every call answered directly after the message that makes it: the calls that follow each
    other become one message, with the answers behind it wherever in the conversation they stand, and with
    `NO_RESULT` in the place of those that are missing."""
    items = _recent(request.items, options.max_items)
    outputs: dict[str, list[str]] = {}
    for item in items:
        if isinstance(item, FunctionCallOutput):
            outputs.setdefault(item.call_id, []).append(item.output)
    called = {_call_id(item) for item in items if isinstance(item, FunctionCall)}
    written: list[dict[str, Any]] = []
    if request.instructions.strip():
        written.append(_system(request.instructions))
    answers: list[dict[str, Any]] = []
    """The answers to the calls of the last message."""
    for item in items:
        if isinstance(item, FunctionCall | McpCall):
            call, answer = _call(item, outputs)
            if answers:
                written[-1]["tool_calls"].append(call)
            elif written and written[-1]["role"] == "assistant" and "tool_calls" not in written[-1]:
                written[-1]["tool_calls"] = [call]
            else:
                written.append({"role": "assistant", "content": None, "tool_calls": [call]})
            answers.append(answer)
            continue
        written += answers
        answers = []
        match item:
            case Message():
                written += _message(item, options)
            case FunctionCallOutput(call_id=call_id, output=output) if call_id not in called:
                written.append(_system(f"A function that was called earlier returned: {output}"))
            case McpApprovalResponse(approve=False, reason=reason):
                because = f": {reason}" if isinstance(reason, str) and reason else "."
                written.append(_system(f"The user did not allow the call{because}"))
            case _:
                pass  # answers stand with their calls; lists of tools and requests for approval say nothing
    written += answers
    if all(message["role"] == "system" for message in written):
        written.append({"role": "user", "content": BEGIN})
    return written


def _recent(items: Sequence[Item], most: int | None) -> Sequence[Item]:
    """The last items, without answers to calls that are no longer among them at their beginning."""
    if most is None or len(items) <= most:
        return items
    recent = items[-most:]
    start = 0
    while start < len(recent) and isinstance(recent[start], FunctionCallOutput):
        start += 1
    return recent[start:]


def _message(message: Message, options: ChatOptions) -> list[dict[str, Any]]:
    if message.role != "user":
        text = "\n".join(filter(None, _texts(message)))
        return [{"role": message.role, "content": text}] if text.strip() else []
    images = [part for part in message.content if isinstance(part, InputImage)]
    if not images or not options.images:
        text = "\n".join(filter(None, _texts(message)))
        return [{"role": "user", "content": text}] if text.strip() else []
    parts: list[dict[str, Any]] = []
    for part in message.content:
        if isinstance(part, InputImage):
            image = {"url": part.image_url}
            if isinstance(part.detail, str):
                image["detail"] = part.detail
            parts.append({"type": "image_url", "image_url": image})
        else:
            parts += [{"type": "text", "text": text} for text in _text(part) if text]
    return [{"role": "user", "content": parts}]


def _texts(message: Message) -> Iterable[str]:
    return [text for part in message.content for text in _text(part)]


def _text(part: Any) -> Iterable[str]:
    """What a content part says, in words."""
    match part:
        case InputText(text=text) | OutputText(text=text) | TextPart(text=text):
            yield text
        case InputAudio(transcript=transcript):
            yield transcript if isinstance(transcript, str) and transcript.strip() else NOT_UNDERSTOOD
        case OutputAudio(transcript=str(transcript)) | AudioPart(transcript=str(transcript)):
            yield transcript
        case InputImage():
            yield A_PICTURE
        case _:
            pass  # speech of which nothing was heard


def _call(
    item: FunctionCall | McpCall, outputs: dict[str, list[str]]
) -> tuple[dict[str, Any], dict[str, Any]]:
    """A call, and the message that answers it."""
    if isinstance(item, FunctionCall):
        call_id = _call_id(item)
        name = item.name
        answer = "\n".join(outputs[call_id]) if call_id in outputs else NO_RESULT
    else:
        call_id = item.id if isinstance(item.id, str) else f"mcp_{item.name}"
        name = re.sub("[^A-Za-z0-9_-]", "_", f"{item.server_label}_{item.name}")[:64]
        answer = item.output if isinstance(item.output, str) else NO_RESULT
        if isinstance(item.error, McpProtocolError | McpToolExecutionError | McpHttpError):
            answer = f"The call failed: {item.error.message}"
    function = {"name": name, "arguments": _arguments(item.arguments)}
    return (
        {"id": call_id, "type": "function", "function": function},
        {"role": "tool", "tool_call_id": call_id, "content": answer},
    )


def _call_id(item: FunctionCall) -> str:
    return item.call_id if isinstance(item.call_id, str) else f"call_{item.name}"


def _arguments(text: str) -> str:
    """Arguments as they were, or none where they are no JSON object: those of a call that was cut off."""
    try:
        return text if isinstance(msgspec.json.decode(text), dict) else "{}"
    except (msgspec.DecodeError, RecursionError):
        return "{}"


def _tool(tool: FunctionTool) -> dict[str, Any]:
    function: dict[str, Any] = {"name": tool.name}
    if isinstance(tool.description, str):
        function["description"] = tool.description
    parameters = tool.parameters if isinstance(tool.parameters, dict) else {}
    function["parameters"] = parameters or {"type": "object", "properties": {}}
    return {"type": "function", "function": function}


def _system(text: str) -> dict[str, Any]:
    return {"role": "system", "content": text}
