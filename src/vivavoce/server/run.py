"""The server as a process: one listening socket, uvicorn with settings that suit speech, and an orderly
end."""

import asyncio
import gc
import ipaddress
import logging
import resource
import signal
import socket
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import NamedTuple

import uvicorn

from vivavoce.engines.registry import ConfigurationError
from vivavoce.server.application import RealtimeApplication
from vivavoce.server.config import ServerSettings
from vivavoce.server.frames import StreamedWebSocket
from vivavoce.server.uvicorn_protocol import AbortableWebSocket, PunctualHttp, is_fault

logger = logging.getLogger(__name__)

MAX_FRAME_BYTES = 32 * 1024 * 1024
"""More than any event may hold, so that a client that sends too much audio learns it from the API's own
error."""

PING_INTERVAL_S = 20.0
PING_TIMEOUT_S = 20.0

SIGNALS = (signal.SIGINT, signal.SIGTERM)


class Listening(NamedTuple):
    """Where a server that is ready can be reached."""

    host: str
    port: int
    tls: bool
    certificate: Path | None
    """The PEM file of a self-signed certificate, there as long as the server runs."""

    @property
    def websocket_url(self) -> str:
        return f"{'wss' if self.tls else 'ws'}://{self._authority}/v1/realtime"

    @property
    def base_url(self) -> str:
        """What OpenAI's clients call the base URL."""
        return f"{self.origin}/v1"

    @property
    def origin(self) -> str:
        """What its pages begin with."""
        return f"{'https' if self.tls else 'http'}://{self._authority}"

    @property
    def _authority(self) -> str:
        reachable = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(self.host, self.host)  # noqa: S104
        return f"[{reachable}]:{self.port}" if ":" in reachable else f"{reachable}:{self.port}"


def run(application: RealtimeApplication, *, ready: Callable[[Listening], None]) -> int:
    """Serve until the process is told to stop, and return its exit status.

    The address, TLS and limits are those of the application's configuration; `ready` is called once sessions
    can be opened. The first SIGTERM or SIGINT lets running responses end, a second one does not. Raises
    ConfigurationError for an address or a certificate that cannot be used, EngineError if an engine cannot
    start.
    """
    settings = application.config.server
    check_address(settings)
    with _certificate(settings) as files, bind(settings.host, settings.port) as listener:
        certificate, key = files or (None, None)
        config = uvicorn_config(application, certificate=certificate, key=key)
        try:
            config.load()
        except OSError as error:
            problem = f"the TLS certificate {certificate} cannot be used with the key {key}"
            raise ConfigurationError(f"{problem}: {error.strerror or error}.") from None
        if settings.tls_self_signed and key is not None:
            key.unlink()
        host, port = listener.getsockname()[:2]
        own_certificate = certificate if settings.tls_self_signed else None
        listening = Listening(host, port, certificate is not None, own_certificate)
        server = _Server(config, application, lambda: ready(listening))
        _allow_many_connections()
        with asyncio.Runner(loop_factory=config.get_loop_factory()) as runner:
            return runner.run(server.run_until_stopped(listener))


def uvicorn_config(
    application: RealtimeApplication, *, certificate: Path | None = None, key: Path | None = None
) -> uvicorn.Config:
    """How uvicorn is to serve `application`, which starts and stops its engines itself."""
    logging.getLogger("uvicorn.error").addFilter(is_fault)
    return uvicorn.Config(
        application,
        http=PunctualHttp,
        ws=StreamedWebSocket,
        ws_max_size=MAX_FRAME_BYTES,
        ws_ping_interval=PING_INTERVAL_S,
        ws_ping_timeout=PING_TIMEOUT_S,
        ws_per_message_deflate=False,  # it would cost four times as much as all the rest
        lifespan="off",
        log_config=None,
        log_level=logging.WARNING,
        access_log=False,
        server_header=False,
        timeout_graceful_shutdown=2,
        ssl_certfile=certificate,
        ssl_keyfile=key,
    )


def check_address(settings: ServerSettings) -> None:
    """Raises ConfigurationError if others than this machine could come in without a key."""
    if not settings.api_keys and not settings.key_file and not is_loopback(settings.host):
        raise ConfigurationError(
            f"serving on {settings.host} without an API key would let anybody in: set one with --api-key, "
            "VIVAVOCE_API_KEYS, server.api_keys or server.key_file, or serve this machine alone on 127.0.0.1."
        )


