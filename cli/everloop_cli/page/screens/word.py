"""A person's word on a version, from a form of this page: only where changes are allowed."""

from urllib.parse import parse_qsl

from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from everloop.aws.clients import FAULTS
from everloop.decisions.approvals import APPROVED, REJECTED
from everloop.errors import EverloopError
from everloop.reading.versions import versions
from everloop_cli import models, review
from everloop_cli.page import render
from everloop_cli.page.guard import is_own_form
from everloop_cli.page.screens import version
from everloop_cli.page.words import translator
from everloop_cli.trouble import Trouble

_WORDS = {"approve": APPROVED, "reject": REJECTED}
_LONGEST = 1024  # of a reason, by SageMaker's API
_LARGEST = 65_536  # bytes of a form


async def say(request: Request) -> Response:
    """Approve or reject as the caller; what stands against it is shown with the reason kept."""
    body = b""
    async for chunk in request.stream():
        body += chunk
        if len(body) > _LARGEST:
            raise HTTPException(413)
    form = dict(parse_qsl(body.decode("utf-8", "replace"), keep_blank_values=True))
    return await run_in_threadpool(_say, request, form)


def _say(request: Request, form: dict[str, str]) -> Response:
    t = translator(render.language(request))
    name, number = request.path_params["model"], request.path_params["number"]
    words = " ".join(form.get("reason", "").split())
    wrong = ""
    if not is_own_form(request.scope, form.get("csrf")):
        wrong = t("This form is not one of this page: open the version again.")
    elif not render.site(request).allow_changes:
        wrong = t("This page only reads. Start it with  everloop ui --allow-changes .")
    elif form.get("word") not in _WORDS:
        wrong = t("Say whether it is approved or rejected.")
    if wrong:
        return version.show(request, wrong, words, 403)
    if not words or len(words) > _LONGEST:
        wrong = t("Say why, in at most {most} characters: it goes into the ledger.", most=_LONGEST)
        return version.show(request, wrong, words, 400)
    try:
        plan = review.plan_word(models.known(name), number, _WORDS[form["word"]], words=words)
        now = form.get("seen", "")
        known = {each.version: each.approval for each in versions(name)}
        if known.get(number) != now:
            wrong = t("Somebody was faster: it is {now} by now.", now=known.get(number))
            return version.show(request, wrong, words, 409)
        review.carry_out(plan, words)
    except (Trouble, EverloopError, *FAULTS) as error:
        return version.show(request, str(error), words, 409)
    done = "endorse" if plan.endorses else form["word"]
    return RedirectResponse(f"/models/{name}/versions/{number}?done={done}", 303)
