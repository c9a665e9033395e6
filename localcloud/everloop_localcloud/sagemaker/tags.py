"""Tags of SageMaker's resources."""

from collections.abc import Mapping
from typing import Any

from everloop_localcloud.kernel.account import Account, Call
from everloop_localcloud.kernel.api import operation
from everloop_localcloud.kernel.errors import validation
from everloop_localcloud.sagemaker.listing import pages
from everloop_localcloud.sagemaker.part import Part, Records
from everloop_localcloud.sagemaker.tag_store import TagStore

Record = dict[str, Any]
_MOST = 50


class Tags(Part):
    """Operations on tags. `there` has the resources of each kind, by what ARNs call the kind."""

    def __init__(self, cloud: Account, tags: TagStore, there: Mapping[str, Records]) -> None:
        super().__init__(cloud)
        self._tags = tags
        self._there = there

    @operation
    def add_tags(self, call: Call, request: Record) -> Record:
        self._check_there(request["ResourceArn"])
        known = self._tags.of(request["ResourceArn"])
        known |= {tag["Key"]: tag["Value"] for tag in request["Tags"]}
        for key in known:
            if key.lower().startswith("aws:"):
                raise validation(f"tag key {key} is invalid: aws: is reserved for AWS")
        if len(known) > _MOST:
            raise validation(f"the resource would have {len(known)} tags; at most {_MOST} are kept")
        self._tags.put(request["ResourceArn"], known)
        return {"Tags": as_tags(known)}

    @operation
    def list_tags(self, call: Call, request: Record) -> Record:
        return pages(self.tags_of(request["ResourceArn"]), request, "Tags", lambda tag: tag)

    @operation
    def delete_tags(self, call: Call, request: Record) -> Record:
        known = self._tags.of(request["ResourceArn"])
        for key in request["TagKeys"]:
            known.pop(key, None)
        self._tags.put(request["ResourceArn"], known)
        return {}

    def _check_there(self, arn: str) -> None:
        """Raise AwsError where a kind of resource is known and this one of it is not there."""
        kind, _, name = arn.rpartition(":")[2].partition("/")
        rows = self._there.get(kind)
        if rows is not None and not {arn, name} & set(rows):
            raise validation(f"Requested resource not found: {arn}")

    def tags_of(self, arn: str) -> list[Record]:
        return as_tags(self._tags.of(arn))

    def follow_tags(self, operation_name: str, request: Record, answer: Record) -> None:
        """Keep the tags that a Create operation gave, and drop those of what was deleted."""
        arns = [value for name, value in answer.items() if name.endswith("Arn")]
        if len(arns) != 1:
            return
        if operation_name.startswith("Create"):
            self._tags.keep(arns[0], request)
        elif operation_name.startswith("Delete"):
            self._tags.drop(arns[0])


def as_tags(known: dict[str, str]) -> list[Record]:
    return [{"Key": key, "Value": value} for key, value in known.items()]
