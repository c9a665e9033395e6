"""Deploying a template to the local cloud, as `sam build` and `sam deploy` do to AWS.

It is an ordinary client: all it does goes through the cloud's port. Also a program of its own:
`python -m everloop_localcloud.cloudformation.deploy --stack everloop`.
"""

import argparse
import copy
import hashlib
import json
import os
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import boto3
from botocore.config import Config
from botocore.exceptions import ClientError, EndpointConnectionError

from everloop_localcloud.cloudformation import packaging
from everloop_localcloud.cloudformation import template as templates
from everloop_localcloud.cloudformation.language_extensions import bodies
from everloop_localcloud.kernel.errors import AwsError

_POLL = 0.1  # real seconds
_CAPABILITIES = ["CAPABILITY_IAM", "CAPABILITY_NAMED_IAM", "CAPABILITY_AUTO_EXPAND"]
# Resource type -> the property that may name a local path.
_LOCAL = {
    "AWS::Serverless::Function": "CodeUri",
    "AWS::Serverless::LayerVersion": "ContentUri",
    "AWS::Serverless::StateMachine": "DefinitionUri",
}


class DeployError(Exception):
    """A stack did not become what its template says; the message names resources and reasons."""


Progress = Callable[[str], None]


def deploy(
    template: Path,
    stack: str,
    parameters: dict[str, str],
    endpoint_url: str,
    region: str,
    build_folder: Path,
    progress: Progress,
) -> dict[str, str]:
    """Build and deploy a template; return the stack's outputs.

    A parameter that is not given keeps its previous value, or takes its default. Raises DeployError
    or packaging.BuildError.
    """
    deployment = _Deployment(endpoint_url, region, build_folder, progress)
    return deployment.run(template, stack, parameters)


