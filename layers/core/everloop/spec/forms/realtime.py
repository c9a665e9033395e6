"""`serve = "realtime"`: an endpoint on instances of its own, which answers at any time."""

from collections.abc import Iterable, Mapping
from typing import Any, Final

from everloop.spec import scaling
from everloop.spec.forms.form import Form


def _mistakes(spec: Mapping[str, Any]) -> Iterable[str]:
    return scaling.mistakes(spec)


FORM: Final = Form("realtime", _mistakes, sections=("scale",), implied=scaling.with_defaults)
