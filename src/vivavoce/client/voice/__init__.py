"""Spoken conversations: microphone, speaker, interruptions, and what was really heard.

Needs numpy and soxr, and sounddevice for the machine's own devices: `pip install "vivavoce[voice]"`.

    voice        a voice for a connection
    turns        what it does about events, without I/O,
    core         where speech travels in events,
    over_track   and where it travels on the track of a call
    playback     what has been heard
    recordings   sources and sinks without a sound card: files and arrays
    devices      the machine's own microphone and speaker
"""

from vivavoce.audio.level import level_db
from vivavoce.client.voice.devices import DeviceError, Microphone, Speaker
from vivavoce.client.voice.playback import Heard, Playback
from vivavoce.client.voice.recordings import (
    ArraySink,
    ArraySource,
    Sink,
    Source,
    WavSink,
    WavSource,
)
from vivavoce.client.voice.voice import (
    PlaybackFinished,
    PlaybackInterrupted,
    PlaybackStarted,
    Voice,
)

__all__ = [
    "ArraySink",
    "ArraySource",
    "DeviceError",
    "Heard",
    "Microphone",
    "Playback",
    "PlaybackFinished",
    "PlaybackInterrupted",
    "PlaybackStarted",
    "Sink",
    "Source",
    "Speaker",
    "Voice",
    "WavSink",
    "WavSource",
    "level_db",
]
