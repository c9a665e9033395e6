"""Counts the lines of the objects under an S3 prefix."""

import boto3


def handler(event, context):
    s3 = boto3.client("s3")
    bucket, _, prefix = event["uri"].removeprefix("s3://").partition("/")
    keys = [one["Key"] for one in s3.list_objects_v2(Bucket=bucket, Prefix=prefix)["Contents"]]
    bodies = [s3.get_object(Bucket=bucket, Key=key)["Body"].read() for key in keys]
    return {"lines": sum(body.count(b"\n") for body in bodies), "objects": len(keys)}
