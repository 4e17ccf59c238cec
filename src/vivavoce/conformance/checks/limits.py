"""How much a server takes."""

import pybase64

from vivavoce.conformance.caller import Caller
from vivavoce.conformance.check import APPENDS, Source, check, require_equal
from vivavoce.conformance.checks.items import add
from vivavoce.conformance.sound import silence
from vivavoce.conformance.steering import WEATHER
from vivavoce.conformance.words import item_create

TOO_LONG = "string_above_max_length"
MEBIBYTE = 2**20


@check("limits.text", "A text of 256,000 characters is taken.", Source.REPORTS, believed=True)
async def text(caller: Caller) -> None:
    peer = await caller.session()
    await add(peer, peer.words.user("a" * 256_000))


@check("limits.text-over", "A longer text is refused.", Source.REPORTS, believed=True)
async def text_over(caller: Caller) -> None:
    peer = await caller.session()
    error = await peer.refused(item_create(peer.words.user("a" * 256_001)))
    require_equal(error.get("code"), TOO_LONG, "The code of the error")
    require_equal(error.get("param"), "item.content[0].text", "The param of the error")


@check("limits.event-id", "An `event_id` of 512 characters is taken.", Source.REFERENCE)
async def event_id(caller: Caller) -> None:
    peer = await caller.session()
    await peer.send({"type": "input_audio_buffer.clear", "event_id": "e" * 512})
    await peer.expect("input_audio_buffer.cleared")


@check("limits.event-id-over", "A longer `event_id` is refused.", Source.REFERENCE, believed=True)
async def event_id_over(caller: Caller) -> None:
    peer = await caller.session()
    await peer.refused({"type": "input_audio_buffer.clear", "event_id": "e" * 513})


@check("limits.metadata", "16 pairs of metadata, of 64 and 512 characters, are taken.", Source.REFERENCE)
async def metadata(caller: Caller) -> None:
    peer = await caller.session(modality="text")
    pairs = {f"{number:02}".ljust(64, "k"): "v" * 512 for number in range(16)}
    await peer.send(peer.words.create(metadata=pairs))
    response = (await peer.expect("response.created")).get("response") or {}
    require_equal(response.get("metadata"), pairs, "metadata")


@check("limits.metadata-over", "A 17th pair of metadata is refused.", Source.REFERENCE)
async def metadata_over(caller: Caller) -> None:
    peer = await caller.session()
    await peer.refused(peer.words.create(metadata={f"key{number}": "" for number in range(17)}))


@check("limits.metadata-key", "A key of metadata of 65 characters is refused.", Source.REFERENCE)
async def metadata_key(caller: Caller) -> None:
    peer = await caller.session()
    await peer.refused(peer.words.create(metadata={"k" * 65: ""}))


@check("limits.metadata-value", "A value of metadata of 513 characters is refused.", Source.REFERENCE)
async def metadata_value(caller: Caller) -> None:
    peer = await caller.session()
    await peer.refused(peer.words.create(metadata={"key": "v" * 513}))


@check("limits.function-name", "A function's name has at most 64 characters.", Source.INFERRED)
async def function_name(caller: Caller) -> None:
    peer = await caller.session()
    await peer.updated(tools=[WEATHER | {"name": "f" * 64}])
    await peer.refused(peer.words.update(tools=[WEATHER | {"name": "f" * 65}]))


@check("limits.append", "15 MiB of audio are taken in one event.", Source.REFERENCE, websocket_only=APPENDS)
async def append(caller: Caller) -> None:
    peer = await caller.session(turn_detection=None)
    audio = pybase64.b64encode(bytes(15 * MEBIBYTE)).decode()
    events = await peer.answers({"type": "input_audio_buffer.append", "audio": audio})
    require_equal([each.get("type") for each in events], [], "What came")


@check(
    "limits.append-over",
    "More than 15 MiB are refused, and the session works on.",
    Source.INFERRED,
    websocket_only=APPENDS,
)
async def append_over(caller: Caller) -> None:
    peer = await caller.session(turn_detection=None)
    audio = pybase64.b64encode(bytes(16 * MEBIBYTE)).decode()
    await peer.refused({"type": "input_audio_buffer.append", "audio": audio})
    await peer.updated()


@check("limits.append-small", "Audio may be cut within a sample.", Source.INFERRED, websocket_only=APPENDS)
async def append_small(caller: Caller) -> None:
    peer = await caller.session(turn_detection=None)
    sound = silence(101)
    for start in range(0, len(sound), 97):
        piece = pybase64.b64encode(sound[start : start + 97]).decode()
        await peer.send({"type": "input_audio_buffer.append", "audio": piece})
    await peer.send({"type": "input_audio_buffer.commit"})
    await peer.expect("input_audio_buffer.committed")


@check("limits.many-items", "A conversation holds a hundred items.", Source.REFERENCE)
async def many_items(caller: Caller) -> None:
    peer = await caller.session()
    for number in range(100):
        event = await add(peer, peer.words.user("Hello", id=f"item_{number}"))
    require_equal(event.get("previous_item_id"), "item_98", "previous_item_id of the last item")
