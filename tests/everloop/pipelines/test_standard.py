"""The rendered pipeline: AWS's schema 2020-12-01, and requests that SageMaker's API takes.

AWS's published schema is older than the language and has no licence, so its rules stand here.
"""

import json
import re
from collections.abc import Iterator
from typing import Any

import boto3
import pytest
from botocore.validate import ParamValidator
from rendering import BUNDLE, ROLE, SITE, SPEC, every_step, rendered, resolved, step

from everloop.errors import BadInput
from everloop.pipelines.needs import of_pipeline
from everloop.pipelines.plans import with_plan
from everloop.pipelines.standard import Site, render
from everloop.spec.model_spec import load_spec

REQUESTS = {
    "Processing": ("CreateProcessingJob", {"ProcessingJobName": "j"}),
    "Training": ("CreateTrainingJob", {"TrainingJobName": "j"}),
    "RegisterModel": ("CreateModelPackage", {}),
}
Json = dict[str, Any]


def trained_by(train: str) -> str:
    return f'problem = "regression"\n[data]\ntarget = "late"\n[train]\n{train}\n'


def functions(value: Any) -> Iterator[Json]:
    """Every function in a value; any object with one key that is a function's name is one."""
    if isinstance(value, dict):
        if len(value) == 1 and next(iter(value)) in ("Get", "Std:Join", "Std:JsonGet"):
            yield value
        for inner in value.values():
            yield from functions(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from functions(inner)


@pytest.fixture(scope="module")
def validate() -> Any:
    model = boto3.client("sagemaker", region_name="us-east-1").meta.service_model

    def check(operation: str, request: Json) -> str:
        report = ParamValidator().validate(request, model.operation_model(operation).input_shape)
        return str(report.generate_report())

    return check


VARIANTS = {
    "plain": (SPEC, SITE),
    "spot": (SPEC.replace("[train]", "[train]\nspot = true"), SITE),
    "encrypted": (SPEC, Site("artefacts", "eu-west-1", ROLE, "s3://a/jobs/7", "arn:aws:kms:k")),
    "no bars": ('problem = "regression"\n[data]\ntarget = "price"\n', SITE),
}


@pytest.fixture(params=VARIANTS, ids=str)
def definition(request: pytest.FixtureRequest) -> Json:
    return rendered(*VARIANTS[request.param])


def test_the_same_spec_gives_the_same_bytes() -> None:
    spec = load_spec(SPEC, name="flights")
    again = load_spec(SPEC, name="flights")
    assert render(spec, SITE, BUNDLE) == render(again, SITE, BUNDLE)


def test_nothing_of_another_model_is_in_it() -> None:
    text = json.dumps(rendered(name="ozone"))
    assert "flights" not in text.replace(BUNDLE.uri.rpartition("/")[0], "")


def test_the_envelope_is_as_the_schema_wants_it(definition: Json) -> None:
    assert definition["Version"] == "2020-12-01"
    assert set(definition) <= {"Version", "Metadata", "Parameters", "Steps"}
    assert [each["Name"] for each in definition["Parameters"]] == [
        "DatasetUri",
        "DatasetDigest",
        "Cause",
    ]
    for parameter in definition["Parameters"]:
        assert set(parameter) <= {"Name", "Type", "DefaultValue"}
        assert parameter["Type"] == "String"
    steps = list(every_step(definition["Steps"]))
    names = [each["Name"] for each in steps]
    assert names == ["Preprocess", "Train", "Evaluate", "MeetsBars", "Register", "BelowBars"]
    for each in steps:
        assert re.fullmatch(r"[A-Za-z0-9\-_]{1,64}", each["Name"])
        allowed = {"Name", "Type", "Arguments", "RetryPolicies", "PropertyFiles"}
        assert set(each) <= allowed
        for policy in each.get("RetryPolicies", []):
            assert set(policy) == {"ExceptionType", "IntervalSeconds", "BackoffRate", "MaxAttempts"}
            assert 1 <= policy["MaxAttempts"] <= 20
            assert 1 <= policy["IntervalSeconds"] <= 43200
    assert len(json.dumps(definition)) < 100 * 1024


def test_every_reference_leads_somewhere(definition: Json) -> None:
    steps = {each["Name"]: each for each in every_step(definition["Steps"])}
    parameters = {each["Name"] for each in definition["Parameters"]}
    seen = []
    for function in functions(definition["Steps"]):
        if "Get" not in function:
            continue
        kind, name, *path = function["Get"].split(".")
        seen.append(kind)
        if kind == "Parameters":
            assert name in parameters
        elif kind == "Execution":
            assert name in ("PipelineExecutionId", "PipelineExecutionArn", "StartDateTime")
        elif path[0] == "PropertyFiles":
            files = steps[name]["PropertyFiles"]
            assert path[1] in [each["PropertyFileName"] for each in files]
        elif path[0] == "ProcessingOutputConfig":
            output = re.fullmatch(r"Outputs\['(\w+)'\]", path[1])
            assert output is not None
            made = steps[name]["Arguments"]["ProcessingOutputConfig"]["Outputs"]
            assert output[1] in [each["OutputName"] for each in made]
        else:
            assert (steps[name]["Type"], path) == (
                "Training",
                ["ModelArtifacts", "S3ModelArtifacts"],
            )
    assert {"Parameters", "Execution", "Steps"} <= set(seen)


def test_property_files_lie_in_an_output_of_their_step(definition: Json) -> None:
    for each in every_step(definition["Steps"]):
        for file in each.get("PropertyFiles", []):
            outputs = each["Arguments"]["ProcessingOutputConfig"]["Outputs"]
            assert file["OutputName"] in [output["OutputName"] for output in outputs]


def test_every_request_is_one_that_the_api_takes(definition: Json, validate: Any) -> None:
    checked = []
    for each in every_step(definition["Steps"]):
        if each["Type"] not in REQUESTS:
            continue
        operation, names = REQUESTS[each["Type"]]
        assert validate(operation, {**names, **resolved(each["Arguments"])}) == ""
        checked.append(each["Name"])
    assert checked == ["Preprocess", "Train", "Evaluate", "Register"]


def test_outputs_lie_under_the_run(definition: Json) -> None:
    for name in ("Preprocess", "Evaluate"):
        for each in step(definition, name)["Arguments"]["ProcessingOutputConfig"]["Outputs"]:
            join = each["S3Output"]["S3Uri"]["Std:Join"]
            assert join["Values"] == [
                "s3://artefacts/runs/flights",
                {"Get": "Execution.PipelineExecutionId"},
                each["OutputName"],
            ]


def test_hyperparameters_come_back_as_they_were() -> None:
    given = step(rendered(), "Train")["Arguments"]["HyperParameters"]
    assert all(isinstance(value, str) for value in given.values())
    read = {name: json.loads(value) for name, value in given.items()}  # as the toolkit does
    assert read["sagemaker_program"] == "train.py"
    assert read["sagemaker_submit_directory"] == BUNDLE.uri
    assert (read["max_iter"], read["rate"], read["loss"], read["warm"]) == (100, 0.1, "log", True)


def test_further_channels_are_outputs_of_preprocess_and_inputs_of_train() -> None:
    found = rendered(SPEC + '[prepare]\nchannels = ["images", "words"]\n')
    outputs = step(found, "Preprocess")["Arguments"]["ProcessingOutputConfig"]["Outputs"]
    assert [each["OutputName"] for each in outputs] == [
        *("train", "validation", "holdout", "baseline", "images", "words")
    ]
    channels = step(found, "Train")["Arguments"]["InputDataConfig"]
    assert [each["ChannelName"] for each in channels] == ["train", "validation", "images", "words"]


def test_a_report_of_rows_that_nobody_reads_is_not_named() -> None:
    def named(data: str) -> bool:
        found = rendered(SPEC.replace("[train]", f"{data}\n[train]"))
        made = step(found, "Register")["Arguments"]["CustomerMetadataProperties"]
        return "data-report-uri" in made

    assert [named(d) for d in ("", 'check = "names-only"', 'format = "files"')] == [
        True,
        False,
        False,
    ]


def test_spot_training_waits_for_capacity() -> None:
    arguments = step(rendered(*VARIANTS["spot"]), "Train")["Arguments"]
    stopping = arguments["StoppingCondition"]
    assert arguments["EnableManagedSpotTraining"] is True
    assert stopping["MaxWaitTimeInSeconds"] > stopping["MaxRuntimeInSeconds"]


def test_a_key_encrypts_every_volume_and_output() -> None:
    definition = rendered(*VARIANTS["encrypted"])
    key = "arn:aws:kms:k"
    for name in ("Preprocess", "Evaluate"):
        arguments = step(definition, name)["Arguments"]
        assert arguments["ProcessingOutputConfig"]["KmsKeyId"] == key
        assert arguments["ProcessingResources"]["ClusterConfig"]["VolumeKmsKeyId"] == key
    train = step(definition, "Train")["Arguments"]
    assert train["OutputDataConfig"]["KmsKeyId"] == key
    assert train["ResourceConfig"]["VolumeKmsKeyId"] == key


def test_every_bar_is_a_condition_in_its_direction() -> None:
    conditions = step(rendered(), "MeetsBars")["Arguments"]["Conditions"]
    told = [
        (each["Type"], each["LeftValue"]["Std:JsonGet"]["Path"], each["RightValue"])
        for each in conditions
    ]
    assert told == [
        ("GreaterThanOrEqualTo", "metrics.auc.value", 0.65),
        ("LessThanOrEqualTo", "metrics.log_loss.value", 0.6),
    ]


def test_the_failure_says_what_was_wanted() -> None:
    message = step(rendered(), "BelowBars")["Arguments"]["ErrorMessage"]
    assert message == "Below the bars: wanted are auc at least 0.65, log_loss at most 0.6"


def test_property_files_are_read_in_conditions_only() -> None:
    """AWS documents Std:JsonGet there, and nowhere else."""
    for variant in VARIANTS.values():
        for each in every_step(rendered(*variant)["Steps"]):
            arguments = dict(each["Arguments"])
            for place in ("Conditions", "IfSteps", "ElseSteps"):
                arguments.pop(place, None)
            assert "Std:JsonGet" not in json.dumps(arguments), each["Name"]


def test_a_candidate_is_registered_for_judgement_with_its_lineage() -> None:
    arguments = step(rendered(), "Register")["Arguments"]
    assert arguments["ModelApprovalStatus"] == "PendingManualApproval"
    container = arguments["InferenceSpecification"]["Containers"][0]
    assert container["Environment"]["SAGEMAKER_SUBMIT_DIRECTORY"] == BUNDLE.uri
    properties = resolved(arguments["CustomerMetadataProperties"])
    assert set(properties) == {
        "dataset-digest",
        "dataset-uri",
        "bundle-digest",
        "bundle-uri",
        "cause",
        "run",
        "holdout-uri",
        "evaluation-uri",
        "predictions-uri",
        "baseline-uri",
        "data-report-uri",
    }
    for value in properties.values():
        assert re.fullmatch(r"[\w .:/=+\-@]{1,256}", value)


def test_an_unknown_region_is_refused_by_name() -> None:
    with pytest.raises(BadInput, match=r"region 'moon-1' has no image of scikit-learn 1\.9-0"):
        rendered(site=Site("artefacts", "moon-1", ROLE, "s3://artefacts/jobs/77"))


def test_the_first_job_is_told_where_to_put_what_became_of_each_file() -> None:
    environment = step(rendered(), "Preprocess")["Arguments"]["Environment"]
    assert environment["EVERLOOP_FILES_URI"] == {
        "Std:Join": {
            "On": "/",
            "Values": [
                "s3://artefacts/runs/flights",
                {"Get": "Execution.PipelineExecutionId"},
                "files/files.json",
            ],
        }
    }


GPU = {"prepare": "ml.r5.large", "evaluate": "ml.c5.large", "monitor": "ml.t3.medium"}


def test_no_job_but_training_runs_on_what_trains() -> None:
    plain = 'problem = "regression"\n[data]\ntarget = "y"\n[train]\ninstance = "ml.g5.xlarge"\n'
    sections = "".join(f'[{job}]\ninstance = "{name}"\n' for job, name in GPU.items())
    for spec, prepare, evaluate in (
        (plain + sections, GPU["prepare"], GPU["evaluate"]),
        (plain, "ml.t3.large", "ml.t3.large"),
    ):
        definition = rendered(spec, SITE)
        train = step(definition, "Train")["Arguments"]["ResourceConfig"]
        clusters = {
            name: step(definition, name)["Arguments"]["ProcessingResources"]["ClusterConfig"]
            for name in ("Preprocess", "Evaluate")
        }
        assert train["InstanceType"] == "ml.g5.xlarge"
        assert clusters["Preprocess"]["InstanceType"] == prepare
        assert clusters["Evaluate"]["InstanceType"] == evaluate


@pytest.mark.parametrize(
    ("instance", "encrypted"),
    [
        *((f"ml.{name}", True) for name in ("m5.large", "t3.medium", "p3.2xlarge", "c7i.xlarge")),
        *(
            (f"ml.{name}", False)
            for name in ("m5d.large", "g4dn.xlarge", "g5.xlarge", "g6e.2xlarge")
        ),
        *((f"ml.{name}", False) for name in ("p4d.24xlarge", "p5en.48xlarge", "trn1.2xlarge")),
    ],
)
def test_a_key_goes_to_volumes_that_take_one(instance: str, encrypted: bool) -> None:
    jobs = ("prepare", "train", "evaluate")
    spec = 'problem = "regression"\n[data]\ntarget = "y"\n'
    spec += "".join(f'[{job}]\ninstance = "{instance}"\n' for job in jobs)
    definition = rendered(spec, VARIANTS["encrypted"][1])
    train = step(definition, "Train")["Arguments"]
    assert ("VolumeKmsKeyId" in train["ResourceConfig"]) is encrypted
    assert train["OutputDataConfig"]["KmsKeyId"]
    for name in ("Preprocess", "Evaluate"):
        arguments = step(definition, name)["Arguments"]
        cluster = arguments["ProcessingResources"]["ClusterConfig"]
        assert ("VolumeKmsKeyId" in cluster) is encrypted
        assert arguments["ProcessingOutputConfig"]["KmsKeyId"]


def test_each_framework_trains_and_serves_in_its_own_image() -> None:
    made = rendered(trained_by('framework = "xgboost"'))
    trained = step(made, "Train")["Arguments"]["AlgorithmSpecification"]
    assert trained["TrainingImage"].endswith("/sagemaker-xgboost:3.2-0")
    assert "ContainerEntrypoint" not in trained
    evaluated = step(made, "Evaluate")["Arguments"]["AppSpecification"]["ImageUri"]
    assert evaluated == trained["TrainingImage"]


def test_the_code_lies_in_the_model_where_its_serving_container_looks_for_it() -> None:
    made = rendered(trained_by('framework = "pytorch"\ninstance = "ml.g5.xlarge"'))
    trained = step(made, "Train")["Arguments"]["AlgorithmSpecification"]
    assert trained["TrainingImage"].endswith("/pytorch-training:2.6.0-gpu-py312")
    assert "train && mkdir -p /opt/ml/model/code" in trained["ContainerEntrypoint"][-1]
    evaluated = step(made, "Evaluate")["Arguments"]["AppSpecification"]["ImageUri"]
    assert evaluated.endswith("/pytorch-training:2.6.0-cpu-py312")
    registered = step(made, "MeetsBars")["Arguments"]["IfSteps"][0]["Arguments"]
    container = registered["InferenceSpecification"]["Containers"][0]
    assert container["Image"].endswith("/pytorch-inference:2.6.0-cpu-py312")
    assert container["Environment"]["SAGEMAKER_SUBMIT_DIRECTORY"] == "/opt/ml/model/code"


@pytest.mark.parametrize("site", ["plain", "encrypted"])
@pytest.mark.parametrize("there", ["ml.m5.large", "ml.g5.xlarge"])
@pytest.mark.parametrize("spot", [False, True])
def test_a_pipeline_with_a_plan_is_what_that_would_be_rendered_as(
    site: str, there: str, spot: bool
) -> None:
    def text(instance: str, spot: bool) -> str:
        jobs = "".join(f'[{job}]\ninstance = "{instance}"\n' for job in ("prepare", "evaluate"))
        train = f'[train]\ninstance = "{instance}"\nspot = {json.dumps(spot)}\n'
        return f'problem = "regression"\n[data]\ntarget = "y"\n{jobs}{train}'

    where = {"plain": SITE, "encrypted": VARIANTS["encrypted"][1]}[site]
    for began, other in ((there, "ml.c5.xlarge"), ("ml.c5.xlarge", there)):
        installed = render(load_spec(text(began, not spot), name="flights"), where, BUNDLE)
        use = "spot training job" if spot else "training job"
        plan = {job: f"{other} for processing job usage" for job in ("prepare", "evaluate")}
        plan["train"] = f"{other} for {use} usage"
        wanted = render(load_spec(text(other, spot), name="flights"), where, BUNDLE)
        assert with_plan(installed, plan) == wanted
        assert with_plan(installed, {}) == installed


def test_a_built_in_algorithm_needs_no_script_and_is_given_what_it_takes() -> None:
    made = rendered(
        trained_by('algorithm = "xgboost"\nhyperparameters = { num_round = 5, eta = 0.2 }')
    )
    trained = step(made, "Train")["Arguments"]
    assert trained["HyperParameters"] == {
        "eta": "0.2",
        "num_round": "5",
        "objective": "reg:squarederror",
    }
    for channel in trained["InputDataConfig"]:
        place = channel["DataSource"]["S3DataSource"]["S3Uri"]["Std:Join"]["Values"]
        assert "Outputs['algorithm']" in place[0]["Get"] and place[1] == channel["ChannelName"]
        assert channel["ContentType"] == "text/csv"
    asked = step(made, "Evaluate")["Arguments"]
    assert asked["AppSpecification"]["ImageUri"].endswith("/sagemaker-xgboost:3.2-0")
    assert {"model", "holdout", "baseline"} < {
        each["InputName"] for each in asked["ProcessingInputs"]
    }
    registered = step(made, "MeetsBars")["Arguments"]["IfSteps"][0]["Arguments"]
    container = registered["InferenceSpecification"]["Containers"][0]
    assert container["Environment"] == {}
    assert container["Image"].endswith("/sagemaker-xgboost:3.2-0")


TUNE = (
    "\n[tune]\nranges = { eta = [0.05, 0.5], max_depth = [2, 8], booster = ['gbtree', 'dart'] }\n"
)


def test_three_lines_make_a_tuning_of_the_training() -> None:
    spec = trained_by('algorithm = "xgboost"\nhyperparameters = { num_round = 5 }') + TUNE
    made = rendered(spec)
    assert [each["Name"] for each in made["Steps"]] == [
        "Preprocess",
        "Tune",
        "Evaluate",
        "MeetsBars",
    ]
    asked = step(made, "Tune")["Arguments"]
    config, definition = asked["HyperParameterTuningJobConfig"], asked["TrainingJobDefinition"]
    assert config["HyperParameterTuningJobObjective"] == {
        "Type": "Minimize",
        "MetricName": "validation:rmse",
    }
    assert config["ParameterRanges"] == {
        "CategoricalParameterRanges": [{"Name": "booster", "Values": ["gbtree", "dart"]}],
        "ContinuousParameterRanges": [{"Name": "eta", "MinValue": "0.05", "MaxValue": "0.5"}],
        "IntegerParameterRanges": [{"Name": "max_depth", "MinValue": "2", "MaxValue": "8"}],
    }
    assert definition["StaticHyperParameters"]["num_round"] == "5"
    assert "MetricDefinitions" not in definition["AlgorithmSpecification"]
    model = next(
        each["S3Input"]["S3Uri"]
        for each in step(made, "Evaluate")["Arguments"]["ProcessingInputs"]
        if each["InputName"] == "model"
    )
    assert model["Std:Join"]["Values"][-2:] == [
        {"Get": "Steps.Tune.TrainingJobSummaries[0].TrainingJobName"},
        "output/model.tar.gz",
    ]


def test_a_script_says_what_it_prints_and_its_words_are_json() -> None:
    tune = TUNE + "metric = 'validation:mae'\ngoal = 'minimize'\nparallel = 2\ntrials = 4\n"
    asked = step(rendered(trained_by("") + tune), "Tune")["Arguments"]
    (metric,) = asked["TrainingJobDefinition"]["AlgorithmSpecification"]["MetricDefinitions"]
    assert metric["Name"] == "validation:mae"
    found = re.search(metric["Regex"], "epoch 3, validation:mae = 0.25;")
    assert found is not None and found[1] == "0.25"
    ranges = asked["HyperParameterTuningJobConfig"]["ParameterRanges"]
    assert ranges["CategoricalParameterRanges"][0]["Values"] == ['"gbtree"', '"dart"']
    needs = of_pipeline(rendered(trained_by("spot = false") + tune))
    assert needs["ml.m5.large for training job usage"] == 2


@pytest.mark.parametrize(
    ("tune", "words"),
    [
        ("ranges = { a = [1, 2] }", "tune.metric is missing; name what train.py prints"),
        ("ranges = { a = [1, 2] }\nmetric = 'm'", "tune.goal is missing; is m to be 'maximize' or"),
        ("ranges = {}\nmetric = 'm'\ngoal = 'minimize'", "tune.ranges is {}"),
        ("ranges = { a = [2, 1] }", "tune.ranges.a is [2, 1]; the lowest comes first"),
        ("ranges = { a = [1, 'x'] }", "give [lowest, highest] as numbers, or a list of words"),
        ("ranges = { a = [1, inf] }", "give [lowest, highest] as numbers, or a list of words"),
        (
            "ranges = { a = [1, 2] }\nmetric = 'm'\ngoal = 'minimize'\nstrategy = 'grid'",
            "tune.strategy is 'grid', which takes lists of words only, and tune.ranges.a is",
        ),
        (
            "ranges = { a = [1, 2] }\nmetric = 'm'\ngoal = 'minimize'\ntrials = 2\nparallel = 3",
            "tune.parallel is 3, above tune.trials",
        ),
    ],
)
def test_what_cannot_be_tuned_is_refused_by_key(tune: str, words: str) -> None:
    with pytest.raises(BadInput) as error:
        rendered(trained_by("") + f"\n[tune]\n{tune}\n")
    assert words in str(error.value)


def test_what_a_script_prints_is_found_as_a_metric() -> None:
    track = '[track]\nmetrics = ["loss", "val_loss"]\n'
    asked = step(rendered(trained_by("") + track), "Train")["Arguments"]
    found = {d["Name"]: d["Regex"] for d in asked["AlgorithmSpecification"]["MetricDefinitions"]}
    line = "epoch 3: loss=0.25, val_loss: 1.5e-3 best_val_loss=9"
    assert re.findall(found["loss"], line) == ["0.25"]
    assert re.findall(found["val_loss"], line) == ["1.5e-3"]
    both = (
        track + "[tune]\nranges = { rate = [0.1, 0.5] }\nmetric = 'val_loss'\ngoal = 'minimize'\n"
    )
    tuned = step(rendered(trained_by("") + both), "Tune")["Arguments"]["TrainingJobDefinition"]
    names = [d["Name"] for d in tuned["AlgorithmSpecification"]["MetricDefinitions"]]
    assert names == ["val_loss", "loss"]


def test_every_job_of_a_run_is_told_which_one_its_report_is_of() -> None:
    made = rendered(trained_by(""))
    for name in ("Preprocess", "Evaluate"):
        told = step(made, name)["Arguments"]["Environment"]
        assert told["EVERLOOP_RUN"] == {"Get": "Execution.PipelineExecutionArn"}
        started = told["EVERLOOP_STARTED"]["Std:Join"]
        assert started == {"On": "", "Values": [{"Get": "Execution.StartDateTime"}]}
        assert told["EVERLOOP_BUNDLE_DIGEST"] == BUNDLE.digest
    alone = rendered(trained_by("in_one_job = true"))
    assert "EVERLOOP_RUN" in step(alone, "Train")["Arguments"]["Environment"]
