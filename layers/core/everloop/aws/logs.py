"""Log groups that SageMaker makes for endpoints, and that outlive them."""

from botocore.exceptions import ClientError

from everloop.aws.clients import code_of, logs, translated


def delete_of_endpoint(endpoint: str) -> bool:
    """Delete an endpoint's log group; False where there is none."""
    name = f"/aws/sagemaker/Endpoints/{endpoint}"
    try:
        with translated(f"log group {name}"):
            logs().delete_log_group(logGroupName=name)
    except ClientError as error:
        if code_of(error) != "ResourceNotFoundException":
            raise
        return False
    return True
