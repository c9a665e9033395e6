"""The notebook of the built-in XGBoost, in boto3: libsvm in, a transform that joins, and out."""

import boto3
import numpy as np

ROLE = "arn:aws:iam::123456789012:role/service-role/AmazonSageMaker-ExecutionRole"
IMAGE = "683313688378.dkr.ecr.us-east-1.amazonaws.com/sagemaker-xgboost:3.2-0"
BUCKET = "boto3-xgboost"

s3, sagemaker = boto3.client("s3"), boto3.client("sagemaker")
s3.create_bucket(Bucket=BUCKET)
rng = np.random.default_rng(3)
rows = rng.uniform(0, 10, (800, 2))
targets = 3 * rows[:, 0] - rows[:, 1]
lines = [f"{y:.4f} 0:{a:.4f} 1:{b:.4f}\n" for y, (a, b) in zip(targets, rows, strict=True)]
s3.put_object(Bucket=BUCKET, Key="train/abalone.train", Body="".join(lines[:600]).encode())
s3.put_object(
    Bucket=BUCKET, Key="validation/abalone.validation", Body="".join(lines[600:]).encode()
)
batch = "".join(f"{a:.4f},{b:.4f}\n" for a, b in rows[600:])
s3.put_object(Bucket=BUCKET, Key="batch/rows.csv", Body=batch.encode())


def channel(name: str) -> dict:
    source = {"S3DataType": "S3Prefix", "S3Uri": f"s3://{BUCKET}/{name}/"}
    return {
        "ChannelName": name,
        "DataSource": {"S3DataSource": source},
        "ContentType": "libsvm",
        "CompressionType": "None",
    }


sagemaker.create_training_job(
    TrainingJobName="xgboost-regression",
    AlgorithmSpecification={"TrainingImage": IMAGE, "TrainingInputMode": "File"},
    RoleArn=ROLE,
    OutputDataConfig={"S3OutputPath": f"s3://{BUCKET}/single-xgboost"},
    ResourceConfig={"InstanceCount": 1, "InstanceType": "ml.m5.2xlarge", "VolumeSizeInGB": 5},
    HyperParameters={
        "max_depth": "5",
        "eta": "0.2",
        "gamma": "4",
        "min_child_weight": "6",
        "subsample": "0.7",
        "objective": "reg:linear",
        "num_round": "50",
        "verbosity": "2",
    },
    StoppingCondition={"MaxRuntimeInSeconds": 3600},
    InputDataConfig=[channel("train"), channel("validation")],
)
sagemaker.get_waiter("training_job_completed_or_stopped").wait(
    TrainingJobName="xgboost-regression", WaiterConfig={"Delay": 1}
)
told = sagemaker.describe_training_job(TrainingJobName="xgboost-regression")
assert told["TrainingJobStatus"] == "Completed", told.get("FailureReason")
names = {metric["Name"] for metric in told["AlgorithmSpecification"]["MetricDefinitions"]}
assert "validation:rmse" in names
(rmse,) = (
    metric["Value"]
    for metric in told["FinalMetricDataList"]
    if metric["MetricName"] == "validation:rmse"
)
assert rmse < 2, rmse

sagemaker.create_model(
    ModelName="xgboost-regression",
    ExecutionRoleArn=ROLE,
    PrimaryContainer={
        "Image": IMAGE,
        "ModelDataUrl": told["ModelArtifacts"]["S3ModelArtifacts"],
    },
)
sagemaker.create_transform_job(
    TransformJobName="xgboost-regression",
    ModelName="xgboost-regression",
    TransformInput={
        "DataSource": {
            "S3DataSource": {"S3DataType": "S3Prefix", "S3Uri": f"s3://{BUCKET}/batch/"}
        },
        "ContentType": "text/csv",
        "SplitType": "Line",
    },
    TransformOutput={"S3OutputPath": f"s3://{BUCKET}/scored", "AssembleWith": "Line"},
    DataProcessing={"JoinSource": "Input"},
    TransformResources={"InstanceType": "ml.m5.large", "InstanceCount": 1},
)
sagemaker.get_waiter("transform_job_completed_or_stopped").wait(
    TransformJobName="xgboost-regression", WaiterConfig={"Delay": 1}
)
body = s3.get_object(Bucket=BUCKET, Key="scored/rows.csv.out")["Body"].read().decode()
joined = np.array([[float(cell) for cell in line.split(",")] for line in body.splitlines()])
assert joined.shape == (200, 3)
off = float(np.abs(joined[:, 2] - targets[600:]).mean())
assert off < 2, off
print("trained to a validation:rmse of", rmse, "and scored", len(joined), "rows, off by", off)
