"""What AWS lacked when it refused something: no verdict on a model.

The words are AWS's, as FailureReason of jobs, steps and endpoints and as codes of errors give them
(docs/contracts.md has the samples). What a script or a person says never counts: AWS puts it
behind `AlgorithmError`.
"""

import json
import re
from collections.abc import Mapping
from typing import Any

from everloop.errors import NoCapacity
from everloop.records.shortage import Trouble

QUOTA, CAPACITY, THROTTLING, SPOT, INTERNAL, FEATURES = (
    "quota",
    "capacity",
    "throttling",
    "spot",
    "internal",
    "features",
)


# AWS's codes, as a client and as a state machine name them.
_CODES = {
    "ResourceLimitExceeded": QUOTA,
    "ServiceQuotaExceededException": QUOTA,
    "LimitExceededException": QUOTA,
    "LimitExceeded": QUOTA,  # CloudWatch's, of alarms
    "LimitExceededFault": QUOTA,
    "CapacityError": CAPACITY,
    "InsufficientInstanceCapacity": CAPACITY,
    "InsufficientCapacityError": CAPACITY,
    "EC2InsufficientCapacityError": CAPACITY,
    "ThrottlingException": THROTTLING,
    "Throttling": THROTTLING,
    "TooManyRequestsException": THROTTLING,
    "RequestLimitExceeded": THROTTLING,
    "MaxWaitTimeExceeded": SPOT,
    "Interrupted": SPOT,
    "InternalServerError": INTERNAL,
    "InternalServerException": INTERNAL,
    "InternalServiceException": INTERNAL,
    "InternalFailure": INTERNAL,
    "ServiceUnavailable": INTERNAL,
    "ServiceUnavailableException": INTERNAL,
}
# How a reason names its code: at its head; as botocore writes an error; as Step Functions does.
_HEADS = (
    re.compile(r"\s*(?P<code>[A-Za-z0-9]+)\s*(?::|$)"),
    re.compile(r"An error occurred \((?P<code>\w+)\) when calling the \w+ operation"),
    re.compile(r"\(Service: \w+[^()]*; (?:Error Code: (?P<code>\w+))"),
)
# What AWS says where it names no code, always from the beginning of its own sentence.
_SENTENCES = (
    (QUOTA, "ResourceLimitExceeded", r"The account-level service limit\b"),
    (QUOTA, "ResourceLimitExceeded", r"Resource limits? for this account"),
    (QUOTA, "ResourceLimitExceeded", r"The requested resource \S+ is not available in this region"),
    (
        CAPACITY,
        "InsufficientInstanceCapacity",
        r"Unable to provision requested ML compute capacity",
    ),
    (CAPACITY, "InsufficientInstanceCapacity", r"Insufficient capacity\b"),
    (SPOT, "MaxWaitTimeExceeded", r".*\bMax(?:imum allowed )?\W?wait ?time\b"),
    (SPOT, "MaxWaitTimeExceeded", r".*\bMaxWaitTime(?:InSeconds|Exceeded)\b"),
    (SPOT, "Interrupted", r".*\bspot\b.*\b(?:interrupt|reclaim|terminat)"),
    (THROTTLING, "ThrottlingException", r"Rate exceeded\b"),
    (INTERNAL, "InternalServerError", r"We encountered an internal error\b"),
    (INTERNAL, "InternalServerError", r"Request to service failed\. If failure persists"),
)
_LIMIT = re.compile(
    r"service limit (?:for )?['‘]?(?P<quota>[^'’]+?)['’]? is (?P<there>\d+)\b"
    r"(?:.*?current utilization of (?P<used>\d+))?(?:.*?request delta of (?P<delta>\d+))?",
    re.DOTALL,
)
_NOT_OFFERED = re.compile(r"The requested resource (?P<what>\S+) is not available in this region")
# A pipeline's step quotes what it called; the sentence of AWS comes behind.
_CALLED = re.compile(
    r"ClientError: Failed to invoke \w+:\w+\.? Error Details:\s*(?P<sentence>.*)", re.S
)
_BOTOCORE = "An error occurred ("  # how it begins what AWS answered


def trouble(reason: str, code: str = "") -> Trouble | None:
    """Return what AWS lacked, by its code and its words; None for anything that is no such thing.

    `reason` is a FailureReason, or the text of an error; `code` the error's code, where one came.
    """
    message = _plain(reason)
    if message.startswith("AlgorithmError"):
        return None
    called = _CALLED.match(message)
    sentence = called["sentence"] if called else message
    kind, named = _kind(sentence, code.rpartition(".")[2])
    if not kind:
        return None
    if kind == QUOTA:
        return _quota(named, message)
    return Trouble(kind, named, message=message[:600])


def trouble_of(caught: Mapping[str, Any]) -> Trouble | None:
    """Return what AWS lacked by an error that a state machine caught: {Error, Cause}.

    The cause of a job that failed is the job's description, that of a function its error.
    """
    name, cause = str(caught.get("Error") or ""), str(caught.get("Cause") or "")
    try:
        document = json.loads(cause)
    except (ValueError, RecursionError):
        document = None
    if not isinstance(document, dict):
        return trouble(cause, name)
    if "errorMessage" in document:
        # The words of our own error, with the message of AWS behind its subject.
        message = str(document.get("errorMessage") or "")
        if name == NoCapacity.__name__ and _BOTOCORE not in message:
            return trouble(message.partition(": ")[2])
        return trouble(message[message.index(_BOTOCORE) :]) if _BOTOCORE in message else None
    secondary = str(document.get("SecondaryStatus") or "")
    return trouble(
        str(document.get("FailureReason") or ""), secondary if secondary in _CODES else ""
    )


