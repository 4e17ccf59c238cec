"""The conversation: one ordered list of items, and what each item holds beyond what its events show."""

from collections.abc import Iterator
from enum import Enum, auto
from unicodedata import east_asian_width

import msgspec
import pybase64
from msgspec import UNSET

from vivavoce.protocol import (
    AudioFormat,
    ContentPart,
    FunctionCall,
    FunctionCallOutput,
    InputAudio,
    InputImage,
    InputText,
    Item,
    McpApprovalRequest,
    McpCall,
    Message,
    OutputAudio,
    OutputText,
)
from vivavoce.session.clock import TICKS_PER_MS, format_name, milliseconds, size, ticks
from vivavoce.session.input_buffer import Clip
from vivavoce.session.tool_items import FunctionName, complaint, tool_for_prompt

ROOT = "root"
"""The `previous_item_id` that means "before all others"."""


class Understanding(Enum):
    """Whether it is known what was said in an item's input audio."""

    NOT_NEEDED = auto()
    """No input audio, or nobody needs its words."""
    PENDING = auto()
    DONE = auto()
    FAILED = auto()


class Answer:
    """What a response says in one message: text, or speech with its transcript and the words' places in it.

    `marks` are pairs (ticks, characters): when so much of the audio has played, so many characters of the
    transcript have been heard in full.
    """

    __slots__ = ("_cut", "_pieces", "audio", "format", "length", "marks")

    def __init__(self, format: AudioFormat | None) -> None:
        self.format = format
        """The format of `audio`; None for a message of text."""
        self.audio = bytearray()
        self.marks: list[tuple[int, int]] = []
        self.length = 0
        """Characters of text."""
        self._pieces: list[str] = []
        self._cut: str | None = None

    @property
    def text(self) -> str:
        """All that was written, as its deltas add up."""
        if len(self._pieces) > 1:
            self._pieces = ["".join(self._pieces)]
        return self._pieces[0] if self._pieces else ""

    @property
    def kept(self) -> str:
        """What of the text belongs to history: all of it, or after a truncation the words that were heard."""
        return self.text if self._cut is None else self._cut

    @property
    def is_cut(self) -> bool:
        """Whether there was a truncation."""
        return self._cut is not None

    @property
    def ticks(self) -> int:
        """Length of the audio that is kept."""
        return ticks(len(self.audio), self.format) if self.format is not None else 0

    def write(self, text: str) -> None:
        self._pieces.append(text)
        self.length += len(text)

    def speak(self, audio: bytes, spoken: int) -> None:
        """Add a piece of speech after which `spoken` characters are said; after a cut nothing is kept any
        more."""
        if self._cut is not None:
            return
        self.audio += audio
        spoken = max(0, min(spoken, self.length))
        if not self.marks or self.marks[-1][1] < spoken:
            self.marks.append((self.ticks, spoken))

    def truncate(self, end_ms: int) -> None:
        """Keep the audio of the first `end_ms` and the words that are fully spoken in it."""
        assert self.format is not None
        heard = 0
        for position, characters in self.marks:
            if milliseconds(position) > end_ms:
                break
            heard = characters
        kept = self.kept
        while _inside_word(kept, heard):
            heard -= 1
        self._cut = kept[:heard].rstrip()
        del self.audio[size(end_ms * TICKS_PER_MS, self.format) :]


def _inside_word(text: str, at: int) -> bool:
    return 0 < at < len(text) and _in_words(text[at - 1]) and _in_words(text[at])


def _in_words(character: str) -> bool:
    """Whether a word goes on with this character; wide ones (Chinese, Japanese, Korean) stand for
    themselves."""
    return (character.isalnum() or character in "'’") and east_asian_width(character) not in "WF"


class ItemTokens(msgspec.Struct, frozen=True, kw_only=True):
    """What it costs to read an item, in tokens."""

    text: int
    """Of its texts, transcripts of the assistant's speech among them, and of the item itself."""
    audio: int
    image: int
    words: int
    """Of the words that were understood in the user's audio: what a model reads that cannot hear."""


