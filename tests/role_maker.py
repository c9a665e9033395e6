"""Roles for tests of the local cloud: made in its IAM, with clients that act as them."""

import json
from collections.abc import Callable
from typing import Any

import boto3
import pytest
from botocore.exceptions import ClientError

from everloop_localcloud.cloud import Cloud

SERVICES = [f"{name}.amazonaws.com" for name in ("lambda", "states", "scheduler", "sagemaker")]
TRUST = {"Effect": "Allow", "Principal": {"Service": SERVICES}, "Action": "sts:AssumeRole"}


def allow(action: str | list[str], resource: str = "*", **condition: Any) -> dict[str, Any]:
    found: dict[str, Any] = {"Effect": "Allow", "Action": action, "Resource": resource}
    return {**found, "Condition": condition} if condition else found


class Role:
    """A role; called with a service's name, it gives a client that acts as the role."""

    def __init__(self, cloud: Cloud, name: str, arn: str) -> None:
        self._cloud = cloud
        self.name, self.arn = name, arn

    def __call__(self, service: Any) -> Any:
        keys = self._cloud.credentials.for_role(self.arn, "session")
        return boto3.client(
            service,
            endpoint_url=self._cloud.url,
            region_name="us-east-1",
            aws_access_key_id=keys["AWS_ACCESS_KEY_ID"],
            aws_secret_access_key=keys["AWS_SECRET_ACCESS_KEY"],
            aws_session_token=keys["AWS_SESSION_TOKEN"],
        )


def role_maker(cloud: Cloud) -> Callable[..., Role]:
    """Return what makes roles with these statements, which every service may assume."""
    made: list[str] = []

    def role(*statements: dict[str, Any], trust: dict[str, Any] = TRUST) -> Role:
        made.append(name := f"role-{len(made)}")
        trusted = json.dumps({"Version": "2012-10-17", "Statement": [trust]})
        request = {"RoleName": name, "AssumeRolePolicyDocument": trusted}
        arn = cloud.call("iam", "CreateRole", request)["Role"]["Arn"]
        document = json.dumps({"Version": "2012-10-17", "Statement": list(statements)})
        grant = {"RoleName": name, "PolicyName": "own", "PolicyDocument": document}
        if statements:
            cloud.call("iam", "PutRolePolicy", grant)
        return Role(cloud, name, arn)

    return role


def refusal(call: Callable[[], Any]) -> dict[str, Any]:
    """Return the error of a call that must fail."""
    with pytest.raises(ClientError) as refused:
        call()
    error: dict[str, Any] = refused.value.response["Error"]
    return error
