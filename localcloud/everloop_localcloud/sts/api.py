"""STS: who am I, and keys for a role."""

from datetime import timedelta
from typing import Any

from everloop_localcloud.kernel.account import Call
from everloop_localcloud.kernel.api import Api, operation
from everloop_localcloud.kernel.errors import AwsError
from everloop_localcloud.sts.reads import READS


class Sts(Api):
    service = "sts"
    reads = READS

    @operation
    def get_caller_identity(self, call: Call, request: dict[str, Any]) -> dict[str, Any]:
        name = call.principal.rpartition("/")[2]
        return {"UserId": name, "Account": call.account, "Arn": call.principal}

    @operation
    def assume_role(self, call: Call, request: dict[str, Any]) -> dict[str, Any]:
        arn = request["RoleArn"]
        if arn.count(":") < 5 or ":role/" not in arn:
            raise AwsError("ValidationError", f"{arn} is no ARN of a role")
        session = request["RoleSessionName"]
        seconds = request.get("DurationSeconds", 3600)
        keys = self.cloud.credentials.for_role(arn, session, seconds / 3600)
        name = arn.rpartition("/")[2]
        return {
            "Credentials": {
                "AccessKeyId": keys["AWS_ACCESS_KEY_ID"],
                "SecretAccessKey": keys["AWS_SECRET_ACCESS_KEY"],
                "SessionToken": keys["AWS_SESSION_TOKEN"],
                "Expiration": call.time + timedelta(seconds=seconds),
            },
            "AssumedRoleUser": {
                "AssumedRoleId": f"AROA{name.upper()}:{session}",
                "Arn": self.cloud.credentials.principal(keys["AWS_ACCESS_KEY_ID"]),
            },
        }
