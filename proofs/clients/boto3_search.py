"""Search by boto3: the best training jobs by hyperparameters, metrics, tags and inputs."""

import time

import boto3

ROLE = "arn:aws:iam::123456789012:role/service-role/AmazonSageMaker-ExecutionRole"
IMAGE = "683313688378.dkr.ecr.us-east-1.amazonaws.com/sagemaker-scikit-learn:1.4-2-cpu-py3"
BUCKET = "boto3-search"

s3 = boto3.client("s3")
sagemaker = boto3.client("sagemaker")
s3.create_bucket(Bucket=BUCKET)
s3.put_object(Bucket=BUCKET, Key="train/rows.csv", Body=b"1,2\n3,4\n")
s3.put_object(Bucket=BUCKET, Key="test/rows.csv", Body=b"5,6\n")


def channel(name: str) -> dict:
    source = {"S3DataType": "S3Prefix", "S3Uri": f"s3://{BUCKET}/{name}/"}
    return {"ChannelName": name, "DataSource": {"S3DataSource": source}}


losses = {"1": 0.9, "2": 0.4, "4": 0.5}
for depth, loss in losses.items():
    sagemaker.create_training_job(
        TrainingJobName=f"boto3-search-{depth}",
        HyperParameters={"depth": depth},
        AlgorithmSpecification={
            "TrainingImage": IMAGE,
            "TrainingInputMode": "File",
            "ContainerEntrypoint": ["python3", "-c", f"print('validation loss: {loss}')"],
            "MetricDefinitions": [
                {"Name": "validation:loss", "Regex": "validation loss: ([0-9.]+)"}
            ],
        },
        RoleArn=ROLE,
        InputDataConfig=[channel("train"), channel("test")] if depth == "2" else [channel("train")],
        OutputDataConfig={"S3OutputPath": f"s3://{BUCKET}/models"},
        ResourceConfig={"InstanceType": "ml.m5.large", "InstanceCount": 1, "VolumeSizeInGB": 5},
        StoppingCondition={"MaxRuntimeInSeconds": 3600},
        Tags=[{"Key": "project", "Value": "boto3-search"}],
    )
waiter = sagemaker.get_waiter("training_job_completed_or_stopped")
for depth in losses:
    waiter.wait(TrainingJobName=f"boto3-search-{depth}", WaiterConfig={"Delay": 2})

OURS = {"Name": "Tags.project", "Operator": "Equals", "Value": "boto3-search"}


def found(*filters: dict, **more: object) -> list[str]:
    pages = sagemaker.get_paginator("search").paginate(
        Resource="TrainingJob",
        SearchExpression={"Filters": [OURS, *filters], **more.pop("expression", {})},
        PaginationConfig={"PageSize": 2},
        **more,
    )
    return [
        each["TrainingJob"]["TrainingJobName"].removeprefix("boto3-search-")
        for page in pages
        for each in page["Results"]
    ]


best = found(SortBy="Metrics.validation:loss", SortOrder="Ascending")
assert best == ["2", "4", "1"], best
deep = {"Name": "HyperParameters.depth", "Operator": "GreaterThan", "Value": "1"}
good = {"Name": "Metrics.validation:loss", "Operator": "LessThan", "Value": "0.45"}
assert sorted(found(deep)) == ["2", "4"]
assert found(deep, good) == ["2"]
done = {"Name": "TrainingJobStatus", "Operator": "In", "Value": "Completed, Stopped"}
assert len(found(done)) == 3
nested = {
    "NestedPropertyName": "InputDataConfig",
    "Filters": [
        {"Name": "InputDataConfig.ChannelName", "Operator": "Equals", "Value": "test"},
        {
            "Name": "InputDataConfig.DataSource.S3DataSource.S3Uri",
            "Operator": "Contains",
            "Value": BUCKET,
        },
    ],
}
assert found(expression={"NestedFilters": [nested]}) == ["2"]
either = {"SubExpressions": [{"Filters": [good, {**deep, "Value": "3"}], "Operator": "Or"}]}
assert sorted(found(expression=either)) == ["2", "4"]

# Every job has its trial component, which says what came in and what went out.
deadline = time.monotonic() + 60
while True:
    results = sagemaker.search(
        Resource="ExperimentTrialComponent",
        SearchExpression={
            "Filters": [
                {
                    "Name": "TrialComponentName",
                    "Operator": "Equals",
                    "Value": "boto3-search-2-aws-training-job",
                }
            ]
        },
    )["Results"]
    component = results[0]["TrialComponent"] if results else {}
    if component.get("Status", {}).get("PrimaryStatus") == "Completed":
        break
    assert time.monotonic() < deadline, component
    time.sleep(1)
assert component["Parameters"]["depth"] == {"NumberValue": 2.0}
assert component["SourceDetail"]["TrainingJob"]["TrainingJobName"] == "boto3-search-2"
assert set(component["InputArtifacts"]) == {"train", "test", "SageMaker.ImageUri"}
names = sagemaker.get_search_suggestions(
    Resource="TrainingJob",
    SuggestionQuery={"PropertyNameQuery": {"PropertyNameHint": "TrainingJobS"}},
)["PropertyNameSuggestions"]
assert {"PropertyName": "TrainingJobStatus"} in names
print("found", len(best), "jobs; the best has depth", best[0])
