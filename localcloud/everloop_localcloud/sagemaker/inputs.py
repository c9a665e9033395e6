"""What a job is to read: AWS looks for it before it makes the job."""

from everloop_localcloud.kernel.account import Account
from everloop_localcloud.kernel.errors import AwsError, validation
from everloop_localcloud.sagemaker.behalf import Behalf


def check(cloud: Account, role: str | None, uri: str) -> None:
    """Raise AwsError, worded as AWS does, where nothing lies there, or the role may not look."""
    if "s3" not in cloud.apis:  # a part that is tried alone
        return
    bucket, _, prefix = uri.removeprefix("s3://").partition("/")
    try:
        if uri.startswith("s3://") and Behalf(cloud, role).keys(bucket, prefix):
            return
        cause = None
    except AwsError as error:
        cause = error
    raise validation(
        f'No S3 objects found under S3 URL "{uri}" given in input data source. Please ensure that '
        f"the bucket exists in the selected region ({cloud.region}), that objects exist under that "
        f'S3 prefix, and that the role "{role}" has "s3:ListBucket" permissions on bucket '
        f'"{bucket}".'
    ) from cause
