"""What AWS answered: each operation once per step, with what says who and when taken out."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

ACCOUNT = "123456789012"
_UUID = re.compile(r"[0-9a-f]{8}-(?:[0-9a-f]{4}-){3}[0-9a-f]{12}")


@dataclass
class Recording:
    """Cases by step and operation; of calls that are repeated while one waits, the last."""

    account: str
    step: str = ""
    cases: dict[str, dict[str, Any]] = field(default_factory=dict)

    def follow(self, session: Any) -> None:
        """Record all that clients of this boto3 session are answered, from now on."""
        session.events.register("before-parameter-build.*.*", self._asked)
        session.events.register("after-call.*.*", self._answered)

    def _asked(self, params: Mapping[str, Any], context: dict[str, Any], **_: Any) -> None:
        context["smoke.request"] = dict(params)

    def _answered(
        self, model: Any, parsed: Mapping[str, Any], context: Mapping[str, Any], **_: Any
    ) -> None:
        service = model.service_model.service_name
        self.cases[f"{self.step}: {service}:{model.name}"] = {
            "step": self.step,
            "service": service,
            "operation": model.name,
            "request": masked(context.get("smoke.request", {}), self.account),
            "response": masked(without_metadata(parsed), self.account),
        }


def without_metadata(parsed: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in parsed.items() if name != "ResponseMetadata"}


def masked(value: Any, account: str) -> Any:
    """Return JSON of a request or an answer without account, ids, times and bodies."""
    if isinstance(value, Mapping):
        return {str(name): masked(each, account) for name, each in value.items()}
    if isinstance(value, list | tuple):
        return [masked(each, account) for each in value]
    if isinstance(value, datetime):
        return "<time>"
    if isinstance(value, bytes | bytearray) or hasattr(value, "read"):
        return "<bytes>"
    if isinstance(value, str):
        return _UUID.sub("<id>", value.replace(account, ACCOUNT))
    return value