class StoredItem:
    """An item of the conversation with everything that belongs to it.

    `item` is the item as its events show it. `clips` holds the input audio of each content part that has
    some, by content index. `answer` is what a response said in it. `heard` is what was understood of the
    input audio, whether the client asked for a transcript or not. `counted` is what it costs to read it, and
    `prompted` how a responder reads it that does not hear, each with the form of the item for which that
    holds. `dropped`: truncation has dropped it for good.
    `folded`: a summary stands for it, or it is that summary (`is_summary`).
    """

    __slots__ = (
        "answer",
        "clips",
        "counted",
        "dropped",
        "folded",
        "heard",
        "is_summary",
        "item",
        "n_bytes",
        "prompted",
        "understanding",
    )

    def __init__(
        self, item: Item, *, clips: dict[int, Clip] | None = None, answer: Answer | None = None
    ) -> None:
        self.item = item
        self.clips = clips or {}
        self.answer = answer
        self.n_bytes = self._size()
        """What it came with; what is said in it later does not count."""
        self.heard = ""
        self.understanding = Understanding.NOT_NEEDED
        self.counted: tuple[Item, ItemTokens] | None = None
        self.prompted: tuple[Item, Message] | None = None
        self.dropped = self.folded = self.is_summary = False

    @property
    def id(self) -> str:
        assert isinstance(self.item.id, str)
        return self.item.id

    def _size(self) -> int:
        return len(msgspec.json.encode(self.item)) + sum(len(clip.audio) for clip in self.clips.values())

    def replace(self, item: Item) -> int:
        """Make it another item of the same id; returns by how many bytes it has grown."""
        before, self.item = self.n_bytes, item
        self.n_bytes = self._size()
        return self.n_bytes - before

    @property
    def is_users(self) -> bool:
        """Whether a user said it."""
        return isinstance(self.item, Message) and self.item.role == "user"

    @property
    def is_settled(self) -> bool:
        """Whether all is there that belongs to this form of it: no response writes it, and no words are
        waited for."""
        writing = getattr(self.item, "status", None) == "in_progress"
        return not writing and self.understanding is not Understanding.PENDING

    @property
    def input_ticks(self) -> int:
        """Length of the input audio in it."""
        return sum([clip.ticks for clip in self.clips.values()])

    def transcribe(self, transcript: str) -> None:
        """Show the transcript in the item from now on, in its first audio part."""
        assert isinstance(self.item, Message)
        content = list(self.item.content)
        content[min(self.clips)] = InputAudio(transcript=transcript)
        self.item = msgspec.structs.replace(self.item, content=tuple(content))

    def retrieved(self) -> Item:
        """The item with its audio, as `conversation.item.retrieved` shows it."""
        item = self.item
        if isinstance(item, FunctionCall | FunctionCallOutput):
            return msgspec.structs.replace(item, object="realtime.item")
        if not isinstance(item, Message):
            return item  # no item of MCP has a place for `object`
        content: list[ContentPart] = [
            msgspec.structs.replace(
                part, audio=_base64(self.clips[index].audio), format=format_name(self.clips[index].format)
            )
            if isinstance(part, InputAudio) and index in self.clips
            else part
            for index, part in enumerate(item.content)
        ]
        if self.answer is not None:
            content = [self._retrieved_answer(self.answer)]
        return msgspec.structs.replace(item, object="realtime.item", content=tuple(content))

    def _retrieved_answer(self, answer: Answer) -> OutputAudio | OutputText:
        if answer.format is None:
            return OutputText(text=answer.kept)
        return OutputAudio(
            audio=_base64(bytes(answer.audio)), transcript=answer.kept, format=format_name(answer.format)
        )

    def for_prompt(self, function: FunctionName, *, with_audio: bool) -> tuple[Item, ...]:
        """The item as a responder sees it: heard words in `transcript`, input audio only if it hears for
        itself. A call of an MCP server's tool is a function's call and its output; `function` says under
        which name."""
        match self.item:
            case Message() as message:
                return (self._message_for_prompt(message, with_audio=with_audio),)
            case FunctionCall() | FunctionCallOutput() as item:
                return (item,)
            case item:
                return tool_for_prompt(item, function)

    def _message_for_prompt(self, item: Message, *, with_audio: bool) -> Message:
        if self.prompted is not None and self.prompted[0] is item and not with_audio:
            return self.prompted[1]
        message = self._as_prompt(item, with_audio=with_audio)
        if self.is_settled and not with_audio:
            self.prompted = (item, message)
        return message

    def _as_prompt(self, item: Message, *, with_audio: bool) -> Message:
        if self.answer is not None:
            kept = self.answer.kept
            spoken = self.answer.format is not None
            part = OutputAudio(transcript=kept) if spoken else OutputText(text=kept)
            return msgspec.structs.replace(item, content=(part,))
        if not self.clips:
            return item
        first = min(self.clips)
        content: list[ContentPart] = [
            InputAudio(
                transcript=self.heard if index == first else "",
                audio=_base64(self.clips[index].audio) if with_audio else UNSET,
                format=self.clips[index].format if with_audio else UNSET,
            )
            if isinstance(part, InputAudio) and index in self.clips
            else part
            for index, part in enumerate(item.content)
        ]
        return msgspec.structs.replace(item, content=tuple(content))

    def truncate(self, end_ms: int) -> None:
        """Keep what was heard in the first `end_ms` of the assistant's audio."""
        answer, item = self.answer, self.item
        assert answer is not None
        assert isinstance(item, Message)
        answer.truncate(end_ms)
        if item.content:
            self.item = msgspec.structs.replace(item, content=(OutputAudio(transcript=answer.kept),))

    @property
    def answer_ms(self) -> int | None:
        """Length of the assistant's audio; None where there is none that could be truncated."""
        if self.answer is None or not self.answer.marks:
            return None
        return milliseconds(self.answer.ticks)

    def texts(self) -> Iterator[str]:
        """Every text in the item that a language model reads, transcripts of its own speech included."""
        match self.item:
            case Message(content=content):
                if self.answer is not None:
                    yield self.answer.kept
                    return
                for part in content:
                    match part:
                        case InputAudio():
                            pass  # what is understood of it is in `heard`
                        case InputText(text=text) | OutputText(text=text):
                            yield text
                        case OutputAudio(transcript=str(transcript)):
                            yield transcript
            case FunctionCall(name=name, arguments=arguments):
                yield name
                yield arguments
            case FunctionCallOutput(output=output):
                yield output
            case McpCall(name=name, arguments=arguments, output=output, error=error):
                yield name
                yield arguments
                yield output if isinstance(output, str) else complaint(error)
            case McpApprovalRequest(name=name, arguments=arguments):
                yield name
                yield arguments

    @property
    def images(self) -> list[InputImage]:
        item = self.item
        return [p for p in item.content if isinstance(p, InputImage)] if isinstance(item, Message) else []


