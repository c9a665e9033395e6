"""Calling a function of the stack on a person's word: who it is, and when, by AWS's own clock."""

import json
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any

from botocore.exceptions import ClientError

from everloop_cli.site import Site
from everloop_cli.trouble import Trouble


def call(site: Site, function: str, request: dict[str, Any]) -> Any:
    """Call `<stack>-<function>` with the request, its actor and its time; return the answer."""
    who = site.client("sts").get_caller_identity()
    # AWS's clock, not ours: the laptop's cloud may run faster, and the ledger follows it.
    told = who["ResponseMetadata"]["HTTPHeaders"].get("date")
    now = parsedate_to_datetime(told) if told else datetime.now(UTC)
    given = {**request, "actor": who["Arn"], "time": now.astimezone(UTC).isoformat()}
    name = f"{site.stack}-{function}"
    try:
        answer = site.client("lambda").invoke(FunctionName=name, Payload=json.dumps(given))
    except ClientError as error:
        raise Trouble(f"{name} could not be called: {error}") from error
    said: Any = json.loads(answer["Payload"].read())
    if "FunctionError" in answer:
        raise Trouble(f"{said.get('errorType')}: {said.get('errorMessage')}")
    return said
