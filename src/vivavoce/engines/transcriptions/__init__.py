"""Transcription by any endpoint that speaks OpenAI's audio transcriptions, one request for each utterance."""

from vivavoce.engines.transcriptions.engine import TranscriptionsTranscriber
from vivavoce.engines.transcriptions.options import TranscriptionsOptions

__all__ = ["TranscriptionsOptions", "TranscriptionsTranscriber"]