def met_by_transform(caught: Mapping[str, Any], trouble: Trouble) -> bool:
    """Whether it was a transform job that met a trouble, by the error that a machine caught."""
    if trouble.quota:
        return "transform" in trouble.quota
    return '"TransformJobName"' in str(caught.get("Cause") or "")


def _kind(sentence: str, code: str) -> tuple[str, str]:
    for pattern in _HEADS:
        match = pattern.match(sentence) if pattern is _HEADS[0] else pattern.search(sentence)
        named = (match["code"] or "") if match else ""
        named = named.removesuffix("Exception") if named not in _CODES else named
        if named in _CODES:
            return _CODES[named], named
    for kind, named, words in _SENTENCES:
        if re.match(words, sentence, re.IGNORECASE | re.DOTALL):
            return kind, named
    for named in (code, code.removesuffix("Exception")):
        if named in _CODES:
            return _CODES[named], named
    return "", ""


def _quota(code: str, message: str) -> Trouble:
    limit = _LIMIT.search(message)
    if limit:
        there = int(limit["there"])
        used, delta = int(limit["used"] or 0), int(limit["delta"] or 1)
        needed = max(used + delta, there + 1)
        return Trouble(QUOTA, code, limit["quota"], there, needed, there >= delta, message[:600])
    offered = _NOT_OFFERED.search(message)
    if offered:
        return Trouble(QUOTA, code, offered["what"], 0, 1, False, message[:600])
    return Trouble(QUOTA, code, message=message[:600])


def _plain(text: str) -> str:
    return text.replace("&#39;", "'").replace("&quot;", '"').strip()


def description(trouble: Trouble) -> str:
    """Say in one sentence what AWS lacked."""
    if trouble.kind == QUOTA and trouble.there is not None:
        least = f"at least {trouble.needed} is needed"
        return f"the quota '{trouble.quota}' is {trouble.there}, and {least}"
    words = {
        QUOTA: "a quota of the account is used up",
        CAPACITY: "AWS has no instances of this type to give",
        THROTTLING: "AWS throttles the account's calls",
        SPOT: "AWS has no spot instances to give",
        INTERNAL: "AWS had an internal error",
        FEATURES: "records of features are not in the offline store yet",
    }
    quoted = f": {trouble.message[:300]}" if trouble.message else ""
    return f"{words[trouble.kind]} ({trouble.code}{quoted})"


# Codes that Service Quotas has for what the standard pipeline uses by default, and its neighbours;
# the message has the command that finds any other.
_QUOTA_CODES = {
    "ml.m5.large for training job usage": "L-611FA074",
    "ml.m5.large for spot training job usage": "L-29688C85",
    "ml.m5.large for processing job usage": "L-8541302D",
    "ml.m5.large for transform job usage": "L-236AE59F",
    "ml.m5.large for endpoint usage": "L-614B09FD",
    "ml.m5.xlarge for training job usage": "L-CCE2AFA6",
    "ml.m5.xlarge for spot training job usage": "L-4CEE6BA6",
    "ml.m5.xlarge for processing job usage": "L-0307F515",
    "ml.m5.xlarge for transform job usage": "L-7939E4EC",
    "ml.m5.xlarge for endpoint usage": "L-2F737F8D",
    "ml.t2.medium for endpoint usage": "L-29C181D7",
    "Number of instances across all training jobs": "L-00C91CB5",
}


def quota_code(trouble: Trouble) -> str:
    """Return a quota's code as Service Quotas has it; empty where it is not known here."""
    return _QUOTA_CODES.get(trouble.quota, "")


def to_do(trouble: Trouble, model: str, *, held: bool) -> tuple[str, ...]:
    """Return what a person can do about it, the most useful first."""
    lines: list[str] = []
    if trouble.kind == QUOTA and trouble.quota.startswith(
        ("training-", "processing-", "transform-")
    ):
        lines.append("This Region does not have that instance type: name another in model.toml.")
    elif trouble.kind == QUOTA:
        code = quota_code(trouble)
        if trouble.quota and not code:
            lines += [
                "Find the quota's code:",
                "  aws service-quotas list-service-quotas --service-code sagemaker --output text "
                f"--query \"Quotas[?QuotaName=='{trouble.quota}'].[QuotaCode,Value]\"",
            ]
        lines += [
            "Ask AWS for more (minutes to days):",
            "  aws service-quotas request-service-quota-increase --service-code sagemaker "
            f"--quota-code {code or 'CODE'} --desired-value {trouble.needed or 'NUMBER'}",
        ]
    elif trouble.kind == FEATURES:
        lines.append("AWS writes an offline store within 15 minutes: look whether it is Blocked.")
    elif trouble.kind == SPOT:
        lines.append("Spot may never come: [train] spot = false takes on-demand instances.")
    if trouble.kind in (QUOTA, CAPACITY, SPOT):
        lines.append(
            f"Or take another instance type in model.toml, and push: everloop push models/{model}"
        )
    if held:
        lines += ["When it is repaired, or to try it once more:", f"  everloop resume {model}"]
    else:
        lines.append("Nothing is lost, and it is tried again by itself.")
    return tuple(lines)
