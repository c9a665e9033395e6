"""Jobs by boto3 alone: script mode, a grid of trials, a batch; with botocore's waiters."""

import io
import tarfile
import time
from pathlib import Path

import boto3

ROLE = "arn:aws:iam::123456789012:role/service-role/AmazonSageMaker-ExecutionRole"
IMAGE = "683313688378.dkr.ecr.us-east-1.amazonaws.com/sagemaker-scikit-learn:1.4-2-cpu-py3"
BUCKET = "boto3-jobs"
HERE = Path(__file__).parent
QUICK = {"Delay": 2, "MaxAttempts": 200}

s3, sagemaker, logs = (boto3.client(name) for name in ("s3", "sagemaker", "logs"))
s3.create_bucket(Bucket=BUCKET)
packed = io.BytesIO()
with tarfile.open(fileobj=packed, mode="w:gz") as archive:
    archive.add(HERE / "linear" / "train.py", "train.py")
    archive.add(HERE / "linear" / "inference.py", "inference.py")
s3.put_object(Bucket=BUCKET, Key="sourcedir.tar.gz", Body=packed.getvalue())
s3.put_object(Bucket=BUCKET, Key="train/rows.csv", Body=b"1,0,2\n0,1,3\n1,1,5\n")

script = {
    "sagemaker_program": "train.py",
    "sagemaker_submit_directory": f"s3://{BUCKET}/sourcedir.tar.gz",
}
job = {
    "RoleArn": ROLE,
    "InputDataConfig": [
        {
            "ChannelName": "train",
            "DataSource": {
                "S3DataSource": {"S3DataType": "S3Prefix", "S3Uri": f"s3://{BUCKET}/train/"}
            },
        }
    ],
    "OutputDataConfig": {"S3OutputPath": f"s3://{BUCKET}/models"},
    "ResourceConfig": {"InstanceType": "ml.m5.large", "InstanceCount": 1, "VolumeSizeInGB": 5},
    "StoppingCondition": {"MaxRuntimeInSeconds": 600},
}
algorithm = {
    "TrainingImage": IMAGE,
    "TrainingInputMode": "File",
    "MetricDefinitions": [{"Name": "loss", "Regex": "loss=([0-9.e+-]+);"}],
}
sagemaker.create_training_job(
    TrainingJobName="boto3-jobs",
    AlgorithmSpecification=algorithm,
    HyperParameters={**script, "rate": "0.1", "steps": "500"},
    Tags=[{"Key": "team", "Value": "delays"}],
    **job,
)
waiter = sagemaker.get_waiter("training_job_completed_or_stopped")
waiter.wait(TrainingJobName="boto3-jobs", WaiterConfig=QUICK)
told = sagemaker.describe_training_job(TrainingJobName="boto3-jobs")
assert told["TrainingJobStatus"] == "Completed", told.get("FailureReason")
assert told["FinalMetricDataList"][0]["Value"] < 0.001
assert sagemaker.list_tags(ResourceArn=told["TrainingJobArn"])["Tags"][0]["Value"] == "delays"
lines = logs.filter_log_events(
    logGroupName="/aws/sagemaker/TrainingJobs", logStreamNamePrefix="boto3-jobs/"
)["events"]
assert any("loss=" in line["message"] for line in lines)

rates = [{"Name": "rate", "Values": ["0.0001", "0.1"]}]
sagemaker.create_hyper_parameter_tuning_job(
    HyperParameterTuningJobName="boto3-jobs",
    HyperParameterTuningJobConfig={
        "Strategy": "Grid",
        "HyperParameterTuningJobObjective": {"Type": "Minimize", "MetricName": "loss"},
        "ResourceLimits": {"MaxParallelTrainingJobs": 2},
        "ParameterRanges": {"CategoricalParameterRanges": rates},
    },
    TrainingJobDefinition={
        "StaticHyperParameters": {**script, "steps": "500"},
        "AlgorithmSpecification": algorithm,
        **job,
    },
)
search = {}
while search.get("HyperParameterTuningJobStatus", "InProgress") == "InProgress":
    time.sleep(1)
    search = sagemaker.describe_hyper_parameter_tuning_job(HyperParameterTuningJobName="boto3-jobs")
assert search["HyperParameterTuningJobStatus"] == "Completed", search
best = search["BestTrainingJob"]
assert best["TunedHyperParameters"] == {"rate": "0.1"}

artifact = sagemaker.describe_training_job(TrainingJobName=best["TrainingJobName"])
sagemaker.create_model(
    ModelName="boto3-jobs",
    ExecutionRoleArn=ROLE,
    PrimaryContainer={
        "Image": IMAGE,
        "ModelDataUrl": artifact["ModelArtifacts"]["S3ModelArtifacts"],
        "Environment": {
            "SAGEMAKER_PROGRAM": "inference.py",
            "SAGEMAKER_SUBMIT_DIRECTORY": f"s3://{BUCKET}/sourcedir.tar.gz",
        },
    },
)
s3.put_object(Bucket=BUCKET, Key="new/rows.csv", Body=b"10,0\n0,10\n")
place = {"S3DataSource": {"S3DataType": "S3Prefix", "S3Uri": f"s3://{BUCKET}/new/"}}
sagemaker.create_transform_job(
    TransformJobName="boto3-jobs",
    ModelName="boto3-jobs",
    BatchStrategy="SingleRecord",
    TransformInput={"DataSource": place, "ContentType": "text/csv", "SplitType": "Line"},
    TransformOutput={"S3OutputPath": f"s3://{BUCKET}/scores", "AssembleWith": "Line"},
    TransformResources={"InstanceType": "ml.m5.large", "InstanceCount": 1},
)
waiter = sagemaker.get_waiter("transform_job_completed_or_stopped")
waiter.wait(TransformJobName="boto3-jobs", WaiterConfig=QUICK)
done = sagemaker.describe_transform_job(TransformJobName="boto3-jobs")
assert done["TransformJobStatus"] == "Completed", done.get("FailureReason")
scores = s3.get_object(Bucket=BUCKET, Key="scores/rows.csv.out")["Body"].read().decode().split()
assert [round(float(score)) for score in scores] == [20, 30], scores
print("trained, searched", len(rates[0]["Values"]), "rates, scored", scores)
