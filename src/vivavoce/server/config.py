"""The server's configuration: one TOML file, typed and checked before anything starts.

Every key has a default, so that no file is needed. What each key means for an operator is told, with
examples, in `docs/configuration.md`.
"""

import os
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, fields, replace
from pathlib import Path
from typing import Annotated, Any

import msgspec

from vivavoce.engines.registry import ConfigurationError
from vivavoce.protocol.sessions import VOICES
from vivavoce.server import toml
from vivavoce.server.toml import KEY, KEY_IN_WORDS, ORIGIN, Checker
from vivavoce.session.options import Compaction

FILE_NAME = "vivavoce.toml"
FILE_VARIABLE = "VIVAVOCE_CONFIG"
KEYS_VARIABLE = "VIVAVOCE_API_KEYS"
_HOST = re.compile(r"\*|(\*\.)?[A-Za-z0-9_-]+(\.[A-Za-z0-9_-]+)*\.?|[0-9A-Fa-f:]*::?[0-9A-Fa-f:.]*")
"""A host name, a pattern of them, or an IP address."""

SECRET_KEY_VARIABLE = "VIVAVOCE_SECRET_KEY"  # noqa: S105 - a name
SECRET_KEY_LENGTH = 16
"""Least characters of the key that encrypts client secrets."""

DEFAULT_INSTRUCTIONS = (
    "You are a helpful voice assistant. Answer in the language of the user, in one to three short sentences "
    "that sound natural when spoken aloud: no lists, no markup, no emoji. If you did not understand, say so "
    "and ask. If a function fits what the user wants, call it instead of guessing. Say honestly that you are "
    "a program when asked."
)


Port = Annotated[int, msgspec.Meta(ge=1, le=65535)]


@dataclass(frozen=True, slots=True, kw_only=True)
class ServerSettings:
    """`[server]`: where the server listens, who may come in, and what it takes on."""

    host: str = "127.0.0.1"
    """Address or host name. Any but a loopback address needs at least one API key."""
    port: Annotated[int, msgspec.Meta(ge=0, le=65535)] = 8000
    """0 picks a free one."""
    api_keys: tuple[Annotated[str, msgspec.Meta(pattern=KEY)], ...] = field(default=(), repr=False)
    """Printable ASCII without blanks, as headers carry it. The keys that open the server, beside those of
    VIVAVOCE_API_KEYS, --api-key and key_file. Without any: everybody."""
    allowed_origins: tuple[Annotated[str, msgspec.Meta(pattern=ORIGIN)], ...] = ()
    """Web pages that may use the server: `https://app.example.com`, `*` for any, `null` for local files.
    Without any: pages of this machine where no key is needed, any page where one is."""
    secret_key: Annotated[str, msgspec.Meta(min_length=SECRET_KEY_LENGTH)] | None = field(
        default=None, repr=False
    )
    """What client secrets are encrypted with, at least 16 characters; VIVAVOCE_SECRET_KEY overrides it.
    Without it the key is random, and no other process takes the secrets."""
    key_file: str | None = None
    """TOML file with the digests of more keys and their limits; relative to the working directory."""
    tls_cert: str | None = None
    """PEM file with the certificate chain; relative to the working directory."""
    tls_key: str | None = None
    """PEM file with the certificate's private key."""
    tls_self_signed: bool = False
    """Make a certificate for localhost at every start."""
    console: bool = True
    """Show the console at `GET /`: a page to talk to the server with. It opens nothing by itself: who talks
    signs in with a key where one is needed."""
    beta: bool = True
    """Speak the beta dialect with clients that ask for it; without, they are refused as OpenAI does."""
    drain_timeout_s: Annotated[float, msgspec.Meta(ge=0)] = 10.0
    """How long running responses may take to end when the server is asked to stop."""
    max_sessions: Annotated[int, msgspec.Meta(ge=0)] = 0
    """How many sessions may be open at once; 0: any number."""
    write_buffer_bytes: Annotated[int, msgspec.Meta(ge=65536, le=67108864)] = 1048576
    """How much may wait for a client that reads slowly before its responses wait, too."""
    write_timeout_s: Annotated[float, msgspec.Meta(gt=0)] = 30.0
    """After how long a client that reads nothing at all is given up."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SessionSettings:
    """`[session]`: what a session is like until its client says otherwise."""

    instructions: str = DEFAULT_INSTRUCTIONS
    """What the language model is told; clients see it in `session.created`."""
    voice: str = "alloy"
    """One of the ten voices of the protocol."""
    engine_timeout_s: Annotated[float, msgspec.Meta(gt=0)] = 60.0
    """How long an engine may keep a response waiting for its next part, or a transcript after the end of the
    speech (and as long as that lasted on top), until it is given up."""
    max_minutes: Annotated[float, msgspec.Meta(ge=0)] = 60.0
    """How long a session may last; 0: as long as it likes."""
    max_items: Annotated[int, msgspec.Meta(ge=1)] = 10_000
    """Most items in the conversation."""
    max_bytes: Annotated[int, msgspec.Meta(ge=1048576)] = 536870912
    """Most bytes of audio, images and text from the client that the session holds."""
    max_buffer_s: Annotated[float, msgspec.Meta(ge=1)] = 600.0
    """Most seconds of audio between two commits."""
    compaction: bool | Compaction = False
    """Fold older turns into a summary, which the language model writes, before the model's context window is
    full; a table says when and how. Otherwise the oldest turns are left out once it is."""
    prompts: str | None = None
    """A folder of prompt templates, `pmpt_….toml`; relative to the working directory."""
    debug: bool = False
    """Check the protocol's invariants on every event that is sent; a session that breaks one fails."""


