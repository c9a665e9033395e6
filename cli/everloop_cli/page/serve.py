"""Serving the page: on loopback, for one token, until Ctrl-C."""

import contextlib
import logging
import socket
import threading
from collections.abc import Callable
from types import FrameType

import uvicorn

from everloop.aws.settings import Settings
from everloop_cli import browsers
from everloop_cli.page.app import create
from everloop_cli.page.board import Board
from everloop_cli.page.clock import Clock
from everloop_cli.page.guard import Guard
from everloop_cli.page.render import Site
from everloop_cli.trouble import Trouble

HOST = "127.0.0.1"


def serve(
    here: Settings,
    *,
    port: int,
    allow_changes: bool,
    open_browser: bool,
    say: Callable[[str, int], None],
) -> None:
    """Serve the page of a stack; `say` gets its address, with the token, and its port.

    Raises Trouble where the port is taken.
    """
    listening = _listen(port)
    chosen = int(listening.getsockname()[1])
    clock = Clock()
    clock.read()
    token = Guard.new_token()
    site = Site(here, clock, Board(here, clock), allow_changes)
    app = create(site, token, chosen)
    site.board.rows(site.board.names()[:20], 0)  # begun while the browser opens
    address = f"http://{HOST}:{chosen}/?token={token}"
    say(address, chosen)
    if open_browser:  # what BROWSER names may return only once it was closed
        threading.Thread(target=browsers.show, args=(address,), daemon=True).start()
    logging.getLogger("uvicorn").setLevel(logging.WARNING)
    config = uvicorn.Config(
        app,
        log_config=None,
        access_log=False,  # an address holds the token
        server_header=False,
        proxy_headers=False,
        timeout_graceful_shutdown=1,
        ws="none",
    )
    with contextlib.suppress(KeyboardInterrupt), listening:
        _Server(config, site.board).run(sockets=[listening])


class _Server(uvicorn.Server):
    """Ends the streams of open pages with itself: it would wait for them, and then tell of each."""

    def __init__(self, config: uvicorn.Config, board: Board) -> None:
        super().__init__(config)
        self._board = board

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        self._board.end_streams()
        super().handle_exit(sig, frame)


def _listen(port: int) -> socket.socket:
    listening = socket.socket()
    listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listening.bind((HOST, port))
        listening.listen(128)  # whoever reads the address may come before the server does
    except OSError as error:
        listening.close()
        raise Trouble(
            f"port {port} cannot be had: {error.strerror or error}. Name another with --port, or "
            "--port 0 for any that is free"
        ) from error
    return listening
