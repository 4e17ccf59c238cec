"""What is told of listings and calls that fail."""

from vivavoce.protocol import McpError


class ToolError(Exception):
    """A listing or a call failed; `error` is what the session is told."""

    def __init__(self, error: McpError) -> None:
        super().__init__(error.message)
        self.error = error
