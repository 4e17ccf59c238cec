"""Errors of limits that are this server's own: the reference knows no sentence for them."""

from vivavoce.protocol import Error


def input_buffer_full(limit_ms: int) -> Error:
    seconds = limit_ms // 1000
    return _over_limit(
        f"The input audio buffer is full: it holds at most {seconds} seconds. Commit or clear it first.",
        "audio",
    )


def audio_from_the_call(param: str) -> Error:
    """Audio in an event, where the transport carries it beside the events."""
    return _over_limit(
        "Audio cannot be appended here: the session hears the audio track of the call. Send it there.", param
    )


def conversation_full(limit: int, param: str) -> Error:
    return _over_limit(
        f"The conversation is full: it holds at most {limit // 2**20} MiB. Delete some items first.", param
    )


def too_many_items(limit: int) -> Error:
    return _over_limit(
        f"The conversation is full: it holds at most {limit} items. Delete some first.", "item"
    )


def too_many_responses(limit: int) -> Error:
    return _over_limit(
        f"Too many responses at a time: at most {limit} may run beside the conversation.",
        "response.conversation",
    )


def too_many_servers(limit: int, param: str) -> Error:
    return _over_limit(f"Too many MCP servers: a session may define at most {limit}.", param)


def headers_too_large(param: str, headers: int, characters: int) -> Error:
    return _over_limit(
        f"Invalid '{param}': at most {headers} headers with {characters} characters together may be sent.",
        param,
    )


def bad_header(param: str) -> Error:
    """A header that HTTP does not allow, or that is not the client's to set. Its value is a secret."""
    return _over_limit(
        f"Invalid '{param}': expected headers of printable ASCII, other than those of the connection itself.",
        param,
    )


def no_such_account(param: str) -> Error:
    """A connector or a tunnel: they are OpenAI's."""
    return _over_limit(
        f"Invalid '{param}': connectors and tunnels belong to an account with OpenAI, which this server does "
        "not have. Name the MCP server by its 'server_url'.",
        param,
    )


def server_refused(param: str, why: str) -> Error:
    """An address that the deployment does not let sessions reach."""
    return _over_limit(f"Invalid '{param}': {why}", param)


def translation_behind(limit_ms: int) -> Error:
    seconds = limit_ms // 1000
    return _over_limit(
        f"The translation is more than {seconds} seconds behind. Send audio no faster than it is spoken.",
        "audio",
    )


def translation_cut() -> Error:
    return Error(type="server_error", code=None, message="The translation of an utterance was cut short.")


def session_closing() -> Error:
    return Error(
        type="invalid_request_error",
        code="invalid_value",
        message="The session is closing: nothing can be sent after 'session.close'.",
        param="type",
    )


def _over_limit(message: str, param: str) -> Error:
    return Error(type="invalid_request_error", code="invalid_value", message=message, param=param)
