"""Turn detection: how the server tells that a speaker began and ended."""

from typing import Annotated, Literal

from vivavoce.protocol.base import TaggedObject, limits

Eagerness = Literal["low", "medium", "high", "auto"]


class TranscriptionServerVad(TaggedObject, frozen=True, kw_only=True, tag="server_vad"):
    """`ServerVad` as a transcription session states it: it says nothing about responses."""

    threshold: float = 0.5
    prefix_padding_ms: int = 300
    silence_duration_ms: int = 200

    def in_full(self) -> "ServerVad":
        """What it means: turns are detected alike, and nothing is answered or interrupted."""
        return ServerVad(
            threshold=self.threshold,
            prefix_padding_ms=self.prefix_padding_ms,
            silence_duration_ms=self.silence_duration_ms,
            create_response=False,
            interrupt_response=False,
        )


class TranscriptionSemanticVad(TaggedObject, frozen=True, kw_only=True, tag="semantic_vad"):
    """`SemanticVad` as a transcription session states it."""

    eagerness: Eagerness = "auto"

    def in_full(self) -> "SemanticVad":
        """What it means: turns are detected alike, and nothing is answered or interrupted."""
        return SemanticVad(eagerness=self.eagerness, create_response=False, interrupt_response=False)


class ServerVad(TaggedObject, frozen=True, kw_only=True, tag="server_vad"):
    """Turns end after a stretch of silence. The defaults are those of the live service."""

    threshold: Annotated[float, limits(minimum=0.0, maximum=1.0)] = 0.5
    """Probability of speech, 0.0 to 1.0, above which somebody speaks."""
    prefix_padding_ms: Annotated[int, limits(minimum=0)] = 300
    """Milliseconds of audio kept from before the speech."""
    silence_duration_ms: Annotated[int, limits(minimum=0)] = 200
    """Milliseconds without speech that end a turn."""
    idle_timeout_ms: Annotated[int, limits(minimum=5000, maximum=30000)] | None = None
    """Milliseconds without speech after a response until the server responds again by itself; None: never."""
    create_response: bool = True
    """Respond at the end of each turn."""
    interrupt_response: bool = True
    """Cancel the response in progress when somebody begins to speak."""

    def for_transcription(self) -> TranscriptionServerVad:
        """The same without what only concerns responses, as a transcription session resolves it."""
        return TranscriptionServerVad(
            threshold=self.threshold,
            prefix_padding_ms=self.prefix_padding_ms,
            silence_duration_ms=self.silence_duration_ms,
        )


class SemanticVad(TaggedObject, frozen=True, kw_only=True, tag="semantic_vad"):
    """Turns end when what was said sounds finished."""

    eagerness: Eagerness = "auto"
    """How soon: a turn ends at the latest after 8 s (`low`), 4 s (`medium`, which `auto` means) or 2 s
    (`high`)."""
    create_response: bool = True
    """Respond at the end of each turn."""
    interrupt_response: bool = True
    """Cancel the response in progress when somebody begins to speak."""

    def for_transcription(self) -> TranscriptionSemanticVad:
        """The same without what only concerns responses, as a transcription session resolves it."""
        return TranscriptionSemanticVad(eagerness=self.eagerness)


TurnDetection = ServerVad | SemanticVad
"""Turn detection of a realtime session, and what any client sends."""

TranscriptionTurnDetection = TranscriptionServerVad | TranscriptionSemanticVad
"""Turn detection of a transcription session, as its server states it."""
