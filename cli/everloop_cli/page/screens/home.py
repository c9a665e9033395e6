"""All models, and what needs attention."""

from typing import Final

from starlette.requests import Request
from starlette.responses import Response

from everloop_cli.page import render

_ROWS: Final = 20  # of one page
_PATIENCE_S: Final = 0.4  # for rows that nobody has read yet
_MOST: Final = 40  # lines of attention


def show(request: Request) -> Response:
    board = render.site(request).board
    names = board.names()
    wanted = request.query_params.get("q", "").strip()
    found = [name for name in names if wanted.lower() in name.lower()] if wanted else names
    pages = max(1, -(-len(found) // _ROWS))
    number = _page(request.query_params.get("page", ""), pages)
    chosen = found[(number - 1) * _ROWS : number * _ROWS]
    rows = board.rows(chosen, _PATIENCE_S)
    troubles, examined = board.troubles()
    needs = sorted(
        ((name, each) for name, found in troubles.items() for each in found),
        key=lambda need: (not need[1].wrong, need[0]),
    )
    stack = board.stack()
    return render.page(
        request,
        "home.html",
        rows=rows,
        names=names,
        found=found,
        wanted=wanted,
        number=number,
        pages=pages,
        needs=needs[:_MOST],
        more=max(0, len(needs) - _MOST),
        stack_needs=stack or [],
        examined=examined,
        all_examined=examined >= len(names) and stack is not None,
    )


def _page(text: str, pages: int) -> int:
    return min(max(int(text), 1), pages) if text.isdecimal() and len(text) < 7 else 1
