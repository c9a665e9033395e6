"""Forms of serving: what `[deploy] serve` may say. A form is a file of this folder and a row here.

Nothing else branches on a form's name: what differs between forms is a field of `Form`.
"""

from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Final

from everloop.spec.forms import batch, realtime, serverless
from everloop.spec.forms.form import Form
from everloop.spec.nearest import nearest

_ALL: Final = (realtime.FORM, serverless.FORM, batch.FORM)
FORMS: Final[Mapping[str, Form]] = {form.name: form for form in _ALL}


def named(value: str) -> str:
    """Return the name of a form. Raises ValueError for what none is called."""
    if value not in FORMS:
        hint = nearest(value, FORMS) or f"; there are: {', '.join(FORMS)}"
        raise ValueError(f"no form of serving{hint}")
    return value


def of(spec: Mapping[str, Any]) -> Form:
    """Return how a model is served; specs of before do not say it, and have an endpoint."""
    return FORMS[spec["deploy"].get("serve") or realtime.FORM.name]


def implied(deploy: dict[str, Any]) -> dict[str, Any]:
    """Return a [deploy] as somebody wrote it, with what follows from its form."""
    name = deploy.get("serve", realtime.FORM.name)
    form = FORMS.get(name) if isinstance(name, str) else None
    return form.implied(deploy) if form else deploy


def mistakes(spec: Mapping[str, Any], watched: Iterable[str]) -> Iterator[str]:
    """Yield what a form cannot have, and what belongs to another one.

    `watched` are the keys of [monitor] that somebody wrote.
    """
    mine = of(spec)
    yield from mine.mistakes(spec)
    for other in FORMS.values():
        for section in other.sections:
            if other is not mine and spec["deploy"].get(section):
                yield (
                    f"deploy.{section} is given and deploy.serve is {mine.name!r}; it belongs to "
                    f"{other.name!r}: leave out one of them"
                )
    if not mine.captured:
        for key in sorted(watched):
            yield (
                f"monitor.{key} is given and deploy.serve is {mine.name!r}; AWS captures no "
                "traffic of it, so that a monitor has nothing to look at: leave it out"
            )
