"""Model cards by the SDK's resource: written, reviewed, changed, listed."""

import json

import boto3
from botocore.exceptions import ClientError
from sagemaker.core.model_card import ModelCard

NAME = "sdk-model-cards-delays"

content = {
    "model_overview": {
        "model_id": "delays-7",
        "model_name": "delays",
        "model_version": 7,
        "model_description": "minutes that a flight arrives late",
        "problem_type": "Regression",
        "algorithm_type": "Ridge",
        "model_artifact": ["s3://models/delays/7/model.tar.gz"],
    },
    "intended_uses": {
        "purpose_of_model": "to plan staff at gates",
        "risk_rating": "Low",
        "explanations_for_risk_rating": "nobody is judged by it",
    },
    "training_details": {
        "objective_function": {"function": {"function": "Minimize", "facet": "Loss"}},
        "training_job_details": {
            "training_arn": "arn:aws:sagemaker:us-east-1:123456789012:training-job/delays-7",
            "hyper_parameters": [{"name": "alpha", "value": "0.5"}],
        },
    },
    "evaluation_details": [
        {
            "name": "holdout",
            "datasets": ["s3://models/delays/7/holdout.csv"],
            "metric_groups": [
                {
                    "name": "regression",
                    "metric_data": [{"name": "mae", "type": "number", "value": 7.25}],
                }
            ],
        }
    ],
    "additional_information": {"custom_details": {"on call": "ops"}},
}
card = ModelCard.create(
    model_card_name=NAME, content=json.dumps(content), model_card_status="Draft"
)
assert card.model_card_version == 1
assert json.loads(card.content) == content

card.update(model_card_status="PendingReview")
content["additional_information"]["ethical_considerations"] = "none that we know of"
card.update(content=json.dumps(content))
card.refresh()
card.update(model_card_status="Approved")
latest = ModelCard.get(model_card_name=NAME)
assert (latest.model_card_version, latest.model_card_status) == (2, "Approved")
first = ModelCard.get(model_card_name=NAME, model_card_version=1)
assert "ethical_considerations" not in json.loads(first.content)["additional_information"]
listed = boto3.client("sagemaker").list_model_card_versions(ModelCardName=NAME)
versions = sorted(each["ModelCardVersion"] for each in listed["ModelCardVersionSummaryList"])
assert versions == [1, 2], versions
approved = [each.model_card_name for each in ModelCard.get_all(model_card_status="Approved")]
assert NAME in approved

content["intended_uses"]["risk_rating"] = "Enormous"
try:
    latest.update(content=json.dumps(content))
except ClientError as error:
    assert error.response["Error"]["Code"] == "ValidationException", error
    assert "risk_rating" in error.response["Error"]["Message"], error
else:
    raise AssertionError("a risk that the schema does not know was taken")

latest.delete()
assert NAME not in [each.model_card_name for each in ModelCard.get_all()]
print("wrote", len(versions), "versions of a card")
