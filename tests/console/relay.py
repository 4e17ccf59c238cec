"""A network that can fail: TCP connections to a server, through a place where they can be cut."""

import selectors
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress


class Relay:
    """Connections to `127.0.0.1:port` here go to the server, until they are cut. While the network is gone
    new ones are closed at once."""

    def __init__(self, server_port: int) -> None:
        self._server = ("127.0.0.1", server_port)
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._listener.getsockname()[1]
        self.gone = False
        self._sockets: set[socket.socket] = set()
        self._threads = [threading.Thread(target=self._accept, name="relay")]
        self._threads[0].start()

    def cut(self) -> None:
        """Close every connection."""
        for each in list(self._sockets):
            with suppress(OSError):  # it may have ended meanwhile
                each.shutdown(socket.SHUT_RDWR)

    def close(self) -> None:
        self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        self.cut()
        for thread in self._threads:
            thread.join(10)

    def _accept(self) -> None:
        while True:
            try:
                caller, _ = self._listener.accept()
            except OSError:
                return
            if self.gone:
                caller.close()
                continue
            thread = threading.Thread(target=self._carry, args=(caller,), name="relay's connection")
            self._threads.append(thread)
            thread.start()

    def _carry(self, caller: socket.socket) -> None:
        with (
            caller,
            socket.create_connection(self._server) as server,
            selectors.DefaultSelector() as selector,
        ):
            self._sockets |= {caller, server}
            selector.register(caller, selectors.EVENT_READ, server)
            selector.register(server, selectors.EVENT_READ, caller)
            try:
                while all(self._pass_on(key.fileobj, key.data) for key, _ in selector.select()):  # type: ignore[arg-type]
                    pass
            except OSError:
                pass  # the other end has gone first
            finally:
                self._sockets -= {caller, server}

    @staticmethod
    def _pass_on(source: socket.socket, target: socket.socket) -> bool:
        """Whether there was anything to pass on."""
        data = source.recv(65536)
        target.sendall(data)
        return bool(data)


@contextmanager
def relaying(server_port: int) -> Iterator[Relay]:
    relay = Relay(server_port)
    try:
        yield relay
    finally:
        relay.close()
