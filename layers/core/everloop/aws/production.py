"""Production: which version serves, whatever the form of serving is.

An endpoint says it by itself. Without one the ledger does: one record, moved by releases alone.
"""

from everloop.aws import endpoints, ledger, table
from everloop.decisions.releases import Serving
from everloop.errors import Conflict
from everloop.records import production as records
from everloop.records.installation import Installation
from everloop.records.production import Production
from everloop.spec import forms

_SERVES = "InService"


def serving(installed: Installation) -> Serving | None:
    """Return what serves a model; None where nothing does."""
    if forms.of(installed.spec).has_endpoint:
        return endpoints.serving(installed.model)
    return _as_serving(installed.model, find(installed.model))


def of_model(model: str) -> Serving | None:
    """Return what serves a model, installed or not."""
    installed = ledger.find_installed(model)
    return serving(installed) if installed else endpoints.serving(model)


def find(model: str) -> Production | None:
    """Return where the pointer points; None where it was never set, or an endpoint serves since."""
    return records.of(table.get(records.key(model)) or {})


def move(model: str, production: Production) -> None:
    """Point at another version. Raises Conflict where a later release has moved the pointer."""
    try:
        table.write(records.put(model, production))
    except Conflict as conflict:
        raise Conflict(f"a later release has moved production of {model}") from conflict


def clear(model: str) -> bool:
    """Point at nothing; False where the pointer did not point at anything."""
    return table.written(records.clear(model))


def _as_serving(model: str, pointed: Production | None) -> Serving | None:
    if pointed is None:
        return None
    return Serving(
        endpoint=model,
        status=_SERVES,
        config=pointed.sagemaker_model,
        version=pointed.version,
        changed_at=pointed.since,
        image=pointed.image,
    )
