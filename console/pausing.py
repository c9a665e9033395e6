"""A person's word that nothing new starts for a model, or that it may again."""

import json
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any

from botocore.exceptions import ClientError

from console.site import Site
from console.trouble import Trouble


def set_pause(site: Site, model: str | None, *, pause: bool, reason: str) -> list[str]:
    """Pause or resume a model, or all; returns the names of those that changed."""
    who = site.client("sts").get_caller_identity()
    # AWS's clock, not ours: the laptop's cloud may run faster, and the ledger follows it.
    told = who["ResponseMetadata"]["HTTPHeaders"].get("date")
    now = parsedate_to_datetime(told) if told else datetime.now(UTC)
    request = {
        "pause": pause,
        "reason": reason,
        "actor": who["Arn"],
        "time": now.astimezone(UTC).isoformat(),
        **({"model": model} if model else {}),
    }
    name = f"{site.stack}-pause-models"
    try:
        answer = site.client("lambda").invoke(FunctionName=name, Payload=json.dumps(request))
    except ClientError as error:
        raise Trouble(f"{name} could not be called: {error}") from error
    said: Any = json.loads(answer["Payload"].read())
    if "FunctionError" in answer:
        raise Trouble(f"{said.get('errorType')}: {said.get('errorMessage')}")
    return list(said["models"])
