"""What can be wrong with a WebRTC connection before it stands."""

from vivavoce.protocol.errors import VivavoceError


class InvalidDescription(VivavoceError):
    """A session description that no connection can be made from. The message is fit for whoever wrote it."""


class InvalidOffer(InvalidDescription):
    """The offer is broken, too large, or asks for nothing that this end can give."""


class InvalidAnswer(InvalidDescription):
    """The answer is broken, or does not fit what was offered."""


class MessageTooLarge(VivavoceError):
    """A message is longer than what the other end can take. Nothing of it was sent."""


class NoCandidates(VivavoceError):
    """This end has no address to be reached at: no port is free, or no TURN server gave a relay."""


class OpusMissing(VivavoceError):
    """No library with the Opus codec was found on this machine."""
