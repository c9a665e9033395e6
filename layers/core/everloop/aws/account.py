"""Which account and region a program talks to that is none of the stack's functions."""

import os
from dataclasses import dataclass
from datetime import datetime
from difflib import get_close_matches
from email.utils import parsedate_to_datetime
from typing import Any, Final
from urllib.parse import urlsplit

from botocore.exceptions import InvalidRegionError, ProfileNotFound, UnknownRegionError

from everloop.aws import clients, outside
from everloop.aws.clients import cloudformation, translated
from everloop.aws.outside import sts
from everloop.errors import BadInput, shown

_ANY: Final = "us-east-1"  # of a cloud that is not AWS: clients want a region, whatever it means
_ENDPOINT: Final = "AWS_ENDPOINT_URL"
_endpoints: dict[str, str] = {}  # those that the clients were made for


@dataclass(frozen=True)
class Caller:
    """Whose credentials these are.

    `at` is AWS's own clock, where it gave the time: a laptop's cloud may run faster than ours, and
    the ledger follows it.
    """

    arn: str
    at: datetime | None


def caller() -> Caller:
    with translated("who we are"):
        identity = sts().get_caller_identity()
    date = identity["ResponseMetadata"]["HTTPHeaders"].get("date")
    return Caller(identity["Arn"], parsedate_to_datetime(date) if date else None)


def reach(*, profile: str = "", region: str = "") -> str:
    """Make clients as the AWS CLI does, and return the region that they are in.

    The arguments come before environment and config, which botocore reads. Raises BadInput for
    a profile or region that does not exist, and where no region is named at all.
    """
    session = _session(profile)
    try:
        named = region or _named(session)
    except ProfileNotFound as error:
        there = ", ".join(session.available_profiles) or "none"
        raise BadInput(f"{error}. Profiles of your AWS config: {there}") from error
    chosen = named or _ANY
    _renew(session, chosen)
    if not _asks_aws(chosen):
        return chosen
    if not named:
        raise BadInput(
            "no region is named, and a stack is in one. Name it: --region REGION, or AWS_REGION, "
            "or in your AWS config: aws configure set region REGION. For the laptop: everloop up, "
            'then  eval "$(everloop env)"'
        )
    try:
        session.get_partition_for_region(chosen)
    except UnknownRegionError as error:
        raise _unknown(session, chosen) from error
    return chosen


def _session(profile: str) -> Any:
    """Return botocore's session, a new one where the last one was of another profile."""
    if clients._session().instance_variables().get("profile", "") != profile:
        outside.forget(session=True)
        if profile:
            clients._session().set_config_variable("profile", profile)
    return clients._session()


def _named(session: Any) -> str:
    """Return the region that environment or profile name; botocore does not read AWS_REGION."""
    # What was reached before is no config: an earlier call may have meant another region.
    before = session.instance_variables().get("region")
    session.set_config_variable("region", None)
    name = str(os.environ.get("AWS_REGION") or session.get_config_variable("region") or "")
    session.set_config_variable("region", before)
    return name


def _renew(session: Any, region: str) -> None:
    """Forget clients that were made for another region, or for other endpoints."""
    global _endpoints
    endpoints = {name: url for name, url in os.environ.items() if name.startswith(_ENDPOINT)}
    if session.instance_variables().get("region") != region or endpoints != _endpoints:
        outside.forget()
        session.set_config_variable("region", region)
        _endpoints = endpoints


def _asks_aws(region: str) -> bool:
    """Whether calls go to AWS itself, and not to the laptop's cloud, as botocore is configured."""
    try:
        host = str(urlsplit(cloudformation().meta.endpoint_url).hostname)
    except InvalidRegionError as error:
        raise _unknown(clients._session(), region) from error
    return f".{region}." in host or ".amazonaws." in host


def _unknown(session: Any, region: str) -> BadInput:
    near = get_close_matches(region, session.get_available_regions("cloudformation"), 1)
    hint = f"; did you mean {near[0]}?" if near else ""
    return BadInput(f"region: {shown(region)} is no region of AWS{hint}")
