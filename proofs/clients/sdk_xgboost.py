"""The flow of the SDK with the built-in XGBoost: train by image, register, deploy, tune."""

import json

import boto3
import numpy as np
import pandas as pd
from sagemaker.core import image_uris
from sagemaker.core.helper.session_helper import Session
from sagemaker.core.resources import Endpoint, EndpointConfig, HyperParameterTuningJob, Model
from sagemaker.core.shapes import ContainerDefinition, ProductionVariant
from sagemaker.serve.model_builder import ModelBuilder
from sagemaker.train import ModelTrainer
from sagemaker.train.configs import Compute, InputData, OutputDataConfig
from sagemaker.train.tuner import ContinuousParameter, HyperparameterTuner

ROLE = "arn:aws:iam::123456789012:role/service-role/AmazonSageMaker-ExecutionRole"
BUCKET = "sdk-xgboost"

s3 = boto3.client("s3")
s3.create_bucket(Bucket=BUCKET)
rng = np.random.default_rng(7)
for name, count in {"train": 600, "validation": 200}.items():
    table = pd.DataFrame(rng.uniform(0, 10, (count, 3)))
    table.insert(0, "label", (table[0] + table[1] > 10).astype(int))
    body = table.to_csv(index=False, header=False)  # the label first, and no header
    s3.put_object(Bucket=BUCKET, Key=f"{name}/{name}.csv", Body=body)

session = Session(default_bucket=BUCKET)
image = image_uris.retrieve("xgboost", session.boto_region_name, version="3.2-0")


def channel(name: str) -> InputData:
    return InputData(
        channel_name=name, data_source=f"s3://{BUCKET}/{name}/", content_type="text/csv"
    )


def trainer(**parameters: object) -> ModelTrainer:
    return ModelTrainer(
        sagemaker_session=session,
        role=ROLE,
        training_image=image,
        compute=Compute(instance_type="ml.m5.xlarge", instance_count=1),
        hyperparameters={"objective": "binary:logistic", "num_round": 20, **parameters},
        output_data_config=OutputDataConfig(s3_output_path=f"s3://{BUCKET}/models"),
        base_job_name="late",
    )


once = trainer(max_depth=3, eval_metric="auc")
once.train(input_data_config=[channel("train"), channel("validation")])
job = once._latest_training_job
job.refresh()
assert job.training_job_status == "Completed", job.failure_reason
final = {metric.metric_name: metric.value for metric in job.final_metric_data_list}
assert final["validation:auc"] > 0.95, final

builder = ModelBuilder(
    image_uri=image,
    s3_model_data_url=job.model_artifacts.s3_model_artifacts,
    role_arn=ROLE,
    sagemaker_session=session,
)
package = builder.register(
    model_package_group_name="late",
    content_types=["text/csv"],
    response_types=["text/csv"],
    inference_instances=["ml.m5.large"],
    transform_instances=["ml.m5.large"],
    approval_status="Approved",
)
model = Model.create(
    model_name="sdk-xgboost",
    primary_container=ContainerDefinition(model_package_name=package),
    execution_role_arn=ROLE,
)
EndpointConfig.create(
    endpoint_config_name="sdk-xgboost",
    production_variants=[
        ProductionVariant(
            variant_name="AllTraffic",
            model_name="sdk-xgboost",
            initial_instance_count=1,
            instance_type="ml.m5.large",
        )
    ],
)
endpoint = Endpoint.create(endpoint_name="sdk-xgboost", endpoint_config_name="sdk-xgboost")
endpoint.wait_for_status("InService")
answer = endpoint.invoke(body="1,1,5\n9,9,5\n", content_type="text/csv")
low, high = (float(each) for each in answer.body.read().decode().split(","))
assert low < 0.2 and high > 0.8, (low, high)
told = endpoint.invoke(body="9,9,5", content_type="text/csv", accept="application/json")
assert json.loads(told.body.read())[0] > 0.8
endpoint.delete()
model.delete()

tuner = HyperparameterTuner(
    model_trainer=trainer(),
    objective_metric_name="validation:auc",
    hyperparameter_ranges={"eta": ContinuousParameter(0.05, 0.5)},
    strategy="Random",
    max_jobs=2,
    max_parallel_jobs=2,
    base_tuning_job_name="late",
)
tuner.tune(inputs=[channel("train"), channel("validation")], wait=True)
tuned = HyperParameterTuningJob.get(
    hyper_parameter_tuning_job_name=tuner.latest_tuning_job.hyper_parameter_tuning_job_name
)
assert tuned.best_training_job.tuned_hyper_parameters.keys() == {"eta"}
print(
    "trained", job.training_job_name, final["validation:auc"], "and asked its endpoint:", low, high
)
