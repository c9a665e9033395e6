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

QUOTA, CAPACITY, THROTTLING, SPOT, INTERNAL = (
    "quota",
    "capacity",
    "throttling",
    "spot",
    "internal",
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
# How a reason tells its code: at its head; as botocore writes an error; as Step Functions does.
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
    r"ClientError: Failed to invoke \w+:\w+\.? Error Details:\s*(?P<said>.*)", re.S
)
_BOTOCORE = "An error occurred ("  # how it begins what AWS answered


def trouble(reason: str, code: str = "") -> Trouble | None:
    """Return what AWS lacked, by its code and its words; None for anything that is no such thing.

    `reason` is a FailureReason, or the text of an error; `code` the error's code, where one came.
    """
    said = _plain(reason)
    if said.startswith("AlgorithmError"):
        return None
    called = _CALLED.match(said)
    sentence = called["said"] if called else said
    kind, named = _kind(sentence, code.rpartition(".")[2])
    if not kind:
        return None
    if kind == QUOTA:
        return _quota(named, said)
    return Trouble(kind, named, said=said[:600])


def trouble_of(caught: Mapping[str, Any]) -> Trouble | None:
    """Return what AWS lacked by an error that a state machine caught: {Error, Cause}.

    The cause of a job that failed is the job's description, that of a function its error.
    """
    name, cause = str(caught.get("Error") or ""), str(caught.get("Cause") or "")
    try:
        told = json.loads(cause)
    except (ValueError, RecursionError):
        told = None
    if not isinstance(told, dict):
        return trouble(cause, name)
    if "errorMessage" in told:
        # The words of our own error, with what AWS said behind its subject.
        message = str(told.get("errorMessage") or "")
        if name == NoCapacity.__name__ and _BOTOCORE not in message:
            return trouble(message.partition(": ")[2])
        return trouble(message[message.index(_BOTOCORE) :]) if _BOTOCORE in message else None
    secondary = str(told.get("SecondaryStatus") or "")
    return trouble(str(told.get("FailureReason") or ""), secondary if secondary in _CODES else "")


def _kind(sentence: str, code: str) -> tuple[str, str]:
    for pattern in _HEADS:
        found = pattern.match(sentence) if pattern is _HEADS[0] else pattern.search(sentence)
        named = (found["code"] or "") if found else ""
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


def _quota(code: str, said: str) -> Trouble:
    found = _LIMIT.search(said)
    if found:
        there = int(found["there"])
        used, delta = int(found["used"] or 0), int(found["delta"] or 1)
        wanted = max(used + delta, there + 1)
        return Trouble(QUOTA, code, found["quota"], there, wanted, there >= delta, said[:600])
    offered = _NOT_OFFERED.search(said)
    if offered:
        return Trouble(QUOTA, code, offered["what"], 0, 1, False, said[:600])
    return Trouble(QUOTA, code, said=said[:600])


def _plain(text: str) -> str:
    return text.replace("&#39;", "'").replace("&quot;", '"').strip()


def description(found: Trouble) -> str:
    """Say in one sentence what AWS lacked."""
    if found.kind == QUOTA and found.there is not None:
        return f"the quota '{found.quota}' is {found.there}, and at least {found.wanted} is needed"
    words = {
        QUOTA: "a quota of the account is used up",
        CAPACITY: "AWS has no instances of this type to give",
        THROTTLING: "AWS throttles the account's calls",
        SPOT: "AWS has no spot instances to give",
        INTERNAL: "AWS had an internal error",
    }
    said = f": {found.said[:300]}" if found.said else ""
    return f"{words[found.kind]} ({found.code}{said})"


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


def quota_code(found: Trouble) -> str:
    """Return a quota's code as Service Quotas has it; empty where it is not known here."""
    return _QUOTA_CODES.get(found.quota, "")


def to_do(found: Trouble, model: str, *, held: bool) -> tuple[str, ...]:
    """Return what a person can do about it, the most useful first."""
    lines: list[str] = []
    if found.kind == QUOTA and found.quota.startswith(("training-", "processing-", "transform-")):
        lines.append("This Region does not have that instance type: name another in model.toml.")
    elif found.kind == QUOTA:
        code = quota_code(found)
        if found.quota and not code:
            lines += [
                "Find the quota's code:",
                "  aws service-quotas list-service-quotas --service-code sagemaker --output text "
                f"--query \"Quotas[?QuotaName=='{found.quota}'].[QuotaCode,Value]\"",
            ]
        lines += [
            "Ask AWS for more (minutes to days):",
            "  aws service-quotas request-service-quota-increase --service-code sagemaker "
            f"--quota-code {code or 'CODE'} --desired-value {found.wanted or 'NUMBER'}",
        ]
    elif found.kind == SPOT:
        lines.append("Spot may never come: [train] spot = false takes on-demand instances.")
    if found.kind in (QUOTA, CAPACITY, SPOT):
        lines.append(
            f"Or take another instance type in model.toml, and push: everloop push models/{model}"
        )
    if held:
        lines += ["When it is repaired, or to try it once more:", f"  everloop resume {model}"]
    else:
        lines.append("Nothing is lost, and it is tried again by itself.")
    return tuple(lines)
