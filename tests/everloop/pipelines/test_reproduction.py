"""A definition that trains a version again: what brings the model and measures it, and no more."""

import json

import pytest

from everloop.errors import BadInput
from everloop.pipelines.reproduction import again, resolved
from everloop.pipelines.standard import BundleRef, Site, render
from everloop.spec.model_spec import load_spec

ROLE = "arn:aws:iam::123456789012:role/everloop-sagemaker"
BUNDLE = BundleRef("s3://artefacts/bundles/flights/0a1b/bundle.tar.gz", "0a1b" * 16)
SITE = Site("artefacts", "us-east-1", ROLE, "s3://artefacts/jobs/77")
SPEC = 'problem = "regression"\n[data]\ntarget = "late"\n'
BARS = "[evaluate.metrics.rmse]\nmax = 3.0\n"
TUNE = "[tune]\nranges = { rate = [0.1, 0.5] }\nmetric = 'rmse'\ngoal = 'minimize'\n"


def rendered(more=""):
    return render(load_spec(SPEC + more, name="flights"), SITE, BUNDLE)


def steps(definition):
    return {step["Name"]: step for step in json.loads(definition)["Steps"]}


@pytest.mark.parametrize("more", ["", BARS], ids=["no bars", "bars"])
def test_the_default_pipeline_without_what_registers(more):
    found = again(rendered(more), {})
    assert found.steps == ("Preprocess", "Train", "Evaluate")
    assert (found.model_step, found.tuned) == ("Train", False)
    assert found.left_out == ("Register", "BelowBars")
    before, after = steps(rendered(more)), steps(found.definition)
    assert all(after[name] == before[name] for name in after)
    assert "RegisterModel" not in found.definition


def test_a_tuned_model_is_its_best_trial():
    found = again(rendered(TUNE), {})
    assert (found.model_step, found.tuned) == ("Tune", True)


def test_where_the_evaluation_will_be_is_known_before():
    found = again(rendered(), {})
    place = resolved(found.evaluation, found.definition, "abc", {})
    assert place == "s3://artefacts/runs/flights/abc/evaluation/evaluation.json"


def test_one_job_for_all_is_trained_again_alone():
    found = again(rendered("[train]\nin_one_job = true\n"), {})
    assert (found.steps, found.model_step) == (("Train",), "Train")
    place = resolved(found.evaluation, found.definition, "abc", {})
    assert place == "s3://artefacts/runs/flights/abc/evaluation/evaluation.json"


def test_the_image_that_trains_is_told_and_not_the_one_that_serves():
    """The digest is known of what serves; what trains may be another image, by its tag."""
    definition = rendered("[train]\nframework = 'pytorch'\n")
    trains = steps(definition)["Train"]["Arguments"]["AlgorithmSpecification"]["TrainingImage"]
    pinned = f"{trains.rpartition(':')[0]}@sha256:{'0' * 64}"
    assert again(definition, {"serves:1": f"sha256:{'0' * 64}"}).image == trains
    assert again(definition, {trains: f"sha256:{'0' * 64}"}).image == pinned


def own(*more, model="Steps.Train.ModelArtifacts.S3ModelArtifacts", depends=()):
    containers = [{"Image": "i", "ModelDataUrl": {"Get": model}}]
    register = {"InferenceSpecification": {"Containers": containers}}
    train = {"Name": "Train", "Type": "Training", "Arguments": {}, "DependsOn": list(depends)}
    last = {"Name": "Register", "Type": "RegisterModel", "Arguments": register}
    return json.dumps({"Version": "2020-12-01", "Steps": [*more, train, last]})


def test_steps_that_call_others_are_left_out_and_nobody_waits_for_them():
    call = {"Name": "Tell", "Type": "Lambda", "Arguments": {}}
    found = again(own(call, depends=["Tell"]), {})
    assert (found.steps, found.left_out) == (("Train",), ("Tell", "Register"))
    assert "Tell" not in found.definition


def test_the_model_that_a_transform_job_answers_with_is_made_again():
    made = {"Name": "Model", "Type": "Model", "Arguments": {}}
    other = {"Name": "Serves", "Type": "Model", "Arguments": {}}
    model = {"ModelName": {"Get": "Steps.Model.ModelName"}}
    score = {"Name": "Score", "Type": "Transform", "Arguments": model}
    found = again(own(made, other, score), {})
    assert (found.steps, found.left_out) == (("Model", "Score", "Train"), ("Serves", "Register"))


def test_a_step_that_needs_one_that_is_left_out_is_refused_by_both_names():
    call = {"Name": "Ask", "Type": "Lambda", "Arguments": {}}
    needs = {"Name": "Pre", "Type": "Processing", "Arguments": {"A": {"Get": "Steps.Ask.Output"}}}
    with pytest.raises(BadInput, match="the step Pre needs Ask, which is not run again"):
        again(own(call, needs), {})


@pytest.mark.parametrize(
    "model", ["Steps.Pack.ProcessingOutputConfig.Outputs['m'].S3Output.S3Uri", "Parameters.Model"]
)
def test_a_model_that_no_training_brought_cannot_be_compared(model):
    pack = {"Name": "Pack", "Type": "Processing", "Arguments": {}}
    with pytest.raises(BadInput, match="it cannot be said which archive to compare"):
        again(own(pack, model=model), {})


def test_a_pipeline_that_registers_nothing_is_refused():
    with pytest.raises(BadInput, match="no step of type RegisterModel"):
        again(json.dumps({"Steps": []}), {})


def test_a_parameter_that_nobody_gives_is_its_default():
    definition = {"Parameters": [{"Name": "Where", "DefaultValue": "s3://a/x"}], "Steps": []}
    for given, found in (({}, "s3://a/x"), ({"Where": "s3://a/y"}, "s3://a/y")):
        assert resolved({"Get": "Parameters.Where"}, json.dumps(definition), "abc", given) == found


@pytest.mark.parametrize(
    "value",
    [
        {"Std:Join": {"On": "/", "Values": ["a", {"Get": "Parameters.Nobody"}]}},
        {"Get": "Steps.Nobody.ProcessingOutputConfig.Outputs['o'].S3Output.S3Uri"},
        {"Std:Other": 1},
        None,
        7,
    ],
)
def test_what_cannot_be_resolved_is_nothing(value):
    assert resolved(value, json.dumps({"Steps": []}), "abc", {}) == ""
