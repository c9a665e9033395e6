"""The one door to AWS: the only place that imports botocore or boto3. Nothing here decides."""