@dataclass(frozen=True, slots=True, kw_only=True)
class MetricsSettings:
    """`[metrics]`: numbers for Prometheus at `GET /metrics`."""

    enabled: bool = True
    """Count, and answer. Without it there is no such path."""
    public: bool = False
    """Answer everybody; otherwise an API key is needed where there are any."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TracingSettings:
    """`[tracing]`: where the spans of traced sessions go."""

    endpoint: str | None = None
    """URL of an OTLP receiver over HTTP, such as `http://localhost:4318/v1/traces`. Without it nothing is
    traced, whatever clients ask for."""
    headers: Mapping[str, str] = field(default_factory=dict, repr=False)
    """Headers of every export; they may hold keys."""
    service_name: str = "vivavoce"
    """`service.name` of the traces."""
    all_sessions: bool = False
    """Trace every session; otherwise those whose clients ask for it with `tracing`."""
    timeout_s: Annotated[float, msgspec.Meta(gt=0)] = 10.0
    """How long one export may take, and the last one when the server stops."""


@dataclass(frozen=True, slots=True, kw_only=True)
class McpSettings:
    """`[mcp]`: which MCP servers sessions may use, and how much of them."""

    allowed_hosts: tuple[str, ...] = ("*",)
    """Host names, `*.example.com` for all names below one, `*` for any. Empty: no MCP servers."""
    allow_private: bool = False
    """Whether loopback, link-local and private addresses may be reached, too."""
    allow_http: bool = False
    """Whether servers without TLS may be reached."""
    list_timeout_s: Annotated[float, msgspec.Meta(gt=0)] = 20.0
    """How long a server may take to tell its tools, connection included."""
    call_timeout_s: Annotated[float, msgspec.Meta(gt=0)] = 60.0
    """How long a tool may take."""
    max_bytes: Annotated[int, msgspec.Meta(ge=1024, le=16777216)] = 1048576
    """The longest answer of a server that is taken: a list of tools, or what a tool returns."""
    max_tools: Annotated[int, msgspec.Meta(ge=1, le=10000)] = 256
    """Most tools of one server."""
    max_servers: Annotated[int, msgspec.Meta(ge=1, le=1000)] = 16
    """Most servers that one session may define."""
    max_calls: Annotated[int, msgspec.Meta(ge=1, le=1000)] = 8
    """Most calls of one session to one server at a time; others wait."""


@dataclass(frozen=True, slots=True, kw_only=True)
class IceServerSettings:
    """`[[webrtc.ice_servers]]`: a STUN or TURN server that this server uses itself."""

    url: str
    """`stun:host:port`, `turn:host:port`, `turn:host:port?transport=tcp` or `turns:host:port`."""
    username: str = ""
    """For TURN."""
    credential: str = field(default="", repr=False)
    """For TURN. It is shown nowhere."""


@dataclass(frozen=True, slots=True, kw_only=True)
class WebRTCSettings:
    """`[webrtc]`: calls whose audio comes beside the events."""

    enabled: bool = True
    """Take calls."""
    addresses: tuple[str, ...] = ()
    """Addresses of this machine at which media arrives. Without any: the one that the server listens on, or
    all, loopback included, if it listens on all or on loopback."""
    ports: tuple[Port, Port] | None = None
    """The first and the last UDP port for media; each call needs one for each address. Without: any."""
    advertise: tuple[str, ...] = ()
    """Public addresses that callers are told in place of the private ones of this machine."""
    ice_servers: tuple[IceServerSettings, ...] = ()
    """STUN servers, to learn the public address from, and TURN servers, to be reached through."""
    relay_only: bool = False
    """Be reached through TURN servers alone."""
    connect_timeout_s: Annotated[float, msgspec.Meta(gt=0)] = 30.0
    """How long a call may take from its answer to its open data channel until it is given up."""
    consent_timeout_s: Annotated[float, msgspec.Meta(gt=0)] = 30.0
    """How long a peer may be silent on the network until its call is over."""
    max_offer_bytes: Annotated[int, msgspec.Meta(ge=1024, le=1048576)] = 65536
    """The longest SDP offer that is read."""
    offers_per_minute: Annotated[int, msgspec.Meta(ge=0)] = 300
    """How many calls may be offered with one key, or by all together where nobody needs one; 0: any
    number."""
    max_sidebands: Annotated[int, msgspec.Meta(ge=0, le=1000)] = 16
    """How many WebSockets may join one call."""


@dataclass(frozen=True, slots=True, kw_only=True)
class EngineNames:
    """`[engines]` and `[models."…"]`: which instance of each kind of engine works together."""

    noise_reducer: str = "webrtc"
    voice_detector: str = "silero"
    turn_detector: str = "sentence"
    transcriber: str = "pocketsphinx"
    diarizer: str = "spectral"
    language_model: str = "pattern"
    synthesizer: str = "espeak"
    responder: str = "cascade"

    def naming(self, kind: str, name: str) -> "EngineNames":
        """The same combination with another engine of this kind."""
        return replace(self, **{kind: name})


ENGINE_KINDS: tuple[str, ...] = tuple(each.name for each in fields(EngineNames))
"""The kinds of engines that a combination names."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Config:
    """Everything that can be configured."""

    server: ServerSettings = ServerSettings()
    session: SessionSettings = SessionSettings()
    webrtc: WebRTCSettings = WebRTCSettings()
    mcp: McpSettings = McpSettings()
    metrics: MetricsSettings = MetricsSettings()
    tracing: TracingSettings = TracingSettings()
    engines: EngineNames = EngineNames()
    """The combination of every model that names no other."""
    models: Mapping[str, EngineNames] = field(default_factory=dict)
    """Empty: any model name is answered by the default combination. Otherwise these names only."""
    instances: Mapping[tuple[str, str], Mapping[str, Any]] = field(default_factory=dict, repr=False)
    """`[language_model.chat]` and the like: what is written about the engine of this kind and name. An engine
    that is not here has its default options. They may hold keys, so they are not shown."""
    source: str | None = None
    """The file that this was read from."""

    def combinations(self) -> dict[str | None, EngineNames]:
        """The combination of each model; under None that of any name, if any is accepted."""
        named: dict[str | None, EngineNames] = dict(self.models.items())
        return named or {None: self.engines}

    def admitting(self, keys: Sequence[str], where: str) -> "Config":
        """The same with more API keys, which come from `where`. Raises ConfigurationError."""
        if not all(re.match(KEY, key) for key in keys):
            raise ConfigurationError(f"{where}: a key is {KEY_IN_WORDS}, and not empty.")
        return replace(self, server=replace(self.server, api_keys=(*self.server.api_keys, *keys)))

    def problem(self, sentence: str) -> ConfigurationError:
        """An error that names the file."""
        return ConfigurationError(f"{self.source}: {sentence}" if self.source else sentence)


