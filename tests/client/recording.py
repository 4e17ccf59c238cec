"""An HTTP server that writes down what it is asked, and answers as it is told. WebSockets are opened too."""

import base64
import hashlib
import json
import ssl
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from email.parser import BytesParser
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qsl, urlsplit


@dataclass
class Asked:
    """A request as it came."""

    method: str
    path: str
    query: list[tuple[str, str]]
    headers: Mapping[str, str]
    """With names in lower case."""
    body: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.body)

    @property
    def parts(self) -> list[tuple[str, str, bytes]]:
        """Of a form: names, content types and contents."""
        head = f"content-type: {self.headers['content-type']}\r\n\r\n".encode()
        message = BytesParser().parsebytes(head + self.body)
        return [
            (
                str(part.get_param("name", header="content-disposition")),
                part.get_content_type(),
                part.get_payload(decode=True),  # type: ignore[misc]
            )
            for part in message.get_payload()  # type: ignore[union-attr]
        ]


@dataclass
class Told:
    """An answer."""

    status: int = 200
    body: bytes | str | dict[str, Any] = b""
    headers: Mapping[str, str] = field(default_factory=dict)
    raw: bytes | None = None
    """Written instead, and then the connection is closed."""
    wait_for: threading.Event | None = None
    """Set when the answer may go out."""


@dataclass
class Recording:
    """A running server."""

    url: str
    """`http://127.0.0.1:…`, or https."""
    asked: list[Asked] = field(default_factory=list)

    @property
    def last(self) -> Asked:
        return self.asked[-1]


NOTHING = Told()

Answers = Callable[[Asked, int], Told]
"""What to answer to a request; the number counts the requests from 0."""


@contextmanager
def recording(answer: Answers | Told = NOTHING, *, tls: ssl.SSLContext | None = None) -> Iterator[Recording]:
    """A server on a free port of 127.0.0.1."""

    class Answering(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def log_message(self, *_: object) -> None:
            pass

        def answer(self) -> None:
            parts = urlsplit(self.path)
            body = self.rfile.read(int(self.headers.get("content-length", 0)))
            headers = {name.lower(): value for name, value in self.headers.items()}
            query = parse_qsl(parts.query, keep_blank_values=True)
            asked = Asked(self.command, parts.path, query, headers, body)
            with lock:
                number = len(server.asked)
                server.asked.append(asked)
            if "sec-websocket-key" in headers:
                self.open_websocket(headers)
            else:
                self.tell(answer(asked, number) if callable(answer) else answer)

        do_POST = do_GET = answer

        def tell(self, told: Told) -> None:
            if told.wait_for is not None:
                told.wait_for.wait(30)
            if told.raw is not None:
                self.wfile.write(told.raw)
                self.close_connection = True
                return
            body = told.body if isinstance(told.body, bytes | str) else json.dumps(told.body)
            content = body.encode() if isinstance(body, str) else body
            self.send_response(told.status)
            if isinstance(told.body, dict):
                self.send_header("content-type", "application/json")
            for name, value in told.headers.items():
                self.send_header(name, value)
            self.send_header("content-length", str(len(content)))
            self.end_headers()
            try:
                self.wfile.write(content)
            except OSError:
                self.close_connection = True  # the client has read enough

        def open_websocket(self, headers: Mapping[str, str]) -> None:
            key = headers["sec-websocket-key"] + "258EAFA5-E914-47DA-95CA-C5AB0DC85B11"
            self.send_response(101)
            self.send_header("upgrade", "websocket")
            self.send_header("connection", "Upgrade")
            self.send_header(
                "sec-websocket-accept", base64.b64encode(hashlib.sha1(key.encode()).digest()).decode()
            )
            if "sec-websocket-protocol" in headers:
                self.send_header("sec-websocket-protocol", "realtime")
            self.end_headers()
            self.wfile.write(b"\x88\x02\x03\xe8")  # goodbye: 1000
            self.rfile.read(1)  # until the client has heard it
            self.close_connection = True

    lock = threading.Lock()
    with ThreadingHTTPServer(("127.0.0.1", 0), Answering) as listening:
        listening.daemon_threads = True
        if tls is not None:
            listening.socket = tls.wrap_socket(listening.socket, server_side=True)
        scheme = "http" if tls is None else "https"
        server = Recording(f"{scheme}://127.0.0.1:{listening.server_address[1]}")
        thread = threading.Thread(target=listening.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
        thread.start()
        try:
            yield server
        finally:
            listening.shutdown()
            thread.join()
