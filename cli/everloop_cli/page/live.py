"""What happens while a page is open, as server-sent events: which model's ledger has grown."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import suppress
from typing import Final

from starlette.requests import Request
from starlette.responses import StreamingResponse

from everloop_cli.page import render
from everloop_cli.page.board import ENDED

_HEARTBEAT_S: Final = 15.0  # a proxy or a sleeping laptop must not take the stream for dead
_MOST: Final = 1000  # events that wait for a browser; of more it learns by reading the page again


async def live(request: Request) -> StreamingResponse:
    """Stream events to one browser until it goes away."""
    return StreamingResponse(
        _events(request), media_type="text/event-stream", headers={"X-Accel-Buffering": "no"}
    )


async def _events(request: Request) -> AsyncIterator[bytes]:
    waiting: asyncio.Queue[tuple[str, int]] = asyncio.Queue(_MOST)
    loop = asyncio.get_running_loop()

    def put(model: str, seq: int) -> None:
        with suppress(asyncio.QueueFull):
            waiting.put_nowait((model, seq))

    def heard(model: str, seq: int) -> None:  # in a thread of the board's
        with suppress(RuntimeError):  # the loop has ended, and with it whoever listened
            loop.call_soon_threadsafe(put, model, seq)

    end = render.site(request).board.listen(heard)
    try:
        yield b"retry: 2000\nevent: open\ndata: {}\n\n"
        while True:  # until the page ends, or the browser goes away: then this is cancelled
            try:
                model, seq = await asyncio.wait_for(waiting.get(), _HEARTBEAT_S)
            except TimeoutError:
                yield b": still here\n\n"
                continue
            if seq == ENDED:
                return
            yield b"event: ledger\ndata: %b\n\n" % json.dumps({"model": model, "seq": seq}).encode()
    finally:
        end()
