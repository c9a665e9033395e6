"""Task tokens of Step Functions: opaque to callers, but they tell whose they are."""

import base64
import json


def token_for(execution_arn: str, event: int, nonce: str) -> str:
    """Make a task token; it tells, opaquely, whose it is, so that a foreign one is recognised."""
    text = json.dumps([execution_arn, event, nonce])
    return base64.b64encode(text.encode()).decode()


def execution_of(token: str) -> str | None:
    """Return the execution a task token belongs to; None if it is no task token."""
    try:
        arn, event, nonce = json.loads(base64.b64decode(token, validate=True))
    except (ValueError, TypeError):
        return None
    known = isinstance(arn, str) and isinstance(event, int) and isinstance(nonce, str)
    return arn if known else None
