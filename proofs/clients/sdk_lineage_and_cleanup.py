"""A training whose lineage a pipeline records, and whose model it then clears away: by the SDK."""

import time
from pathlib import Path

import boto3
import numpy as np
import pandas as pd
from sagemaker.core import image_uris
from sagemaker.core.lineage.action import Action
from sagemaker.core.lineage.artifact import Artifact
from sagemaker.core.workflow.pipeline_context import PipelineSession
from sagemaker.mlops.workflow.cleanup_step import CleanupStep, S3CleanupSource
from sagemaker.mlops.workflow.lineage_step import (
    LineageAssociation,
    LineageEntityReference,
    LineageStep,
)
from sagemaker.mlops.workflow.pipeline import Pipeline
from sagemaker.mlops.workflow.steps import TrainingStep
from sagemaker.train import ModelTrainer
from sagemaker.train.configs import Compute, InputData, OutputDataConfig, SourceCode

ROLE = "arn:aws:iam::123456789012:role/service-role/AmazonSageMaker-ExecutionRole"
BUCKET = "sdk-lineage-and-cleanup"
CODE = Path(__file__).parent / "flights"

s3, sagemaker = boto3.client("s3"), boto3.client("sagemaker")
s3.create_bucket(Bucket=BUCKET)
rng = np.random.default_rng(7)
for name, count in {"train": 200, "test": 50}.items():
    table = pd.DataFrame({"distance": rng.uniform(0, 10, count), "hour": rng.uniform(5, 23, count)})
    table["delay"] = 2 * table["distance"] + 0.5 * table["hour"]
    s3.put_object(Bucket=BUCKET, Key=f"{name}/{name}.csv", Body=table.to_csv(index=False))

session = PipelineSession(default_bucket=BUCKET)
trainer = ModelTrainer(
    sagemaker_session=session,
    role=ROLE,
    training_image=image_uris.retrieve("sklearn", session.boto_region_name, version="1.4-2"),
    source_code=SourceCode(source_dir=str(CODE), entry_script="train.py"),
    compute=Compute(instance_type="ml.m5.xlarge", instance_count=1),
    output_data_config=OutputDataConfig(s3_output_path=f"s3://{BUCKET}/models"),
    base_job_name="kept",
)
train = TrainingStep(
    name="Train",
    step_args=trainer.train(
        input_data_config=[
            InputData(channel_name=name, data_source=f"s3://{BUCKET}/{name}/")
            for name in ("train", "test")
        ]
    ),
)
record = LineageStep(
    name="Record",
    actions=[
        Action.create(
            action_name="sdk-lineage-and-cleanup",
            source_uri=f"s3://{BUCKET}/review",
            action_type="Review",
            sagemaker_session=session,
        )
    ],
    artifacts=[
        Artifact.create(
            artifact_name="report",
            source_uri=f"s3://{BUCKET}/report.html",
            artifact_type="Report",
            sagemaker_session=session,
        )
    ],
    associations=[
        LineageAssociation(
            source=LineageEntityReference(name="sdk-lineage-and-cleanup", type="Action"),
            destination=LineageEntityReference(name="report", type="Artifact"),
            association_type="Produced",
        )
    ],
    depends_on=[train],
)
clear = CleanupStep(name="Clear", s3_sources=[S3CleanupSource(train)], depends_on=[record])
pipeline = Pipeline(
    name="sdk-lineage-and-cleanup", steps=[train, record, clear], sagemaker_session=session
)
pipeline.upsert(role_arn=ROLE)
execution = pipeline.start()
while execution.describe()["PipelineExecutionStatus"] == "Executing":
    time.sleep(1)
told = execution.describe()
assert told["PipelineExecutionStatus"] == "Succeeded", told.get("FailureReason")
steps = {step["StepName"]: step for step in execution.list_steps()}
made = steps["Record"]["Metadata"]["Lineage"]
(found,) = sagemaker.list_associations(SourceArn=made["ActionArns"]["sdk-lineage-and-cleanup"])[
    "AssociationSummaries"
]
assert found["DestinationArn"] == made["ArtifactArns"]["report"]
assert steps["Clear"]["Metadata"]["Cleanup"]["CleanedSteps"] == ["Train"]
left = s3.list_objects_v2(Bucket=BUCKET, Prefix="models/").get("Contents", [])
assert not [each["Key"] for each in left if each["Key"].endswith("model.tar.gz")], left
print("recorded an action and what it produced, and cleared the model away")
