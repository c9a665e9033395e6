"""The page as an application: its addresses, and what is shown where something goes wrong."""

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import Mount, Route
from starlette.staticfiles import StaticFiles

from everloop.aws.clients import FAULTS
from everloop.errors import BadInput, EverloopError
from everloop_cli.page import render, words
from everloop_cli.page.guard import App, Guard
from everloop_cli.page.live import live
from everloop_cli.page.render import HERE, LANGUAGE, Site
from everloop_cli.page.screens import (
    compare,
    data,
    home,
    ledger,
    look,
    model,
    operate,
    run,
    version,
    word,
)
from everloop_cli.page.screens.reports import own, report
from everloop_cli.trouble import Trouble

Screen = Callable[[Request], Response]


def create(site: Site, token: str, port: int) -> App:
    """Return the application, guarded; it answers on this port of this machine only."""

    @asynccontextmanager
    async def lifespan(app: Starlette) -> AsyncIterator[None]:
        site.board.start()
        yield
        site.board.stop()

    app = Starlette(
        routes=[
            Route("/", home.show),
            Route("/models/{model}", model.show),
            Route("/models/{model}/versions/{number:int}", version.show),
            Route("/models/{model}/versions/{number:int}/word", word.say, methods=["POST"]),
            Route("/models/{model}/versions/{number:int}/reports/{kind}", report),
            Route("/models/{model}/versions/{number:int}/own/{page:path}", own),
            Route("/models/{model}/runs/{run}", run.show),
            Route("/models/{model}/looks/{seq:int}", look.show),
            Route("/models/{model}/looks/{seq:int}/report", look.report),
            Route("/models/{model}/data", data.show),
            Route("/models/{model}/compare", compare.show),
            Route("/models/{model}/ledger", ledger.show),
            Route("/operate", operate.show),
            Route("/live", live),
            Route("/language/{name}", _language),
            Mount("/static", StaticFiles(directory=HERE / "static")),
        ],
        exception_handlers={
            HTTPException: _not_there,
            Trouble: _trouble,
            BadInput: _trouble,
            EverloopError: _fault,
            **dict.fromkeys(FAULTS, _fault),
            Exception: _flaw,
        },
        lifespan=lifespan,
    )
    app.state.site = site
    return Guard(app, token, port)


async def _language(request: Request) -> Response:
    """Keep the chosen language, and go back to where it was chosen."""
    back = request.query_params.get("back", "/")
    here = back.startswith("/") and not back.startswith(("//", "/\\"))
    answer = RedirectResponse(back if here else "/", 303)
    if request.path_params["name"] in words.LANGUAGES:
        answer.set_cookie(LANGUAGE, request.path_params["name"], samesite="strict", httponly=True)
    return answer


def _not_there(request: Request, error: Exception) -> Response:
    status = error.status_code if isinstance(error, HTTPException) else 404
    return render.page(request, "error.html", status, kind="missing", message="")


def _trouble(request: Request, error: Exception) -> Response:
    return render.page(request, "error.html", 404, kind="trouble", message=str(error))


def _flaw(request: Request, error: Exception) -> Response:
    """Show a flaw of the page's own; the terminal that it runs in has its traceback."""
    return render.page(request, "error.html", 500, kind="flaw", message=type(error).__name__)


def _fault(request: Request, error: Exception) -> Response:
    return render.page(request, "error.html", 502, kind="aws", message=str(error))
