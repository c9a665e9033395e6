"""What a KMS key of the stack's own, further topics and feature groups ask of roles beside the
calls they make.

No run here has such a key: this is from AWS's pages on S3, SQS, SNS, DynamoDB and SageMaker with
KMS.
"""

from collections.abc import Iterable, Iterator

from everloop_localcloud.kernel.access.demands import Demand
from proofs.template import GIVEN

KEY = str(GIVEN["KmsKeyArn"])
TOPICS = GIVEN["NotificationTopics"]  # who tells people on the stack's topic does here, too
GROUPS, STORES = GIVEN["FeatureGroups"], GIVEN["FeatureStores"]  # and who uses Everloop's, these
_GROUPS = (
    *("sagemaker:DescribeFeatureGroup", "sagemaker:PutRecord"),
    "sagemaker:BatchGetRecord",
)
# What is encrypted with the key, and what a call on it needs the key for.
_READS, _WRITES = ("kms:Decrypt",), ("kms:GenerateDataKey",)
# Volumes of jobs and endpoints: who makes them hands SageMaker's instances a grant on the key.
_MOUNTS = ("kms:DescribeKey", "kms:Encrypt", "kms:CreateGrant")
_NEEDS = (
    ("s3:GetObject", _READS),
    ("s3:PutObject", _WRITES),
    ("sqs:ReceiveMessage", _READS),
    ("sqs:SendMessage", (*_READS, *_WRITES)),
    ("sns:Publish", (*_READS, *_WRITES)),
    ("dynamodb:", _READS),
    ("sagemaker:CreateProcessingJob", _MOUNTS),
    ("sagemaker:CreateTrainingJob", _MOUNTS),
    ("sagemaker:CreateTransformJob", _MOUNTS),
    ("sagemaker:CreateHyperParameterTuningJob", _MOUNTS),
    ("sagemaker:CreateEndpointConfig", _MOUNTS),
)


def demands(made: Iterable[Demand]) -> Iterator[Demand]:
    """Yield what a role needs of the key, given the calls that it makes."""
    made = list(made)
    wanted = {
        action
        for demand in made
        for begin, actions in _NEEDS
        if demand.action.startswith(begin)
        for action in actions
    }
    if any(demand.action == "sns:Publish" for demand in made):
        yield Demand("sns:Publish", TOPICS, {})
    used = {demand.action for demand in made} & set(_GROUPS)
    for action in sorted(used):
        yield Demand(action, GROUPS, {})
    if "sagemaker:PutRecord" in used:  # the role of the jobs, which read what was put
        yield Demand("s3:GetObject", STORES, {})
        yield Demand("s3:ListBucket", STORES, {})
    for action in sorted(wanted):
        granted = action == "kms:CreateGrant"
        yield Demand(action, KEY, {"kms:grantisforawsresource": ["true"]} if granted else {})
