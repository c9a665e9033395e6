"""A pipeline by boto3 alone, followed by its events: it fails, is repaired, and is retried."""

import json

import boto3

ROLE = "arn:aws:iam::123456789012:role/service-role/AmazonSageMaker-ExecutionRole"
IMAGE = "683313688378.dkr.ecr.us-east-1.amazonaws.com/sagemaker-scikit-learn:1.4-2-cpu-py3"
BUCKET = "boto3-pipeline-events"
KIND = "SageMaker Model Building Pipeline Execution Status Change"

s3, sqs, events, sagemaker = (boto3.client(name) for name in ("s3", "sqs", "events", "sagemaker"))
s3.create_bucket(Bucket=BUCKET)
s3.put_object(Bucket=BUCKET, Key="code/work.py", Body=b"raise SystemExit('not yet')")

queue = sqs.create_queue(QueueName=BUCKET)["QueueUrl"]
attributes = sqs.get_queue_attributes(QueueUrl=queue, AttributeNames=["QueueArn"])["Attributes"]
pattern = {"source": ["aws.sagemaker"], "detail-type": [KIND]}
pattern["detail"] = {"pipelineArn": [{"suffix": f"pipeline/{BUCKET}"}]}
rule = events.put_rule(Name=BUCKET, EventPattern=json.dumps(pattern))["RuleArn"]
allow = {
    "Effect": "Allow",
    "Principal": {"Service": "events.amazonaws.com"},
    "Action": "sqs:SendMessage",
    "Resource": attributes["QueueArn"],
    "Condition": {"ArnEquals": {"aws:SourceArn": rule}},
}
policy = json.dumps({"Version": "2012-10-17", "Statement": [allow]})
sqs.set_queue_attributes(QueueUrl=queue, Attributes={"Policy": policy})
events.put_targets(Rule=BUCKET, Targets=[{"Id": "queue", "Arn": attributes["QueueArn"]}])


def next_status() -> str:
    """Return the status that the next event tells."""
    for _ in range(15):
        found = sqs.receive_message(QueueUrl=queue, MaxNumberOfMessages=1, WaitTimeSeconds=20)
        for message in found.get("Messages", []):
            sqs.delete_message(QueueUrl=queue, ReceiptHandle=message["ReceiptHandle"])
            return json.loads(message["Body"])["detail"]["currentPipelineExecutionStatus"]
    raise TimeoutError("no event within five minutes")


cluster = {"InstanceType": "ml.m5.large", "InstanceCount": 1, "VolumeSizeInGB": 5}
work = {
    "Name": "Work",
    "Type": "Processing",
    "Arguments": {
        "RoleArn": ROLE,
        "AppSpecification": {
            "ImageUri": IMAGE,
            "ContainerEntrypoint": ["python3", "/opt/ml/processing/input/code/work.py"],
        },
        "ProcessingResources": {"ClusterConfig": cluster},
        "ProcessingInputs": [
            {
                "InputName": "code",
                "S3Input": {
                    "S3Uri": f"s3://{BUCKET}/code/",
                    "LocalPath": "/opt/ml/processing/input/code",
                    "S3DataType": "S3Prefix",
                    "S3InputMode": "File",
                },
            }
        ],
    },
}
sagemaker.create_pipeline(
    PipelineName=BUCKET,
    PipelineDefinition=json.dumps({"Version": "2020-12-01", "Steps": [work]}),
    RoleArn=ROLE,
)
token = "once-and-only-once-" + "0" * 20
execution = sagemaker.start_pipeline_execution(PipelineName=BUCKET, ClientRequestToken=token)
again = sagemaker.start_pipeline_execution(PipelineName=BUCKET, ClientRequestToken=token)
assert again == {**execution, "ResponseMetadata": again["ResponseMetadata"]}
arn = execution["PipelineExecutionArn"]
assert [next_status(), next_status()] == ["Executing", "Failed"]
told = sagemaker.describe_pipeline_execution(PipelineExecutionArn=arn)
assert "not yet" in told["FailureReason"], told

s3.put_object(Bucket=BUCKET, Key="code/work.py", Body=b"print('well')")
sagemaker.retry_pipeline_execution(PipelineExecutionArn=arn)
assert [next_status(), next_status()] == ["Executing", "Succeeded"]
steps = sagemaker.list_pipeline_execution_steps(PipelineExecutionArn=arn)["PipelineExecutionSteps"]
assert [step["StepStatus"] for step in steps] == ["Succeeded"]

sagemaker.update_pipeline(PipelineName=BUCKET, PipelineDescription="repaired")
sagemaker.update_pipeline_execution(
    PipelineExecutionArn=arn, PipelineExecutionDescription="the first"
)
listed = sagemaker.list_pipeline_executions(PipelineName=BUCKET)["PipelineExecutionSummaries"]
assert [one["PipelineExecutionDescription"] for one in listed] == ["the first"]
try:
    sagemaker.stop_pipeline_execution(PipelineExecutionArn=arn)
except sagemaker.exceptions.ConflictException as refused:
    print("stopped twice:", refused)
else:
    raise AssertionError("an execution that has ended was stopped")
sagemaker.delete_pipeline(PipelineName=BUCKET)
print("failed, repaired, retried, and every change was told by an event")
