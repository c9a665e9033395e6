"""The content of model cards: AWS's schema takes it whatever a version is, and it says what is."""

import json
from datetime import timedelta

import pytest

from everloop.model_card import LONGEST, Registered, content, copied, is_of
from everloop.moments import moment
from everloop.records.approval import Approval
from everloop.records.release import RELEASED, ROLLED_BACK, Release
from everloop_localcloud.sagemaker.model_card_content import problems, problems_of_package

AT = moment("2026-11-20T10:00:00Z")
ARN = "arn:aws:sagemaker:us-east-1:123456789012:model-package/loans/3"
VERSION = Registered(
    ARN,
    "loans",
    3,
    "image:1",
    "s3://artefacts/model.tar.gz",
    {
        "dataset-digest": "d" * 64,
        "dataset-uri": "s3://artefacts/datasets/loans/d.json",
        "bundle-digest": "b" * 64,
        "run": "arn:aws:sagemaker:us-east-1:123456789012:pipeline/loans/execution/abc",
        "cause": "drop",
        "evaluation-uri": "s3://artefacts/evaluation.json",
        "holdout-uri": "s3://artefacts/holdout/data.csv",
    },
)
MEASURED = {"value": 0.71, "low": 0.7, "high": 0.72}
EVALUATION = {
    "rows": 900,
    "metrics": {"auc": MEASURED, "recall": {"value": None}},
    "slices": [{"column": "region", "value": "a\nb", "rows": 300, "metrics": {"auc": MEASURED}}],
    "fairness": {
        "confidence": 0.95,
        "columns": [
            {
                "column": "sex",
                "reference": {"value": "male", "rows": 700},
                "too_small": [{"value": "x", "rows": 3}],
                "groups": [
                    {
                        "value": "female",
                        "rows": 300,
                        "measures": {"disparate_impact": {"value": 0.9, "low": 0.8, "high": 1.0}},
                    }
                ],
            }
        ],
    },
    "explanations": {
        "metric": "auc",
        "rows": 500,
        "importance": [{"column": "hour", "loss": 0.09, "low": 0.08, "high": 0.1}],
        "not_reached": ["day"],
        "suspects": [{"column": "id", "why": "all values are different"}],
    },
}
SPEC = {
    "card": {"owner": "Risk", "purpose": "to lend", "licence": "MIT", "risk_rating": "High"},
    "evaluate": {"metrics": {"auc": {"min": 0.6, "max": None}}},
    "train": {"hyperparameters": {"alpha": 0.5}},
}


def parts(card):
    return {each["name"]: each for each in card["evaluation_details"]}


def test_a_card_says_what_was_measured_with_intervals_bars_and_groups():
    text = content(VERSION, EVALUATION, SPEC)
    assert problems_of_package(text) == []
    found = parts(json.loads(text))
    metrics, by_slice = found["holdout"]["metric_groups"]
    assert metrics["metric_data"] == [
        {
            "name": "auc",
            "type": "number",
            "value": 0.71,
            "notes": "interval 0.7 to 0.72; bar: at least 0.6",
        },
        {"name": "recall", "type": "string", "value": "not defined"},
    ]
    assert by_slice["name"] == "region=a b (300 rows)"
    assert found["fairness"]["metric_groups"][0]["name"] == "sex=female (300 rows), against male"
    assert "too few rows to judge sex=x" in found["fairness"]["evaluation_observation"]
    told = found["explanations"]["evaluation_observation"]
    assert "partial: the time did not reach 1 columns" in told
    assert "Suspects: id: all values are different" in told


def test_what_was_trained_on_is_named_by_its_digest():
    card = json.loads(content(VERSION, EVALUATION, SPEC))
    details = card["training_details"]
    assert "d" * 64 in details["training_observations"]
    job = details["training_job_details"]
    assert job["training_datasets"] == ["s3://artefacts/datasets/loans/d.json"]
    assert job["user_provided_hyper_parameters"] == [{"name": "alpha", "value": "0.5"}]


@pytest.mark.parametrize(
    ("evaluation", "spec"),
    [
        ({}, {}),
        ({"metrics": {"auc": float("nan"), "": 1}}, {"card": {}}),
        ({"metrics": {"x" * 400: {"value": 1}}, "explanations": {"not_explained": "why"}}, SPEC),
        ({"rows": 1, "metrics": {"auc": True}}, {"description": "x" * 1024}),
    ],
    ids=["nothing", "no number", "long names", "no section"],
)
def test_the_schema_takes_whatever_an_evaluation_holds(evaluation, spec):
    assert problems_of_package(content(VERSION, evaluation, spec)) == []


def test_a_card_of_very_many_groups_keeps_within_what_aws_takes_and_says_so():
    names = [f"metric {number} with a long name" for number in range(40)]
    part = {"column": "region", "rows": 300, "metrics": {name: MEASURED for name in names}}
    slices = [{**part, "value": f"region {number}"} for number in range(500)]
    text = content(VERSION, {**EVALUATION, "slices": slices}, SPEC)
    assert len(text) <= LONGEST and problems_of_package(text) == []
    holdout = parts(json.loads(text))["holdout"]
    assert holdout["metric_groups"][0]["name"] == "metrics"
    assert holdout["metadata"]["shortened"] == "see the report"
    assert "400 further slices stand in the report" in holdout["evaluation_observation"]


def test_a_copy_says_who_decided_and_since_when_it_serves_and_twice_is_once():
    own = content(VERSION, EVALUATION, SPEC)
    word = Approval(3, "Approved", AT, "arn:aws:iam::1:user/ana", "it helps", "it helps")
    releases = [
        Release(7, 3, ROLLED_BACK, "an alarm rang", AT, AT + timedelta(hours=1)),
        Release(8, 3, RELEASED, "version 3 serves", AT, AT + timedelta(hours=2)),
        Release(9, 4, RELEASED, "version 4 serves", AT, AT + timedelta(hours=3)),
    ]
    text = copied(VERSION, own, "Approved", word, releases)
    assert problems(text) == []
    card = json.loads(text)
    told = card["additional_information"]["custom_details"]
    assert told["decided by"] == "arn:aws:iam::1:user/ana"
    assert told["decided because"] == "it helps"
    assert told["came into production"] == "2026-11-20T12:00:00.000Z"
    assert told["last release"] == "2026-11-20T12:00:00.000Z released: version 3 serves"
    assert told["licence"] == "MIT"
    assert (card["model_overview"]["model_id"], is_of(text, ARN)) == (ARN, True)
    assert copied(VERSION, text, "Approved", word, releases) == text


def test_a_card_that_is_none_is_copied_nowhere():
    with pytest.raises(ValueError, match="object"):
        copied(VERSION, "[]", "Approved", None, [])
    assert not is_of("[]", ARN) and not is_of("{", ARN)
