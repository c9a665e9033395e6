"""A person's word that nothing new starts for a model, or that it may again."""

from typing import Any

from everloop_cli.calling import call


def set_pause(model: str | None, *, pause: bool, reason: str) -> list[str]:
    """Pause or resume a model, or all; returns the names of those that changed."""
    request: dict[str, Any] = {"pause": pause, "reason": reason}
    if model:
        request["model"] = model
    return list(call("pause-models", request)["models"])
