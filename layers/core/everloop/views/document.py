"""A view as a document: what `--json` prints, and pages and packs are made from."""

from dataclasses import fields, is_dataclass
from datetime import datetime, timedelta
from typing import Any

from everloop.moments import text


def document(view: Any) -> Any:
    """Return a view as JSON has it: keys are its fields' names, moments text, spans seconds."""
    if is_dataclass(view) and not isinstance(view, type):
        return {field.name: document(getattr(view, field.name)) for field in fields(view)}
    if isinstance(view, datetime):
        return text(view)
    if isinstance(view, timedelta):
        return view.total_seconds()
    if isinstance(view, dict):
        return {str(key): document(value) for key, value in view.items()}
    if isinstance(view, list | tuple):
        return [document(value) for value in view]
    return view
