"""Items as clients hand them in, made into stored ones."""

import msgspec
from msgspec import UNSET

from vivavoce.protocol import (
    AudioFormat,
    AudioPCM,
    ContentPart,
    FunctionCall,
    FunctionCallOutput,
    InputAudio,
    InputItem,
    InvalidEvent,
    Item,
    ItemReference,
    McpApprovalRequest,
    McpApprovalResponse,
    McpCall,
    McpListTools,
    Message,
    decode_audio,
    errors,
)
from vivavoce.session.conversation import Conversation, StoredItem
from vivavoce.session.ids import Ids
from vivavoce.session.input_buffer import Clip


def stored_item(item: Item, path: str, ids: Ids, format: AudioFormat) -> StoredItem:
    """A client's item with an id, its status and its audio taken out of the wire form.

    `path` is where it stands in the event, for errors; `format` is what its audio is in. Raises InvalidEvent.
    """
    item_id = item.id if isinstance(item.id, str) and item.id else ids("item")
    match item:
        case Message(role=role, content=parts):
            clips: dict[int, Clip] = {}
            content: list[ContentPart] = []
            for index, part in enumerate(parts):
                if isinstance(part, InputAudio):
                    where = f"{path}.content[{index}].audio"
                    clips[index] = _clip(part.audio if isinstance(part.audio, str) else "", where, format)
                    part = InputAudio(transcript=part.transcript or None)
                content.append(part)
            message = Message(id=item_id, status="completed", role=role, content=tuple(content))
            return StoredItem(message, clips=clips)
        case FunctionCall(call_id=call_id):
            call = msgspec.structs.replace(
                item,
                id=item_id,
                object=UNSET,
                status="completed",
                call_id=call_id if isinstance(call_id, str) and call_id else ids("call"),
            )
            return StoredItem(call)
        case FunctionCallOutput():
            output = msgspec.structs.replace(item, id=item_id, object=UNSET, status="completed")
            return StoredItem(output)
        case McpCall(output=output, error=error):
            kept = msgspec.structs.replace(
                item,
                id=item_id,
                output=None if output is UNSET else output,
                error=None if error is UNSET else error,
            )
            return StoredItem(kept)
        case McpListTools() | McpApprovalRequest() | McpApprovalResponse():
            return StoredItem(msgspec.structs.replace(item, id=item_id))


def _clip(text: str, path: str, format: AudioFormat) -> Clip:
    audio = decode_audio(text, path)
    whole = len(audio) // 2 * 2 if isinstance(format, AudioPCM) else len(audio)
    if not whole:
        raise InvalidEvent(errors.bad_audio(path, empty=False))
    return Clip(audio[:whole], format)


def check_call(stored: StoredItem, conversation: Conversation) -> None:
    """The output of a function belongs to a call of this conversation; raises InvalidEvent otherwise."""
    item = stored.item
    if isinstance(item, FunctionCallOutput) and not conversation.has_function_call(item.call_id):
        raise InvalidEvent(errors.unknown_tool_call(item.call_id))


def context(
    input: tuple[InputItem, ...], conversation: Conversation, ids: Ids, format: AudioFormat
) -> tuple[tuple[StoredItem, ...], list[StoredItem]]:
    """The items that a response's `input` names, and those among them that are new. Raises InvalidEvent.

    The new ones get ids of their own, whatever the client calls them: they enter no conversation, and must
    not be taken for an item that did.
    """
    items: list[StoredItem] = []
    new: list[StoredItem] = []
    for index, entry in enumerate(input):
        path = f"response.input[{index}]"
        if isinstance(entry, ItemReference):
            stored = conversation.get(entry.id)
            if stored is None:
                raise InvalidEvent(errors.unknown_item_reference(f"{path}.id", entry.id))
        else:
            stored = stored_item(msgspec.structs.replace(entry, id=UNSET), path, ids, format)
            new.append(stored)
        items.append(stored)
    return tuple(items), new
