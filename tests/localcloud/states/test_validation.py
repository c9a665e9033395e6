"""What is wrong with a definition, and where; a good one has nothing wrong."""

import copy
import json
from typing import Any

import pytest

from everloop_localcloud.states.validation import validate

GOOD: dict[str, Any] = {
    "QueryLanguage": "JSONata",
    "StartAt": "Start",
    "States": {
        "Start": {"Type": "Pass", "Assign": {"a": "{% $states.input.a %}"}, "Next": "Train"},
        "Train": {
            "Type": "Task",
            "Resource": "arn:aws:states:::sagemaker:createTrainingJob.sync",
            "Arguments": {
                "TrainingJobName": "{% $a %}",
                "AlgorithmSpecification": {},
                "RoleArn": "arn",
                "OutputDataConfig": {},
                "ResourceConfig": {},
                "StoppingCondition": {},
            },
            "Retry": [{"ErrorEquals": ["SageMaker.AmazonSageMakerException"], "MaxAttempts": 2}],
            "Catch": [{"ErrorEquals": ["States.ALL"], "Next": "Failed"}],
            "Next": "Good?",
        },
        "Good?": {
            "Type": "Choice",
            "Choices": [{"Condition": "{% $a = 1 %}", "Next": "Done"}],
            "Default": "Failed",
        },
        "Failed": {"Type": "Fail", "Error": "Failed"},
        "Done": {"Type": "Succeed"},
    },
}


def changed(path: str, value: Any) -> dict[str, Any]:
    """Return the good machine with one place set, or taken away where the value is None."""
    machine = copy.deepcopy(GOOD)
    *way, last = path.split("/")
    place = machine
    for step in way:
        place = place[int(step)] if isinstance(place, list) else place[step]
    if value is None:
        del place[last]
    else:
        place[last] = value
    return machine


def locations(machine: Any) -> list[str]:
    return [one.location for one in validate(json.dumps(machine))]


def test_nothing_is_wrong_with_a_good_machine() -> None:
    assert validate(json.dumps(GOOD)) == []


@pytest.mark.parametrize(
    ("path", "value", "location"),
    [
        ("States/Start/Asign", {}, "/States/Start/Asign"),
        ("States/Start/Assign/a", "{% ( %}", "/States/Start/Assign/a"),
        ("States/Start/Next", "Nowhere", "/States/Start/Next"),
        ("States/Train/Parameters", {}, "/States/Train/Parameters"),
        ("States/Start/Next", None, "/States/Start"),
        ("States/Good?/Choices/0/Variable", "$.a", "/States/Good?/Choices[0]/Variable"),
        ("States/Start/Assign/a", "{% $a", "/States/Start/Assign/a"),
        (
            "States/Train/Resource",
            "arn:aws:states:::sagemaker:createSomething",
            "/States/Train/Resource",
        ),
        ("States/Lost", {"Type": "Succeed"}, "/States/Lost"),
        ("StartAt", None, "/"),
        ("States/Done/Type", "Suceed", "/States/Done/Type"),
        ("States/Train/Arguments/TrainingName", "x", "/States/Train/Arguments"),
        ("States/Train/Arguments/RoleArn", None, "/States/Train/Arguments"),
        ("StartAt", "Nowhere", "/StartAt"),
        ("States/Train/ResultPath", "$.x", "/States/Train/ResultPath"),
        ("States/Train/Retry/0/MaxAttempts", -1, "/States/Train/Retry[0]/MaxAttempts"),
        ("States/Train/Retry/0/JitterStrategy", "SOME", "/States/Train/Retry[0]/JitterStrategy"),
        ("States/Train/Catch/0/Next", "Nowhere", "/States/Train/Catch[0]/Next"),
        ("States/Good?/Choices/0/Condition", None, "/States/Good?/Choices[0]"),
        ("TimeoutSeconds", 0, "/TimeoutSeconds"),
        ("Stats", {}, "/Stats"),
        ("StartAt", ["Start"], "/StartAt"),
        ("States/Start/Next", {"x": 1}, "/States/Start/Next"),
        ("States/Start/Type", ["Pass"], "/States/Start/Type"),
        ("States/Start/QueryLanguage", [], "/States/Start/QueryLanguage"),
        ("States/Start/Assign", "x", "/States/Start/Assign"),
        ("States/Good?/Choices/0/Assign", [1], "/States/Good?/Choices[0]/Assign"),
        ("States/Good?/Choices", [1], "/States/Good?/Choices[0]"),
        ("States/Train/TimeoutSeconds", [1], "/States/Train/TimeoutSeconds"),
    ],
)
def test_a_fault_is_found_where_it_is(path: str, value: Any, location: str) -> None:
    assert location in locations(changed(path, value))


@pytest.mark.parametrize(
    ("state", "location"),
    [
        ({"Type": "Pass", "InputPath": "a.b", "End": True}, "/States/S/InputPath"),
        ({"Type": "Pass", "ResultPath": "$.a[*]", "End": True}, "/States/S/ResultPath"),
        ({"Type": "Pass", "Parameters": {"a.$": "b"}, "End": True}, "/States/S/Parameters"),
        (
            {"Type": "Pass", "Parameters": {"a.$": "States.Nope(1)"}, "End": True},
            "/States/S/Parameters",
        ),
        ({"Type": "Pass", "Output": 1, "End": True}, "/States/S/Output"),
        ({"Type": "Wait", "End": True}, "/States/S"),
        ({"Type": "Wait", "Seconds": "1", "End": True}, "/States/S/Seconds"),
        ({"Type": "Fail", "CausePath": "nope"}, "/States/S"),
        ({"Type": "Wait", "SecondsPath": None, "End": True}, "/States/S/SecondsPath"),
        ({"Type": "Parallel", "Branches": 3, "End": True}, "/States/S/Branches"),
        ({"Type": "Map", "MaxConcurrency": "x", "End": True}, "/States/S/MaxConcurrency"),
    ],
)
def test_a_fault_in_a_jsonpath_state_is_found(state: dict[str, Any], location: str) -> None:
    assert location in locations({"StartAt": "S", "States": {"S": state}})


def test_a_name_may_be_used_once_in_the_whole_machine() -> None:
    inner = {"StartAt": "S", "States": {"S": {"Type": "Succeed"}}}
    machine = {
        "StartAt": "S",
        "States": {"S": {"Type": "Parallel", "Branches": [inner], "End": True}},
    }
    codes = [one.code for one in validate(json.dumps(machine))]
    assert codes == ["DUPLICATE_STATE_NAME"]


@pytest.mark.parametrize(
    "text", ["", "[]", "{", '{"States": }', "[" * 100_000, '{"TimeoutSeconds": 1e999}', "NaN"]
)
def test_what_is_no_machine_is_told_so(text: str) -> None:
    assert len(validate(text)) == 1
