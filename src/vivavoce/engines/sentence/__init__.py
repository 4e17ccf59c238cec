"""Has the speaker finished? By the words: whether they end as a sentence ends."""

from vivavoce.engines.sentence.detector import SentenceDetector, SentenceOptions

__all__ = ["SentenceDetector", "SentenceOptions"]
