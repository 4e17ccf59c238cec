"""`vivavoce talk`: a conversation with any Realtime server, by voice, from a recording, or in writing."""

import asyncio
import re
import ssl
from contextlib import ExitStack
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from vivavoce.cli import fail

if TYPE_CHECKING:
    from vivavoce.client import WebSocketOptions


class TurnEnd(StrEnum):
    """Who decides that a turn is over."""

    server_vad = "server_vad"
    none = "none"


URL = typer.Option(
    envvar="OPENAI_BASE_URL", help="The server, as ws, wss, http or https URL, with or without /v1."
)
KEY = typer.Option(envvar="OPENAI_API_KEY", help="Its key; none is needed for a server on this machine.")
MODEL = typer.Option(help="The model to talk to.")
INPUT = typer.Option(
    help="A WAV file to speak instead of the microphone, at the pace of speech.", metavar="FILE.wav"
)
OUTPUT = typer.Option(help="Write what the assistant was heard to say (24 kHz, 16 bits).", metavar="FILE.wav")
EVENTS = typer.Option(help="Write every event with its time, one JSON object a line.", metavar="FILE.jsonl")
KEEP_AUDIO = typer.Option("--keep-audio", help="Keep the sound in the events file.")
TEXT = typer.Option("--text", help="Converse in writing: lines from stdin, answers to stdout.")
VOICE = typer.Option(help="The assistant's voice.")
INSTRUCTIONS = typer.Option(help="What the assistant is told before everything else.")
TURN_DETECTION = typer.Option(help="Let the server tell when a turn ends, or end it with the file.")
SILENCE = typer.Option(min=0, help="Milliseconds of silence that end a turn.")
TRANSCRIBER = typer.Option(help="The model that writes down what you say.")
TIMEOUT = typer.Option(min=0.1, help="Seconds to wait for the server.")
WEBRTC = typer.Option("--webrtc", help="Call over WebRTC: sound on tracks of its own, events beside it.")
INSECURE = typer.Option("--insecure", help="Accept any TLS certificate, also a self-signed one.")


def talk(
    url: Annotated[str, URL] = "ws://127.0.0.1:8000/v1",
    api_key: Annotated[str | None, KEY] = None,
    model: Annotated[str, MODEL] = "gpt-realtime",
    input: Annotated[Path | None, INPUT] = None,
    output: Annotated[Path | None, OUTPUT] = None,
    events: Annotated[Path | None, EVENTS] = None,
    keep_audio: Annotated[bool, KEEP_AUDIO] = False,
    text: Annotated[bool, TEXT] = False,
    voice: Annotated[str | None, VOICE] = None,
    instructions: Annotated[str | None, INSTRUCTIONS] = None,
    turn_detection: Annotated[TurnEnd, TURN_DETECTION] = TurnEnd.server_vad,
    silence: Annotated[int, SILENCE] = 500,
    transcription_model: Annotated[str, TRANSCRIBER] = "gpt-4o-mini-transcribe",
    timeout: Annotated[float, TIMEOUT] = 60.0,
    webrtc: Annotated[bool, WEBRTC] = False,
    insecure: Annotated[bool, INSECURE] = False,
) -> None:
    """Talk to a Realtime server: with the microphone, with a recording, or in writing."""
    _check(
        text=text,
        input=input,
        output=output,
        events=events,
        keep_audio=keep_audio,
        voice=voice,
        turn_detection=turn_detection,
    )
    try:
        from vivavoce.audio.wav import WavError, WavWriter, read_wav
        from vivavoce.cli.conversations import Call, in_writing, live, with_recording
    except ImportError as missing:
        fail(NAME, f'{missing.name} is missing. This mends it: pip install "vivavoce[cli]"')
    import httpx

    from vivavoce.client import AsyncClient, ConfigurationError
    from vivavoce.protocol import VivavoceError
    from vivavoce.testing.journal import Journal

    client = AsyncClient(api_key, _base_url(url))
    try:
        endpoint = client.endpoint()
        endpoint.headers()
    except ConfigurationError as error:
        raise typer.BadParameter(_in_our_words(error)) from None
    trusting = _anybody() if insecure and endpoint.secure else None
    if webrtc and trusting is not None:
        client = AsyncClient(api_key, _base_url(url), http_client=httpx.AsyncClient(verify=trusting))
    call = Call(
        client=client,
        model=model,
        host=endpoint.host,
        voice=voice,
        instructions=instructions,
        silence_ms=silence if turn_detection is TurnEnd.server_vad else None,
        transcription_model=transcription_model,
        timeout=timeout,
        websocket_options=_websocket_options(timeout, trusting),
        over_webrtc=webrtc,
    )
    with ExitStack() as files:
        try:
            recording = read_wav(input) if input is not None else None
            reply = files.enter_context(WavWriter(output, RATE)) if output is not None else None
            journal = files.enter_context(Journal(events, keep_audio=keep_audio))
        except WavError as error:
            fail(NAME, str(error))
        except OSError as error:
            fail(NAME, f"{events} cannot be written: {error.strerror}.")
        try:
            if text:
                asyncio.run(in_writing(call, journal))
            elif input is not None and recording is not None:
                asyncio.run(with_recording(call, recording, journal, reply, name=input.name))
            else:
                asyncio.run(live(call, journal, reply))
        except (VivavoceError, WavError) as error:
            fail(NAME, _in_our_words(error))
        except KeyboardInterrupt:
            raise typer.Exit(0 if input is None else 130) from None


NAME = "vivavoce talk"
RATE = 24_000


def _check(
    *,
    text: bool,
    input: Path | None,
    output: Path | None,
    events: Path | None,
    keep_audio: bool,
    voice: str | None,
    turn_detection: TurnEnd,
) -> None:
    """Refuse options that have no meaning together."""
    if text:
        spoken = {"--input": input, "--output": output, "--voice": voice}
        for name, value in spoken.items():
            if value is not None:
                raise typer.BadParameter(
                    f"{name} is for conversations by voice: leave it out, or leave out --text."
                )
    elif input is None and turn_detection is TurnEnd.none:
        raise typer.BadParameter("--turn-detection none is for recordings: name one with --input.")
    if keep_audio and events is None:
        raise typer.BadParameter("--keep-audio is about the events file: name one with --events.")


def _base_url(url: str) -> str:
    """What a person may write for the server: its base URL, without the /v1, or the very URL of its
    WebSocket."""
    address, question, query = url.strip().partition("?")
    address = address.rstrip("/").removesuffix("/realtime")
    _, separator, host = address.partition("://")
    if separator and "/" not in host:
        address += "/v1"
    return address + question + query


def _anybody() -> ssl.SSLContext:
    """Trusts any certificate."""
    context = ssl.create_default_context()
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    return context


def _websocket_options(timeout: float, trusting: ssl.SSLContext | None) -> "WebSocketOptions":
    options: WebSocketOptions = {"open_timeout": timeout, "close_timeout": 2}
    if trusting is not None:
        options["ssl"] = trusting
    return options


def _in_our_words(error: Exception) -> str:
    """What the client says to programs, said to whoever types commands."""
    sentence = str(error)
    for theirs, ours in _WORDS.items():
        sentence = re.sub(rf"\b{theirs}(?!\w)", ours, sentence)
    return sentence


_WORDS = {
    "base_url": "--url",
    "api_key": "--api-key",
    "pass an ssl.SSLContext that trusts it": "add --insecure",
    "The base URL": "The URL",
    "use a recording": "talk with --input or --text",
    r"vivavoce\[voice\]": "vivavoce[mic]",
}
