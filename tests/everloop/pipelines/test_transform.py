"""Models that no job can import: what their pipelines ask of SageMaker, by kind."""

import json
from typing import Any

import boto3
import pytest
from botocore.validate import ParamValidator
from rendering import BUNDLE, SITE, every_step, rendered, resolved, step

from everloop.pipelines.needs import of_pipeline
from everloop.pipelines.plans import with_plan
from everloop.pipelines.standard import Site, render
from everloop.spec.model_spec import load_spec

Json = dict[str, Any]
OWN = "123456789012.dkr.ecr.us-east-1.amazonaws.com/churn:3"
TWO = 'problem = "binary_classification"\n[data]\ntarget = "late"\n'
SEVERAL = 'problem = "multiclass_classification"\n[data]\ntarget = "k"\nclasses = ["a", "b", "c"]\n'
KINDS = {
    "tensorflow": TWO + '[train]\nframework = "tensorflow"',
    "huggingface": TWO + '[train]\nframework = "huggingface"\ninstance = "ml.g5.xlarge"',
    "linear-learner": TWO + '[train]\nalgorithm = "linear-learner"',
    "linear-learner of classes": SEVERAL + '[train]\nalgorithm = "linear-learner"',
    "knn": TWO.replace("binary_classification", "regression")
    + '[train]\nalgorithm = "knn"\n'
    + "hyperparameters = { k = 5, feature_dim = 3, sample_size = 100 }",
    "own image": TWO + f'[train]\nimage = "{OWN}"',
    "own serving image": TWO + f'[deploy]\nimage = "{OWN}"',
    "asked for": TWO + '[evaluate]\nby = "transform"',
}


@pytest.fixture(params=KINDS, ids=str)
def definition(request: pytest.FixtureRequest) -> Json:
    return rendered(KINDS[request.param])


def test_the_container_that_is_registered_is_the_one_that_scores(definition: Json) -> None:
    names = [each["Name"] for each in every_step(definition["Steps"])]
    assert names[:5] == ["Preprocess", "Train", "Model", "Score", "Evaluate"]
    package = step(definition, "Register")["Arguments"]["InferenceSpecification"]
    made = step(definition, "Model")["Arguments"]
    assert [made["PrimaryContainer"]] == package["Containers"]
    accept = step(definition, "Score")["Arguments"]["TransformOutput"]["Accept"]
    assert package["SupportedResponseMIMETypes"] == [accept]


def test_sagemaker_takes_the_requests(definition: Json) -> None:
    model = boto3.client("sagemaker", region_name="us-east-1").meta.service_model
    requests = {
        "Model": ("CreateModel", {"ModelName": "m"}),
        "Score": ("CreateTransformJob", {"TransformJobName": "j"}),
        "Evaluate": ("CreateProcessingJob", {"ProcessingJobName": "j"}),
        "Train": ("CreateTrainingJob", {"TrainingJobName": "j"}),
    }
    for name, (operation, more) in requests.items():
        request = {**resolved(step(definition, name)["Arguments"]), **more}
        shape = model.operation_model(operation).input_shape
        assert ParamValidator().validate(request, shape).generate_report() == "", name


def test_the_rows_are_sent_whole_and_the_evaluation_reads_the_answers(definition: Json) -> None:
    job = step(definition, "Score")["Arguments"]
    assert job["TransformInput"]["SplitType"] == "None"
    assert job["TransformOutput"]["AssembleWith"] == "None"
    rows = job["TransformInput"]["DataSource"]["S3DataSource"]["S3Uri"]
    assert rows["Std:Join"]["Values"] == [
        {"Get": "Steps.Preprocess.ProcessingOutputConfig.Outputs['requests'].S3Output.S3Uri"},
        "",
    ]
    inputs = {
        each["InputName"]: each["S3Input"]["S3Uri"]
        for each in step(definition, "Evaluate")["Arguments"]["ProcessingInputs"]
    }
    assert inputs["answers"] == {"Get": "Steps.Score.TransformOutput.S3OutputPath"}
    outputs = step(definition, "Preprocess")["Arguments"]["ProcessingOutputConfig"]["Outputs"]
    assert len(outputs) <= 10  # of a processing job


