"""A difference between recorded answers and a run's is told; what only a run decides is none."""

import copy
import json
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import pytest

from proofs.smoke.differences import differences
from proofs.smoke.recording import masked

Cases = dict[str, Any]
NAME = "release version 1: sagemaker:DescribeEndpoint"


def cases(**changes: Any) -> Cases:
    response = {
        "EndpointName": "everloop-smoke",
        "EndpointArn": "arn:aws:sagemaker:us-east-1:123456789012:endpoint/everloop-smoke",
        "EndpointStatus": "InService",
        "CreationTime": "<time>",
        "ProductionVariants": [{"VariantName": "AllTraffic", "CurrentInstanceCount": 1}],
    }
    return {
        NAME: {
            "step": "release version 1",
            "service": "sagemaker",
            "operation": "DescribeEndpoint",
            "request": {"EndpointName": "everloop-smoke"},
            "response": response | changes,
        }
    }


def test_answers_that_differ_in_names_times_and_numbers_only_are_alike() -> None:
    variants = [{"VariantName": "Other", "CurrentInstanceCount": 2}] * 2
    assert differences(cases(), cases(EndpointArn="arn:x", ProductionVariants=variants)) == []


def without(member: str) -> Cases:
    made = cases()
    del made[NAME]["response"][member]
    return made


@pytest.mark.parametrize(
    ("here", "line"),
    [
        (without("CreationTime"), "CreationTime: only there"),
        (cases(FailureReason="x"), "FailureReason: only here"),
        (cases(EndpointStatus="Updating"), "EndpointStatus: 'InService' there, 'Updating' here"),
        (cases(CreationTime=None), "CreationTime: str there, null here"),
        (cases(ProductionVariants=[]), "ProductionVariants: 1 elements there, 0 here"),
        (
            cases(ProductionVariants=[{"VariantName": "AllTraffic", "CurrentInstanceCount": "1"}]),
            "ProductionVariants[0].CurrentInstanceCount: int there, str here",
        ),
        ({}, "was not asked here"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_a_planted_difference_is_told(here: Cases, line: str) -> None:
    assert differences(cases(), here) == [f"{NAME}: {line}"]


def test_a_jobs_step_on_its_way_is_no_difference() -> None:
    def job(status: str) -> Cases:
        return {
            "train: sagemaker:DescribeTrainingJob": {
                **{"service": "sagemaker", "operation": "DescribeTrainingJob"},
                "response": {"SecondaryStatus": status},
            }
        }

    assert differences(job("Training"), job("Uploading")) == []
    assert len(differences(job("Training"), job("Failed"))) == 1


def test_what_says_who_and_when_is_taken_out() -> None:
    answer = {
        "Arn": "arn:aws:states:r:999999999999:e:0f0e0d0c-0102-0304-0506-0a0b0c0d0e0f",
        "At": datetime(2026, 11, 30, tzinfo=UTC),
        "Body": b"rows",
        "Owner": ["999999999999", 3, None],
    }
    assert json.loads(json.dumps(masked(answer, "999999999999"))) == {
        "Arn": "arn:aws:states:r:123456789012:e:<id>",
        "At": "<time>",
        "Body": "<bytes>",
        "Owner": ["123456789012", 3, None],
    }


@pytest.fixture
def recorded() -> Callable[[], Cases]:
    return lambda: copy.deepcopy(cases())


def test_recorded_cases_are_json_and_come_back_alike(recorded: Any) -> None:
    assert differences(json.loads(json.dumps(recorded())), recorded()) == []
