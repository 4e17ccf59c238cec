"""One session at work: the conversation's rules on one side, the wire and the engines on the other."""

from vivavoce.server.runner.runner import SessionRunner

__all__ = ["SessionRunner"]