@pytest.mark.parametrize(
    ("kind", "training", "serving"),
    [
        ("tensorflow", "tensorflow-training:2.19.0-cpu-py312", "tensorflow-inference:2.19.0-cpu"),
        (
            "huggingface",
            "huggingface-pytorch-training:2.5.1-transformers4.49.0-gpu-py311-cu124-ubuntu22.04",
            "huggingface-pytorch-inference:2.6.0-transformers4.49.0-cpu-py312-ubuntu22.04",
        ),
        ("linear-learner", "linear-learner:1", "linear-learner:1"),
        ("knn", "knn:1", "knn:1"),
        ("own image", "churn:3", "churn:3"),
        ("own serving image", "sagemaker-scikit-learn:1.9-0-cpu-py3", "churn:3"),
    ],
)
def test_each_kind_has_its_images(kind: str, training: str, serving: str) -> None:
    made = rendered(KINDS[kind])
    trains = step(made, "Train")["Arguments"]["AlgorithmSpecification"]["TrainingImage"]
    serves = step(made, "Model")["Arguments"]["PrimaryContainer"]["Image"]
    assert (trains.partition("/")[2], serves.partition("/")[2]) == (training, serving)


def test_frameworks_that_look_into_the_model_find_their_code_there() -> None:
    for kind in ("tensorflow", "huggingface"):
        made = rendered(KINDS[kind])
        entry = step(made, "Train")["Arguments"]["AlgorithmSpecification"]["ContainerEntrypoint"]
        assert "cp -r /opt/ml/code/. /opt/ml/model/code/" in entry[-1]
        container = step(made, "Model")["Arguments"]["PrimaryContainer"]
        assert container["Environment"]["SAGEMAKER_SUBMIT_DIRECTORY"] == "/opt/ml/model/code"


def test_a_built_in_algorithm_is_told_its_problem_and_how_its_rows_are_written() -> None:
    made = step(rendered(KINDS["linear-learner of classes"]), "Train")["Arguments"]
    assert made["HyperParameters"] == {
        "predictor_type": "multiclass_classifier",
        "num_classes": "3",
    }
    channels = {each["ChannelName"]: each["ContentType"] for each in made["InputDataConfig"]}
    csv = "text/csv;label_size=1"
    assert channels == {"train": csv, "validation": csv}
    knn = step(rendered(KINDS["knn"]), "Train")["Arguments"]
    assert {each["ChannelName"] for each in knn["InputDataConfig"]} == {"train", "test"}
    assert knn["HyperParameters"]["predictor_type"] == "regressor"
    assert (
        step(rendered(KINDS["knn"]), "Model")["Arguments"]["PrimaryContainer"]["Environment"] == {}
    )


def test_what_is_tuned_is_scored_by_its_best_model() -> None:
    text = KINDS["linear-learner"] + "\n[tune]\nranges = { l1 = [0.0, 1.0] }\ntrials = 2\n"
    made = rendered(text)
    best = step(made, "Model")["Arguments"]["PrimaryContainer"]["ModelDataUrl"]
    assert "Steps.Tune.TrainingJobSummaries[0].TrainingJobName" in json.dumps(best)
    tuned = step(made, "Tune")["Arguments"]["HyperParameterTuningJobConfig"]
    objective = tuned["HyperParameterTuningJobObjective"]
    assert objective == {"Type": "Minimize", "MetricName": "validation:objective_loss"}


def test_the_transform_job_has_a_quota_a_key_and_a_list_of_its_own() -> None:
    text = TWO + '[evaluate]\nby = "transform"\n'
    text += 'transform_instance = ["ml.m5.large", "ml.m5d.large"]\n'
    key = Site("artefacts", "us-east-1", SITE.role_arn, SITE.jobs_uri, "arn:aws:kms:k")
    made = json.loads(render(load_spec(text, name="flights"), key, BUNDLE))
    assert of_pipeline(made)["ml.m5.large for transform job usage"] == 1
    job = step(made, "Score")["Arguments"]
    assert job["TransformResources"]["VolumeKmsKeyId"] == "arn:aws:kms:k"
    assert job["TransformOutput"]["KmsKeyId"] == "arn:aws:kms:k"
    moved = json.loads(
        with_plan(json.dumps(made), {"score": "ml.m5d.large for transform job usage"})
    )
    # Whose disks are encrypted by themselves, and take no key.
    assert step(moved, "Score")["Arguments"]["TransformResources"] == {
        "InstanceType": "ml.m5d.large",
        "InstanceCount": 1,
    }


def test_a_model_that_can_be_imported_has_no_transform_job() -> None:
    for text in (TWO, TWO + '[train]\nframework = "pytorch"'):
        names = [each["Name"] for each in rendered(text)["Steps"]]
        assert names == ["Preprocess", "Train", "Evaluate", "MeetsBars"]
    custom = f'problem = "custom"\n[data]\ntarget = "k"\n[train]\nimage = "{OWN}"\n'
    assert "Score" not in [each["Name"] for each in rendered(custom)["Steps"]]
