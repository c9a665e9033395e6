"""`--images exact`: jobs and endpoints get the versions of packages that AWS's image has."""

from typing import Any

import pytest
from waiting import until

from everloop_localcloud.kernel.errors import AwsError
from everloop_localcloud.sagemaker import images

IMAGE = "683313688378.dkr.ecr.us-east-1.amazonaws.com/sagemaker-scikit-learn:1.9-0-cpu-py3"
ROLE = "arn:aws:iam::123456789012:role/jobs"
TRAIN = """
import pickle, pandas, sklearn
from sklearn.linear_model import LinearRegression
table = pandas.read_csv("/opt/ml/input/data/code/rows.csv")
model = LinearRegression().fit(table[["x"]], table["y"])
with open("/opt/ml/model/model.pkl", "wb") as file:
    pickle.dump(model, file)
with open("/opt/ml/model/versions", "w") as file:
    file.write(f"{pandas.__version__} {sklearn.__version__}")
"""
SERVE = """
import io, pathlib, pickle
import pandas

def model_fn(folder):
    with open(pathlib.Path(folder) / "model.pkl", "rb") as file:
        return pickle.load(file), (pathlib.Path(folder) / "versions").read_text()

def input_fn(body, content_type):
    return pandas.read_csv(io.StringIO(body))

def predict_fn(table, model):
    return f"{model[1]} {pandas.__version__} {model[0].predict(table)[0]:.1f}"

def output_fn(text, accept):
    return text, "text/csv"
"""


@pytest.mark.long
@pytest.mark.timeout(600)
def test_a_model_is_trained_and_served_with_the_images_versions(hosting: Any) -> None:
    hosted = hosting(exact_images=True)
    rows = "x,y\n" + "".join(f"{x},{2 * x}\n" for x in range(9))
    hosted.put("code/rows.csv", rows.encode())
    hosted.put("code/run.py", TRAIN.encode())
    source = {"S3DataType": "S3Prefix", "S3Uri": "s3://models/code/"}
    hosted.sagemaker.create_training_job(
        TrainingJobName="exact",
        RoleArn=ROLE,
        AlgorithmSpecification={
            "TrainingImage": IMAGE,
            "TrainingInputMode": "File",
            "ContainerEntrypoint": ["python3", "/opt/ml/input/data/code/run.py"],
        },
        InputDataConfig=[{"ChannelName": "code", "DataSource": {"S3DataSource": source}}],
        OutputDataConfig={"S3OutputPath": "s3://models/out"},
        ResourceConfig={"InstanceType": "ml.m5.large", "InstanceCount": 1, "VolumeSizeInGB": 5},
        StoppingCondition={"MaxRuntimeInSeconds": 3600},
    )
    told = until(
        lambda: hosted.sagemaker.describe_training_job(TrainingJobName="exact"),
        lambda job: job["TrainingJobStatus"] in ("Completed", "Failed"),
        seconds=240,  # the first time on a machine it downloads 75 MB
    )
    assert told["TrainingJobStatus"] == "Completed", told.get("FailureReason")
    hosted.sagemaker.create_model(
        ModelName="exact",
        PrimaryContainer={
            "Image": IMAGE,
            "ModelDataUrl": told["ModelArtifacts"]["S3ModelArtifacts"],
            "Environment": {
                "SAGEMAKER_PROGRAM": "inference.py",
                "SAGEMAKER_SUBMIT_DIRECTORY": hosted.put("code.tar.gz", packed(SERVE)),
            },
        },
    )
    served = hosted.endpoint("exact", hosted.config("exact", "exact"))
    assert served["EndpointStatus"] == "InService", served.get("FailureReason")
    answer = hosted.runtime.invoke_endpoint(
        EndpointName="exact", Body=b"x\n21\n", ContentType="text/csv"
    )
    assert answer["Body"].read() == b"2.2.3 1.9.0 2.2.3 42.0"


def packed(script: str) -> bytes:
    from localcloud.sagemaker.conftest import archive

    return archive({"inference.py": script})


def test_versions_are_of_an_image_and_its_version() -> None:
    assert images.pins(IMAGE).stem == "sagemaker-scikit-learn-1.9-0"
    for other in (IMAGE.replace("1.9-0", "1.2-1"), IMAGE.replace("1.9-0", "1.9-01")):
        with pytest.raises(AwsError, match=r"exact has no package versions of .*; there are sage"):
            images.pins(other)
