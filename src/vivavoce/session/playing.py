"""Whether the assistant can still be heard: replies are made faster than they are played."""


class Playing:
    """What is known of the playback of the latest reply in the conversation.

    The session counts from its first audio, as if it were played at once and without a pause; a client that
    stops it earlier says so by truncating the item or cancelling the response. Where the transport plays,
    nobody need guess: see `playout`.
    """

    __slots__ = ("_cut_short", "until")

    def __init__(self) -> None:
        self._cut_short = False
        self.until = 0.0
        """When the latest complete reply is played to its end, unix time in seconds."""

    def begin(self) -> None:
        """A reply is being made."""
        self._cut_short = False

    def end(self, until: float) -> None:
        """The reply is complete, and will have been played by then."""
        self.until = until

    def cut_short(self) -> None:
        """Somebody has stopped the playback."""
        self._cut_short = True

    def may_be_heard(self, now: float, *, in_progress: bool) -> bool:
        """Whether a reply is in progress, or played, and nobody has stopped it."""
        return not self._cut_short and (in_progress or now < self.until)
