"""The checks themselves: fifteen broken machines, each one mutation of a good one."""

import copy
from typing import Any

import pytest

from statemachines import checks

GOOD: dict[str, Any] = {
    "QueryLanguage": "JSONata",
    "StartAt": "Prepare",
    "States": {
        "Prepare": {
            "Type": "Pass",
            "Assign": {"name": "{% $uppercase($states.input.name) %}"},
            "Next": "Train",
        },
        "Train": {
            "Type": "Task",
            "Resource": "arn:aws:states:::aws-sdk:sagemaker:startPipelineExecution",
            "Arguments": {
                "PipelineName": "{% $name %}",
                "ClientRequestToken": "{% $hash($name, 'SHA-256') %}",
            },
            "Assign": {"run": "{% $states.result.PipelineExecutionArn %}"},
            "Catch": [{"ErrorEquals": ["States.ALL"], "Next": "Failed"}],
            "Next": "Long?",
        },
        "Long?": {
            "Type": "Choice",
            "Choices": [{"Condition": "{% $length($run) > 3 %}", "Next": "Done"}],
            "Default": "Failed",
        },
        "Failed": {"Type": "Fail", "Error": "{% $name %}"},
        "Done": {"Type": "Succeed", "Output": "{% $run %}"},
    },
}


def broken(*path: str, value: Any) -> dict[str, Any]:
    machine = copy.deepcopy(GOOD)
    target = machine
    for key in path[:-1]:
        target = target[key]
    if value is None:
        del target[path[-1]]
    else:
        target[path[-1]] = value
    return machine


TRAIN = ("States", "Train")


def test_the_good_machine_is_good():
    assert checks.everything(GOOD) == []


@pytest.mark.parametrize(
    ("machine", "said"),
    [
        (
            broken(*TRAIN, "Resource", value="arn:aws:states:::aws-sdk:sagemaker:startPipe"),
            "no API",
        ),
        (broken(*TRAIN, "Resource", value="arn:aws:states:::aws-sdk:sagemakr:x"), "no API"),
        (broken(*TRAIN, "Arguments", "Pipeline", value="x"), "unknown argument Pipeline"),
        (broken(*TRAIN, "Arguments", "PipelineName", value=None), "missing argument PipelineName"),
        (broken(*TRAIN, "Arguments", "PipelineName", value=7), "7 where string belongs"),
        (broken(*TRAIN, "Arguments", "PipelineParameters", value=[{"Nam": "x"}]), "argument Nam"),
        (
            broken(*TRAIN, "Assign", "run", value="{% $upper($states.result) %}"),
            "no function $upper",
        ),
        (broken(*TRAIN, "Assign", "run", value="{% $eval('1') %}"), "$eval is refused"),
        (broken("States", "Done", "Output", value="{% $ran %}"), "$ran is not assigned"),
        (broken("States", "Failed", "Error", value="{% $run %}"), "$run is not assigned on every"),
        (broken("States", "Done", "Output", value="{% $run + %}"), "Done:"),
        (broken("States", "Done", "Output", value="{% $run"), "do not match"),
        (broken("States", "Long?", "Default", value="Nowhere"), "'Nowhere' is no state"),
        (broken("StartAt", value="Nothing"), "'Nothing' is no state"),
        (broken("States", "Alone", value={"Type": "Succeed"}), "Alone: nothing leads to it"),
    ],
)
def test_each_mutation_is_found(machine, said):
    assert said in "; ".join(checks.everything(machine))


def test_arguments_that_are_one_expression_are_unchecked_and_not_passed():
    machine = broken(*TRAIN, "Arguments", value="{% $states.input %}")
    assert checks.arguments(machine) == ([], ["Train: Arguments is one expression"])
