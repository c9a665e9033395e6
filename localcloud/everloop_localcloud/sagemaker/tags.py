"""Tags of SageMaker's resources."""

from typing import Any

from everloop_localcloud.kernel.account import Account, Call
from everloop_localcloud.kernel.api import operation
from everloop_localcloud.kernel.errors import validation
from everloop_localcloud.sagemaker.listing import pages

Record = dict[str, Any]
_MOST = 50
# Where the resources of each kind are, by what their ARNs begin with.
_TABLES = {
    "action": "actions",
    "artifact": "artifacts",
    "context": "contexts",
    "endpoint": "endpoints",
    "endpoint-config": "endpoint-configs",
    "experiment": "experiments",
    "experiment-trial": "trials",
    "experiment-trial-component": "trial-components",
    "feature-group": "feature-groups",
    "hyper-parameter-tuning-job": "tuning-jobs",
    "model": "models",
    "model-card": "model-cards",
    "model-package": "packages",
    "model-package-group": "package-groups",
    "pipeline": "pipelines",
    "processing-job": "processing-jobs",
    "training-job": "training-jobs",
    "transform-job": "transform-jobs",
}


class Tags:
    """Operations on tags, whatever they are of."""

    cloud: Account

    @property
    def _tags(self) -> Any:
        return self.cloud.store.table("sagemaker.tags")

    @operation
    def add_tags(self, call: Call, request: Record) -> Record:
        self._check_there(request["ResourceArn"])
        known = dict(self._tags.get(request["ResourceArn"], {}))
        known |= {tag["Key"]: tag["Value"] for tag in request["Tags"]}
        for key in known:
            if key.lower().startswith("aws:"):
                raise validation(f"tag key {key} is invalid: aws: is reserved for AWS")
        if len(known) > _MOST:
            raise validation(f"the resource would have {len(known)} tags; at most {_MOST} are kept")
        self._tags[request["ResourceArn"]] = known
        return {"Tags": as_tags(known)}

    @operation
    def list_tags(self, call: Call, request: Record) -> Record:
        return pages(self.tags_of(request["ResourceArn"]), request, "Tags", lambda tag: tag)

    @operation
    def delete_tags(self, call: Call, request: Record) -> Record:
        known = dict(self._tags.get(request["ResourceArn"], {}))
        for key in request["TagKeys"]:
            known.pop(key, None)
        self._tags[request["ResourceArn"]] = known
        return {}

    def _check_there(self, arn: str) -> None:
        """Raise AwsError where a kind of resource is known and this one of it is not there."""
        kind, _, name = arn.rpartition(":")[2].partition("/")
        table = _TABLES.get(kind)
        if table is not None:
            rows = self.cloud.store.table(f"sagemaker.{table}")
            if not {arn, name} & set(rows):
                raise validation(f"Requested resource not found: {arn}")

    def tags_of(self, arn: str) -> list[Record]:
        return as_tags(self._tags.get(arn, {}))

    def follow_tags(self, operation_name: str, request: Record, answer: Record) -> None:
        """Keep the tags that a Create operation gave, and drop those of what was deleted."""
        arns = [value for name, value in answer.items() if name.endswith("Arn")]
        if len(arns) != 1:
            return
        if operation_name.startswith("Create") and request.get("Tags"):
            self._tags[arns[0]] = {tag["Key"]: tag["Value"] for tag in request["Tags"]}
        elif operation_name.startswith("Delete"):
            self._tags.pop(arns[0], None)


def as_tags(known: dict[str, str]) -> list[Record]:
    return [{"Key": key, "Value": value} for key, value in known.items()]
