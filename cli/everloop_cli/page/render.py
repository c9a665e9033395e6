"""Views as HTML: one environment, which escapes whatever is put into a template."""

import re
from dataclasses import dataclass
from datetime import datetime, timedelta
from importlib.metadata import version
from pathlib import Path
from typing import Any, Final

from jinja2 import Environment, FileSystemLoader, StrictUndefined, pass_context
from jinja2.runtime import Context
from markupsafe import Markup
from starlette.requests import Request
from starlette.responses import HTMLResponse

from everloop.aws.settings import Settings
from everloop.moments import moment
from everloop.reading import reports
from everloop_cli.page import drawing, words
from everloop_cli.page.board import Board
from everloop_cli.page.clock import Clock

HERE: Final = Path(__file__).parent
LANGUAGE: Final = "everloop-language"  # a cookie
_MARKS: Final = {"good": "✓", "bad": "✕", "waiting": "◷", "info": "•"}


@dataclass(frozen=True)
class Site:
    """What all pages of one `everloop ui` share."""

    here: Settings
    clock: Clock
    board: Board
    allow_changes: bool


def site(request: Request) -> Site:
    found: Site = request.app.state.site
    return found


def language(request: Request) -> str:
    return words.chosen(request.cookies.get(LANGUAGE), request.headers.get("accept-language", ""))


def page(request: Request, template: str, status: int = 200, **context: Any) -> HTMLResponse:
    """Return a page of a template; what is in `context` is escaped there."""
    there, chosen = site(request), language(request)
    t = words.translator(chosen)
    text = _ENVIRONMENT.get_template(template).render(
        t=t,
        language=chosen,
        languages=words.LANGUAGES,
        here=there.here,
        clock=there.clock,
        now=there.clock.now(),
        allow=there.allow_changes,
        csrf=request.scope["csrf"],
        path=request.url.path,
        query=request.url.query,
        everloop=_VERSION,
        **context,
    )
    return HTMLResponse(text, status)


def number(value: Any, form: str = ".4g") -> Markup:
    """Write a number as people read it, with its whole value beside it for who compares."""
    if value is None:
        return Markup('<span class="soft">–</span>')
    if isinstance(value, int):
        form = ","
    return Markup('<data value="{}">{}</data>').format(repr(value), format(value, form))


def money(value: float | None, currency: str) -> Markup:
    if value is None:
        return Markup('<span class="soft">–</span>')
    shown = f"{value:,.0f}" if value >= 100 else f"{value:,.2f}"
    return Markup('<data value="{}">{} {}</data>').format(repr(value), currency, shown)


def when(at: datetime | str | None, *, seconds: bool = False) -> Markup:
    """Write a moment: in UTC, which the page's head says, with the whole of it beside."""
    if not at:
        return Markup('<span class="soft">–</span>')
    read = moment(at)
    form = "%Y-%m-%d %H:%M:%S" if seconds else "%Y-%m-%d %H:%M"
    return Markup('<time datetime="{}" title="{} UTC">{}</time>').format(
        f"{read:%Y-%m-%dT%H:%M:%SZ}", f"{read:%Y-%m-%d %H:%M:%S}", f"{read:{form}}"
    )


def plain(at: datetime) -> str:
    """Write a moment where no element may stand."""
    return f"{at:%Y-%m-%d %H:%M} UTC"


@pass_context
def ago(context: Context, at: datetime | str | None) -> Markup:
    """Write how long ago a moment was, by the cloud's clock; of one to come, in how long."""
    if not at:
        return Markup('<span class="soft">–</span>')
    read, t = moment(at), context["t"]
    passed = (context["now"] - read).total_seconds()
    said = t("in {span}", span=span(-passed)) if passed < -1 else t("{span} ago", span=span(passed))
    return Markup('<time datetime="{}" title="{} UTC" data-ago>{}</time>').format(
        f"{read:%Y-%m-%dT%H:%M:%SZ}", f"{read:%Y-%m-%d %H:%M:%S}", said
    )


def span(took: timedelta | float | None) -> str:
    """Write how long something took."""
    if took is None:
        return "–"
    seconds = round(took.total_seconds() if isinstance(took, timedelta) else took)
    if seconds < 60:
        return f"{max(seconds, 0)} s"
    if seconds < 3600:
        return f"{seconds // 60} min"
    if seconds < 172_800:
        return f"{seconds / 3600:.1f} h"
    return f"{seconds / 86_400:.0f} d"


def tone(text: Any, outcome: str) -> Markup:
    """Write a word with what it means: a mark beside the colour, which not everybody sees."""
    kind = outcome if outcome in _MARKS else "info"
    mark = Markup('<span class="mark" aria-hidden="true">{}</span>').format(_MARKS[kind])
    return Markup('<span class="tone {}">{}{}</span>').format(kind, mark, text)


def breakable(name: str) -> Markup:
    """Write a name of words joined by underscores, or capitals, so that a line may end there."""
    return Markup("<wbr>").join(re.split(r"(?<=_)|(?<=[a-z])(?=[A-Z])", name))


def size(count: float) -> str:
    for unit in ("B", "kB", "MB", "GB"):
        if count < 1000:
            return f"{count:.3g} {unit}"
        count /= 1000
    return f"{count:.3g} TB"


def titles(t: words.Translate) -> dict[str, str]:
    """Return what a decision of each kind is called."""
    return {
        "install": t("Push"),
        "collect": t("Data came"),
        "freeze": t("Dataset frozen"),
        "withdraw": t("Data withdrawn"),
        "forget": t("Somebody forgotten"),
        "score": t("Batch scored"),
        "set-aside": t("Set aside"),
        "restore": t("Data restored"),
        "train": t("Training"),
        "train-end": t("Training ended"),
        "retrain": t("Retraining"),
        "request": t("Training requested"),
        "instance": t("Instance"),
        "wait": t("Waiting for AWS"),
        "seal": t("Sealed"),
        "judge": t("Judged"),
        "approve": t("Approval"),
        "pin": t("Pinned"),
        "release": t("Release"),
        "test": t("Tests"),
        "serve": t("Serves"),
        "rollback": t("Rolled back"),
        "monitor": t("Look"),
        "violation": t("Violation"),
        "reconcile": t("Reconcile"),
        "pause": t("Paused"),
        "resume": t("Resumed"),
        "remove": t("Removed"),
        "reproduce": t("Trained again"),
    }


def report_names(t: words.Translate) -> dict[str, str]:
    """Return what a version's report of each kind is called."""
    return {
        reports.EVALUATION: t("Evaluation"),
        reports.COMPARISON: t("Comparison"),
        reports.DATA: t("Data"),
        reports.CARD: t("Model card"),
    }


def kind_names(t: words.Translate) -> dict[str, str]:
    """Return what kinds of events are called, for who wants to see some of them only."""
    return {
        "data": t("data"),
        "training": t("training"),
        "judgement": t("judgement"),
        "release": t("releases"),
        "looks": t("looks"),
    }


def _environment() -> Environment:
    made = Environment(
        loader=FileSystemLoader(HERE / "templates"),
        autoescape=True,
        undefined=StrictUndefined,
        auto_reload=False,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    made.filters |= {
        "num": number,
        "money": money,
        "when": when,
        "plain": plain,
        "ago": ago,
        "span": span,
        "tone": tone,
        "size": size,
        "breakable": breakable,
        "spark": drawing.spark,
    }
    made.globals |= {
        "chart": drawing.chart,
        "titles": titles,
        "report_names": report_names,
        "kind_names": kind_names,
    }
    return made


_ENVIRONMENT: Final = _environment()
_VERSION: Final = version("everloop")
