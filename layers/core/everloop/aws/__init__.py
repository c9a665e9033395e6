"""The one door to AWS: the only place where boto3 is imported. Nothing here decides."""
