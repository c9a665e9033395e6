"""The HTTP server of one cloud."""

import socket
import threading
from functools import partial

from everloop_localcloud.kernel.front.connection import Connection, Server
from everloop_localcloud.kernel.front.served import Served


class Front:
    """The HTTP server of one cloud, on 127.0.0.1 only."""

    def __init__(self, cloud: Served) -> None:
        self._server = Server(("127.0.0.1", cloud.port), Connection)
        self._server.cloud = cloud
        self._server.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.port: int = self._server.server_address[1]

    def start(self) -> None:
        # The poll only bounds how long stop() takes.
        serve = partial(self._server.serve_forever, poll_interval=0.05)
        threading.Thread(target=serve, name="front", daemon=True).start()

    def stop(self) -> None:
        self._server.shutdown()
        self._server.server_close()
