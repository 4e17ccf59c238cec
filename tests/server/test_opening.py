"""What a session opens with: settings of the deployment under the wishes of a client secret."""

import pytest

from vivavoce.protocol import (
    AudioOutputParams,
    AudioParams,
    InvalidEvent,
    RealtimeSessionParams,
    VoiceId,
)
from vivavoce.server.config import SessionSettings
from vivavoce.server.opening import opening

SETTINGS = SessionSettings(instructions="Be a butler.", voice="ash")


def test_without_wishes_the_settings_stand():
    session = opening(SETTINGS, "realtime", "gpt-realtime").session("sess_1", 1767000000)
    assert (session.id, session.expires_at, session.model) == ("sess_1", 1767000000, "gpt-realtime")
    assert (session.instructions, session.audio.output.voice) == ("Be a butler.", "ash")


def test_wishes_are_applied_over_the_settings():
    params = RealtimeSessionParams(
        model="gpt-realtime-mini",
        instructions="",
        audio=AudioParams(output=AudioOutputParams(voice="cedar")),
    )
    opens = opening(SETTINGS, "realtime", "gpt-realtime", params)
    session = opens.session("sess_1")
    assert (opens.model, session.model) == ("gpt-realtime", "gpt-realtime")
    assert (session.instructions, session.audio.output.voice) == ("", "cedar")
    assert session.audio.output.speed == 1.0
    assert session.expires_at == 0


def test_what_the_server_cannot_do_is_refused_before_the_session_begins():
    params = RealtimeSessionParams(audio=AudioParams(output=AudioOutputParams(voice=VoiceId(id="voice_1"))))
    with pytest.raises(InvalidEvent) as refused:
        opening(SETTINGS, "realtime", "gpt-realtime", params)
    assert refused.value.error.message == "Unsupported option for this model: 'session.audio.output.voice'."