def load(path: str | Path | None = None, environ: Mapping[str, str] = os.environ) -> Config:
    """Read the configuration.

    From `path`, else from the file that VIVAVOCE_CONFIG names, else from `vivavoce.toml` in the working
    directory if there is one, else the defaults. The keys of VIVAVOCE_API_KEYS (comma separated) join those
    of the file, and VIVAVOCE_SECRET_KEY takes the place of server.secret_key. Raises ConfigurationError with
    one sentence that names the file, the key and the choices.
    """
    chosen = path or environ.get(FILE_VARIABLE) or None
    if chosen is None and Path(FILE_NAME).is_file():
        chosen = FILE_NAME
    config = Config() if chosen is None else parse(toml.read(Path(chosen)), source=str(chosen))
    if secret := environ.get(SECRET_KEY_VARIABLE):
        if len(secret) < SECRET_KEY_LENGTH:
            raise ConfigurationError(
                f"{SECRET_KEY_VARIABLE}: it has at least {SECRET_KEY_LENGTH} characters."
            )
        config = replace(config, server=replace(config.server, secret_key=secret))
    keys = [key for part in environ.get(KEYS_VARIABLE, "").split(",") if (key := part.strip())]
    return config.admitting(keys, KEYS_VARIABLE)


def parse(text: str, *, source: str | None = None) -> Config:
    """Check the text of a configuration file. Raises ConfigurationError."""
    check = Checker(source)
    document = toml.parse(text, check)
    tables = ("server", "session", "webrtc", "mcp", "metrics", "tracing", "engines", "models", *ENGINE_KINDS)
    check.keys(document, tables, "")
    engines = check.typed(document.get("engines", {}), EngineNames, "engines")
    models = check.table(document.get("models", {}), "models")
    config = Config(
        server=check.typed(document.get("server", {}), ServerSettings, "server"),
        session=check.typed(document.get("session", {}), SessionSettings, "session"),
        webrtc=check.typed(document.get("webrtc", {}), WebRTCSettings, "webrtc"),
        mcp=check.typed(document.get("mcp", {}), McpSettings, "mcp"),
        metrics=check.typed(document.get("metrics", {}), MetricsSettings, "metrics"),
        tracing=check.typed(document.get("tracing", {}), TracingSettings, "tracing"),
        engines=engines,
        models={
            name: check.typed(names, EngineNames, f'models."{name}"', base=engines)
            for name, names in models.items()
        },
        instances={
            (kind, name): check.instance(table, f"{kind}.{name}")
            for kind in ENGINE_KINDS
            for name, table in check.table(document.get(kind, {}), kind).items()
        },
        source=source,
    )
    voice = config.session.voice
    check.choice(voice, VOICES, "session.voice", f'there is no voice "{voice}"')
    for host in config.mcp.allowed_hosts:
        if not _HOST.fullmatch(host):
            raise check.problem(
                'mcp.allowed_hosts: expected host names like "mcp.example.com", "*.example.com" or "*", '
                f'without scheme, port and path; "{host}" is none.'
            )
    if bool(config.server.tls_cert) != bool(config.server.tls_key):
        raise check.problem("server.tls_cert: it belongs together with server.tls_key; give both or none.")
    if config.server.tls_cert and config.server.tls_self_signed:
        raise check.problem(
            "server.tls_self_signed: it makes a certificate of its own; leave out tls_cert and tls_key."
        )
    return config
