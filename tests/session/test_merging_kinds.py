"""Patches of the sessions that hold no conversation: transcription (3.10) and translation (2.13)."""

import pytest

from vivavoce.protocol import (
    AudioInputParams,
    InvalidEvent,
    NoiseReduction,
    RealtimeSessionParams,
    ServerVad,
    Transcription,
    TranscriptionAudioParams,
    TranscriptionServerVad,
    TranscriptionSession,
    TranscriptionSessionParams,
    TranslationAudioParams,
    TranslationInputParams,
    TranslationOutputParams,
    TranslationSession,
    TranslationSessionParams,
)
from vivavoce.session.configuration import merge_transcription, merge_translation

TRANSCRIPTION = TranscriptionSession(id="sess_1")
TRANSLATION = TranslationSession(id="sess_1", expires_at=0, model="gpt-realtime-translate")


def heard(**changes: object) -> TranscriptionSessionParams:
    return TranscriptionSessionParams(audio=TranscriptionAudioParams(input=AudioInputParams(**changes)))


def test_a_transcription_sessions_turn_detection_says_nothing_about_responses() -> None:
    merged = merge_transcription(
        TRANSCRIPTION, heard(turn_detection=ServerVad(threshold=0.7, create_response=False))
    )
    assert merged.audio.input.turn_detection == TranscriptionServerVad(threshold=0.7)
    assert merge_transcription(merged, heard(turn_detection=None)).audio.input.turn_detection is None


def test_what_a_transcription_patch_leaves_out_stays() -> None:
    model = Transcription(model="whisper-1", language="en")
    merged = merge_transcription(TRANSCRIPTION, heard(transcription=model, turn_detection=None))
    include = ("item.input_audio_transcription.logprobs",)
    again = merge_transcription(merged, TranscriptionSessionParams(include=include))
    assert again.include == include
    assert again.audio == merged.audio
    assert again.audio.input.transcription == model


def test_a_realtime_patch_of_a_transcription_session_is_refused() -> None:
    with pytest.raises(InvalidEvent) as refused:
        merge_transcription(TRANSCRIPTION, RealtimeSessionParams())
    assert refused.value.error.code == "invalid_parameter"


def test_a_translation_patch() -> None:
    german = TranslationSessionParams(
        audio=TranslationAudioParams(output=TranslationOutputParams(language="de"))
    )
    merged = merge_translation(TRANSLATION, german)
    assert merged.audio.output.language == "de"
    assert merged.audio.input == TRANSLATION.audio.input
    assert merge_translation(merged, TranslationSessionParams()) == merged


def test_noise_reduction_is_not_ignored() -> None:
    noise = NoiseReduction(type="near_field")
    merged = merge_transcription(TRANSCRIPTION, heard(noise_reduction=noise))
    assert merged.audio.input.noise_reduction == noise
    params = TranslationSessionParams(
        audio=TranslationAudioParams(input=TranslationInputParams(noise_reduction=noise))
    )
    assert merge_translation(TRANSLATION, params).audio.input.noise_reduction == noise