def is_loopback(host: str) -> bool:
    """Whether only this machine can reach `host`; a name counts if all its addresses do."""
    try:
        addresses = [info[4][0] for info in socket.getaddrinfo(host, None, type=socket.SOCK_STREAM)]
    except OSError:
        return False
    return bool(addresses) and all(
        ipaddress.ip_address(str(each).split("%")[0]).is_loopback for each in addresses
    )


def bind(host: str, port: int) -> socket.socket:
    """A socket that holds the address but does not listen yet, so that nobody waits for engines that still
    load.

    Raises ConfigurationError if the address cannot be had.
    """
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
        family, _, _, _, address = min(found, key=lambda each: each[0] != socket.AF_INET)
        listener = socket.socket(family, socket.SOCK_STREAM)
    except OSError as error:
        raise ConfigurationError(f"cannot serve on {host}: {error.strerror or error}.") from None
    try:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind(address)
    except OSError as error:
        listener.close()
        raise ConfigurationError(
            f"cannot serve on {host}:{port}: {error.strerror}. Choose another port; 0 takes a free one."
        ) from None
    return listener


@contextmanager
def _certificate(settings: ServerSettings) -> Iterator[tuple[Path, Path] | None]:
    """The PEM files of the certificate and its key, or None for a server without TLS."""
    if settings.tls_self_signed:
        from vivavoce.server.tls import self_signed  # cryptography takes longer to load than to use

        with self_signed(settings.host) as files:
            yield files
    elif settings.tls_cert and settings.tls_key:
        yield Path(settings.tls_cert), Path(settings.tls_key)
    else:
        yield None


def _allow_many_connections() -> None:
    """Every session needs a file descriptor, and the usual soft limit is 1024."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = min(hard, 65536) if hard != resource.RLIM_INFINITY else 65536
    if soft != resource.RLIM_INFINITY and soft < wanted:
        with suppress(OSError, ValueError):
            resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))


class _Server(uvicorn.Server):
    """uvicorn, with engines that start before it and a farewell before it closes.

    uvicorn's own end drops every WebSocket at once with 1012, so signals come here first.
    """

    def __init__(
        self, config: uvicorn.Config, application: RealtimeApplication, ready: Callable[[], None]
    ) -> None:
        super().__init__(config)
        self._application = application
        self._ready = ready
        self._main: asyncio.Task[int] | None = None
        self._farewell: asyncio.Task[None] | None = None
        self._stopping = False
        self._status = 0

    async def run_until_stopped(self, listener: socket.socket) -> int:
        """The exit status: 0 after an orderly end, 128 and the signal's number after one that was cut
        short."""
        self._main = asyncio.current_task()
        try:
            await self.serve(sockets=[listener])
        except asyncio.CancelledError:
            if not self._stopping:
                raise
        finally:
            await self._application.stop()
        return self._status

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await self._application.start()
        await super().startup(sockets)
        # What is loaded stays: looking through it at every full collection would cost all sessions 20 ms.
        gc.collect()
        gc.freeze()
        self._ready()

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        loop = asyncio.get_running_loop()
        for each in SIGNALS:
            loop.add_signal_handler(each, self._stop, each)
        watched = [*SIGNALS]
        if self._application.config.server.key_file is not None:
            loop.add_signal_handler(signal.SIGHUP, self._application.keys.reload)
            watched.append(signal.SIGHUP)
        try:
            yield
        finally:
            for each in watched:
                loop.remove_signal_handler(each)

    def _stop(self, received: signal.Signals) -> None:
        if self._stopping:
            logger.warning("stopping at once")
            self._status = 128 + received
            self._application.hang_up()
            self.should_exit = True
        elif self.started:
            self._farewell = asyncio.create_task(self._drain(), name="vivavoce farewell")
        elif self._main is not None:
            self._main.cancel()
        self._stopping = True

    async def _drain(self) -> None:
        """Everybody's goodbye, and the time that it takes to arrive."""
        loop = asyncio.get_running_loop()
        timeout_s = self._application.config.server.drain_timeout_s
        deadline = loop.time() + timeout_s
        await self._application.drain(timeout_s)
        # uvicorn tells nobody when a connection is gone.
        while self._sockets() and loop.time() < deadline and not self.should_exit:  # noqa: ASYNC110
            await asyncio.sleep(0.01)
        for connection in self._sockets():
            connection.transport.abort()
        self.should_exit = True

    def _sockets(self) -> list[AbortableWebSocket]:
        """The WebSockets whose peers have not answered our close yet."""
        return [each for each in self.server_state.connections if isinstance(each, AbortableWebSocket)]