class _Deployment:
    def __init__(
        self, endpoint_url: str, region: str, build_folder: Path, progress: Progress
    ) -> None:
        self._build_folder = build_folder
        self._progress = progress
        session: Any = boto3.Session(
            aws_access_key_id=os.environ.get("AWS_ACCESS_KEY_ID") or "everloop",
            aws_secret_access_key=os.environ.get("AWS_SECRET_ACCESS_KEY") or "everloop",
            region_name=region,
        )

        def client(service: str, **config: Any) -> Any:
            return session.client(service, endpoint_url=endpoint_url, config=Config(**config))

        self._cloudformation = client("cloudformation", retries={"max_attempts": 2})
        self._s3 = client("s3", s3={"addressing_style": "path"})
        account = client("sts").get_caller_identity()["Account"]
        self._bucket = f"everloop-deploy-{account}-{region}"
        self._uploaded: set[str] = set()

    def run(self, template: Path, stack: str, parameters: dict[str, str]) -> dict[str, str]:
        self._make_bucket()
        packaged = self._packaged(template)
        text = json.dumps(packaged).encode()
        key = self._upload(text, f"{hashlib.sha256(text).hexdigest()}.template")
        url = f"{self._s3.meta.endpoint_url}/{self._bucket}/{key}"
        existing = self._existing(stack)
        change_set = self._change_set(stack, url, packaged, parameters, existing)
        if change_set is None:
            self._progress(f"{stack} is up to date")
        else:
            self._execute(stack, change_set)
        found = self._describe(stack)
        return {one["OutputKey"]: one["OutputValue"] for one in found.get("Outputs", [])}

    def _packaged(self, path: Path) -> dict[str, Any]:
        """Return the template with everything local uploaded and named by its place in S3."""
        packaged = copy.deepcopy(templates.read(path.read_text()))
        folder = path.resolve().parent
        default = packaged.get("Globals", {}).get("Function", {})
        if isinstance(default.get("CodeUri"), str):
            default["CodeUri"] = self._place("AWS::Serverless::Function", default, {}, folder)
        for resource in bodies(packaged["Resources"]):
            name = _LOCAL.get(resource["Type"])
            properties = resource.get("Properties", {})
            if name is not None and isinstance(properties.get(name), str):
                metadata = resource.get("Metadata") or {}
                properties[name] = self._place(resource["Type"], properties, metadata, folder)
        return packaged

    def _place(
        self, kind: str, properties: dict[str, Any], metadata: dict[str, Any], folder: Path
    ) -> str:
        given = properties[_LOCAL[kind]]
        if given.startswith("s3://"):
            return str(given)
        source = folder / given
        if kind == "AWS::Serverless::StateMachine":
            if not source.is_file():
                raise packaging.BuildError(f"DefinitionUri {source} is no file")
            content = source.read_bytes()
            name = f"{hashlib.sha256(content).hexdigest()}{source.suffix}"
        else:
            if kind == "AWS::Serverless::Function":
                built = packaging.function_zip(source, self._build_folder, self._progress)
            else:
                method = metadata.get("BuildMethod")
                built = packaging.layer_zip(source, method, self._build_folder, self._progress)
            content, name = built.read_bytes(), built.name
        return f"s3://{self._bucket}/{self._upload(content, name)}"

    def _make_bucket(self) -> None:
        try:
            self._s3.head_bucket(Bucket=self._bucket)
        except ClientError:
            region = self._s3.meta.region_name
            where = {"CreateBucketConfiguration": {"LocationConstraint": region}}
            self._s3.create_bucket(Bucket=self._bucket, **({} if region == "us-east-1" else where))

    def _upload(self, content: bytes, key: str) -> str:
        """Upload content whose key is its digest, unless it is there."""
        if key in self._uploaded:
            return key
        try:
            self._s3.head_object(Bucket=self._bucket, Key=key)
        except ClientError as error:
            if error.response["ResponseMetadata"]["HTTPStatusCode"] != 404:
                raise
            self._s3.put_object(Bucket=self._bucket, Key=key, Body=content)
        self._uploaded.add(key)
        return key

    def _describe(self, stack: str) -> dict[str, Any]:
        found: dict[str, Any] = self._cloudformation.describe_stacks(StackName=stack)["Stacks"][0]
        return found

    def _existing(self, stack: str) -> dict[str, Any] | None:
        """Return the stack that is there to be updated; what an earlier failure left is removed."""
        try:
            found = self._describe(stack)
        except ClientError:
            return None
        status = found["StackStatus"]
        if status == "REVIEW_IN_PROGRESS":
            return None
        if status.endswith("_IN_PROGRESS"):
            found = self._wait(found["StackId"])
            status = found["StackStatus"]
        if status in ("ROLLBACK_COMPLETE", "ROLLBACK_FAILED", "CREATE_FAILED", "DELETE_FAILED"):
            self._progress(f"{stack} is {status}: deleting what is left of it")
            self._cloudformation.delete_stack(StackName=stack)
            gone = self._wait(found["StackId"])
            if gone["StackStatus"] != "DELETE_COMPLETE":
                raise DeployError(f"{stack} cannot be deleted: {gone.get('StackStatusReason')}")
            return None
        return None if status == "DELETE_COMPLETE" else found

    def _change_set(
        self,
        stack: str,
        url: str,
        packaged: dict[str, Any],
        parameters: dict[str, str],
        existing: dict[str, Any] | None,
    ) -> str | None:
        """Make a change set; return its id, or None where there is nothing to change."""
        unknown = sorted(set(parameters) - set(packaged.get("Parameters") or {}))
        if unknown:
            raise DeployError(f"the template has no parameter {', '.join(unknown)}")
        given: list[dict[str, Any]] = [
            {"ParameterKey": name, "ParameterValue": value} for name, value in parameters.items()
        ]
        for parameter in (existing or {}).get("Parameters", []):
            name = parameter["ParameterKey"]
            if name in (packaged.get("Parameters") or {}) and name not in parameters:
                given.append({"ParameterKey": name, "UsePreviousValue": True})
        try:
            made = self._cloudformation.create_change_set(
                StackName=stack,
                ChangeSetName=f"everloop-{time.time_ns()}",
                ChangeSetType="CREATE" if existing is None else "UPDATE",
                TemplateURL=url,
                Parameters=given,
                Capabilities=_CAPABILITIES,
            )
            found = self._cloudformation.describe_change_set(ChangeSetName=made["Id"])
        except ClientError as error:
            raise DeployError(f"{stack}: {error.response['Error']['Message']}") from error
        if found["Status"] == "CREATE_COMPLETE":
            return str(made["Id"])
        self._cloudformation.delete_change_set(ChangeSetName=made["Id"])
        reason = found.get("StatusReason", "")
        if "didn't contain changes" in reason:
            return None
        raise DeployError(f"{stack}: {reason}")

    def _execute(self, stack: str, change_set: str) -> None:
        seen = {event["EventId"] for event in self._events(stack)}
        self._cloudformation.execute_change_set(ChangeSetName=change_set)
        self._progress(f"deploying {stack}")
        found = self._wait(stack)
        if found["StackStatus"] in ("CREATE_COMPLETE", "UPDATE_COMPLETE"):
            return
        failures = [
            event["ResourceStatusReason"]
            for event in reversed(self._events(stack))
            if event["EventId"] not in seen
            and event["ResourceStatus"].endswith("_FAILED")
            and event["ResourceType"] != "AWS::CloudFormation::Stack"
        ]
        reasons = "\n  ".join(failures or [found.get("StackStatusReason", "")])
        raise DeployError(f"{stack} is {found['StackStatus']}:\n  {reasons}")

    def _wait(self, stack: str) -> dict[str, Any]:
        while True:
            found = self._describe(stack)
            if not found["StackStatus"].endswith("_IN_PROGRESS"):
                return found
            time.sleep(_POLL)

    def _events(self, stack: str) -> list[dict[str, Any]]:
        pages = self._cloudformation.get_paginator("describe_stack_events")
        return [event for page in pages.paginate(StackName=stack) for event in page["StackEvents"]]


def main(arguments: Sequence[str] | None = None) -> int:
    """Deploy from the command line. Returns the process's exit code."""
    parser = argparse.ArgumentParser(
        prog="python -m everloop_localcloud.cloudformation.deploy",
        description="Build a SAM template and deploy it to the local cloud.",
    )
    parser.add_argument("--template", type=Path, default=Path("template.yaml"))
    parser.add_argument("--stack", required=True)
    parser.add_argument("--build", type=Path, default=Path(".everloop/build"), metavar="FOLDER")
    parser.add_argument("--parameter", action="append", default=[], metavar="NAME=VALUE")
    parser.add_argument(
        "--endpoint-url",
        default=os.environ.get("AWS_ENDPOINT_URL", "http://127.0.0.1:4566"),
        help="where the cloud is (%(default)s)",
    )
    region = os.environ.get("AWS_REGION") or os.environ.get("AWS_DEFAULT_REGION") or "us-east-1"
    parser.add_argument("--region", default=region)
    options = parser.parse_args(arguments)
    parameters = {}
    for given in options.parameter:
        name, equals, value = given.partition("=")
        if not equals:
            parser.error(f"--parameter {given!r}: write it as NAME=VALUE")
        parameters[name] = value
    if not options.template.is_file():
        parser.error(f"--template {options.template} is no file")

    def tell(line: str) -> None:
        print(line, flush=True)

    try:
        deploy(
            options.template,
            options.stack,
            parameters,
            options.endpoint_url,
            options.region,
            options.build,
            tell,
        )
    except (DeployError, packaging.BuildError, AwsError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    except EndpointConnectionError as error:
        print(f"error: no cloud answers: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
