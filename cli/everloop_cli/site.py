"""Where the stack is: its outputs and the clients that reach it, on AWS or on the laptop."""

import os
from functools import cached_property
from typing import TYPE_CHECKING, Any

import boto3
from botocore.config import Config
from botocore.exceptions import ClientError, EndpointConnectionError, NoCredentialsError

from everloop.aws import clients, settings
from everloop_cli.trouble import Trouble

if TYPE_CHECKING:
    from mypy_boto3_cloudformation import CloudFormationClient
    from mypy_boto3_s3 import S3Client
    from mypy_boto3_sagemaker import SageMakerClient

_REGION = "us-east-1"


class Site:
    """One deployed stack. Ordinary credentials and `AWS_ENDPOINT_URL` decide which."""

    def __init__(self, stack: str = "everloop") -> None:
        self.stack = stack
        named = os.environ.get("AWS_REGION") or os.environ.get("AWS_DEFAULT_REGION")
        self._session: Any = boto3.Session(region_name=named)
        self.region = str(self._session.region_name or _REGION)  # a profile may name one, too

    def client(self, service: str) -> Any:
        config = Config(retries={"mode": "adaptive", "max_attempts": 8}, connect_timeout=5)
        return self._session.client(service, region_name=self.region, config=config)

    def open_door(self) -> None:
        """Let everloop.aws reach this stack, as its outputs tell."""
        clients.reach(self.region, os.environ.get("AWS_ENDPOINT_URL", ""))
        settings.use(settings.of_outputs(self.stack, self.region, self.outputs))

    @cached_property
    def s3(self) -> "S3Client":
        client: S3Client = self.client("s3")
        return client

    @cached_property
    def sagemaker(self) -> "SageMakerClient":
        client: SageMakerClient = self.client("sagemaker")
        return client

    @cached_property
    def outputs(self) -> dict[str, str]:
        """The stack's outputs. Raises Trouble where there is no stack, or nobody to ask."""
        client: CloudFormationClient = self.client("cloudformation")
        try:
            found = client.describe_stacks(StackName=self.stack)["Stacks"][0]
        except NoCredentialsError as error:
            raise Trouble(
                "no AWS credentials. For AWS: configure them as for the AWS CLI. "
                'For the laptop: everloop up, then  eval "$(everloop env)"'
            ) from error
        except EndpointConnectionError as error:
            raise Trouble(f"nothing answers: {error}. Is the cloud up? (everloop up)") from error
        except ClientError as error:
            code = error.response["Error"]["Code"]
            if code == "ValidationError":
                raise Trouble(
                    f"there is no stack {self.stack!r} here. Deploy it (sam deploy, or everloop up "
                    "for the laptop), or name another: --stack NAME"
                ) from error
            raise Trouble(f"AWS refused to describe the stack: {error}") from error
        outputs = found.get("Outputs", [])
        return {output["OutputKey"]: output["OutputValue"] for output in outputs}

    def output(self, name: str) -> str:
        value = self.outputs.get(name)
        if value is None:
            raise Trouble(f"stack {self.stack!r} has no output {name}: is it an Everloop stack?")
        return value