class Conversation:
    """The items in order. Every id stands in it once."""

    def __init__(self, id: str) -> None:
        self.id = id
        self.n_bytes = 0
        """What its items came with."""
        self.has_assistant_audio = False
        """Whether the assistant's voice was ever heard in it: then it cannot change any more."""
        self.summary: StoredItem | None = None
        """What stands for the items that are folded. It is no item of the conversation."""
        self._items: list[StoredItem] = []
        self._by_id: dict[str, StoredItem] = {}

    def __len__(self) -> int:
        return len(self._items)

    def __iter__(self) -> Iterator[StoredItem]:
        return iter(self._items)

    def __contains__(self, item_id: str) -> bool:
        return item_id in self._by_id

    def get(self, item_id: str) -> StoredItem | None:
        return self._by_id.get(item_id)

    @property
    def last_id(self) -> str | None:
        return self._items[-1].id if self._items else None

    def previous_id(self, stored: StoredItem) -> str | None:
        """The id of the item in front of this one; None for the first, and for one that is gone."""
        if self._by_id.get(stored.id) is not stored:
            return None
        index = self._items.index(stored)
        return self._items[index - 1].id if index else None

    def add(self, stored: StoredItem, after: str | None = None) -> str | None:
        """Put an item at the end, after the item `after`, or first (ROOT); returns the id in front of it."""
        assert stored.id not in self._by_id
        if after is None:
            index = len(self._items)
        else:
            index = 0 if after == ROOT else self._items.index(self._by_id[after]) + 1
        self._items.insert(index, stored)
        self._by_id[stored.id] = stored
        self.n_bytes += stored.n_bytes
        return self._items[index - 1].id if index else None

    def replace(self, stored: StoredItem, item: Item) -> None:
        """Make a stored item another one of the same id, wherever it stands now."""
        grown = stored.replace(item)
        if self._by_id.get(stored.id) is stored:
            self.n_bytes += grown

    def remove(self, item_id: str) -> StoredItem:
        stored = self._by_id.pop(item_id)
        self._items.remove(stored)
        self.n_bytes -= stored.n_bytes
        return stored

    @property
    def present(self) -> tuple[StoredItem, ...]:
        """What responses may still see: the summary of what came before, if there is one, and the items."""
        items = (stored for stored in self._items if not (stored.dropped or stored.folded))
        return tuple(items) if self.summary is None else (self.summary, *items)

    def unfold(self) -> None:
        """There is no summary any more."""
        self.summary = None
        for stored in self._items:
            stored.folded = False

    def restore(self) -> None:
        """Nothing counts as dropped any more."""
        for stored in self._items:
            stored.dropped = False

    def has_function_call(self, call_id: str) -> bool:
        return any(isinstance(s.item, FunctionCall) and s.item.call_id == call_id for s in self)


def _base64(audio: bytes) -> str:
    return pybase64.b64encode_as_string(audio)
